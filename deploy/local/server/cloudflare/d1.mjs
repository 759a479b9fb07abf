// D1 as a server of its own: Miniflare's D1, each database a SQLite file below
// STATE_DIR. ADDR is where it listens, DATABASES the names that it holds, separated
// by commas. Workers reach it with the API that workerd has for D1, see
// remoted1.mjs. Everybody else sends POST /<name>/query with {"sql": …,
// "params": […]}, or a list of those, which is one transaction.
import { address, here, required, start } from "./runtime.mjs";

const listen = address("ADDR");
const names = required("DATABASES").split(",");

const { onTerm } = await start({
  workers: [{
    name: "d1",
    modulesRoot: here,
    modules: [{ type: "ESModule", path: `${here}d1door.mjs` }],
    compatibilityDate: "2026-04-01",
    // A binding with this prefix is D1's wire instead of its API.
    d1Databases: Object.fromEntries(names.map((name) => [`__D1_BETA__${name}`, name])),
    bindings: { FIRST: names[0] },
    unsafeDirectSockets: [{ ...listen }],
  }],
}, required("STATE_DIR"));
onTerm(async () => {});
console.log(JSON.stringify({ msg: "ready", addr: process.env.ADDR, databases: names, pid: process.pid }));
