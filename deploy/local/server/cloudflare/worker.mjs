// Runs one Worker as its wrangler.jsonc describes it, as a process of a scenario:
// ADDR (the Worker), ADMIN_ADDR (health and counters), CONFIG (the file), DIR (the
// built modules, in place of the folder of "main"), STATE_DIR (what KV, R2 and
// Durable Objects keep). Variables and required secrets that the file names come
// from the environment where it has them. With D1_URL the databases are those of
// that server; without, they are kept in STATE_DIR, too.
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { parse } from "jsonc-parser";
import { Response } from "miniflare";
import { address, here, required, start } from "./runtime.mjs";

const listen = address("ADDR");
const admin = address("ADMIN_ADDR");
const config = parse(readFileSync(required("CONFIG"), "utf8"));
const dir = required("DIR");
const key = randomUUID(); // for what only this program may ask the front
let state = "starting";

// modules are all files of the built folder, the main one first.
function modules() {
  const kinds = { ".mjs": "ESModule", ".js": "ESModule", ".wasm": "CompiledWasm", ".html": "Text", ".css": "Text", ".txt": "Text" };
  const main = basename(config.main);
  const files = readdirSync(dir).filter((f) => kinds[f.slice(f.lastIndexOf("."))]);
  if (!files.includes(main)) {
    console.error(`${dir} holds no ${main}`);
    process.exit(2);
  }
  files.sort((a, b) => (b === main) - (a === main));
  return files.map((f) => ({ type: kinds[f.slice(f.lastIndexOf("."))], path: join(dir, f) }));
}

function variables() {
  const all = { ...config.vars };
  for (const name of Object.keys(all)) all[name] = process.env[name] ?? all[name];
  for (const name of config.secrets?.required ?? []) all[name] = required(name);
  return all;
}

const named = (list, name, value) => Object.fromEntries((list ?? []).map((each) => [each[name], value(each)]));

function database(d) {
  const url = process.env.D1_URL;
  return url ? { id: d.database_name, remoteProxyConnectionString: new URL(`${url}/${d.database_name}`) } : d.database_name;
}

function consumer(c) {
  return {
    maxBatchSize: c.max_batch_size, maxBatchTimeout: c.max_batch_timeout, maxRetries: c.max_retries,
    retryDelay: c.retry_delay, deadLetterQueue: c.dead_letter_queue,
  };
}

// sqlite are the Durable Object classes that the migrations give SQLite storage.
const sqlite = new Set((config.migrations ?? []).flatMap((m) => m.new_sqlite_classes ?? []));

const worker = {
  name: config.name,
  modulesRoot: dir,
  modules: modules(),
  compatibilityDate: config.compatibility_date,
  compatibilityFlags: config.compatibility_flags,
  bindings: variables(),
  d1Databases: named(config.d1_databases, "binding", database),
  kvNamespaces: named(config.kv_namespaces, "binding", (n) => n.id),
  r2Buckets: named(config.r2_buckets, "binding", (b) => b.bucket_name),
  queueProducers: named(config.queues?.producers, "binding", (q) => ({ queueName: q.queue })),
  queueConsumers: named(config.queues?.consumers, "queue", consumer),
  durableObjects: named(config.durable_objects?.bindings, "name", (o) => ({ className: o.class_name, useSQLite: sqlite.has(o.class_name) })),
  outboundService: () => new Response("this Worker runs without network", { status: 502 }),
};

const front = {
  name: "front",
  modulesRoot: here,
  modules: [{ type: "ESModule", path: `${here}front.mjs` }],
  compatibilityDate: "2026-04-01",
  bindings: { KEY: key },
  serviceBindings: {
    APP: config.name,
    RUNNER: () => new Response(`${state}\n`, { status: state === "ready" ? 200 : 503 }),
  },
  unsafeDirectSockets: [{ ...listen }],
};

const { flare, onTerm } = await start({ workers: [front, worker], cachePersist: false }, required("STATE_DIR"));
const door = await flare.getWorker("front");
const app = await flare.getWorker(config.name);
const ask = async (path) => door.fetch(`http://runner${path}`, { headers: { "runner-key": key } });

// An open port says nothing: the Worker itself must answer.
const first = await app.fetch("http://runner/healthz");
if (first.status !== 200) {
  console.error(`the Worker answers ${first.status} to its first request: ${await first.text()}`);
  process.exit(1);
}

// The administration: health, counters, and a call of the scheduled handler.
const server = createServer(async (request, response) => {
  const reply = (status, text) => response.writeHead(status, { "content-type": "text/plain" }).end(text);
  const path = new URL(request.url, "http://admin").pathname;
  try {
    if (path === "/healthz") return reply(200, "ok\n");
    if (path === "/readyz") return reply(state === "ready" ? 200 : 503, `${state}\n`);
    if (path === "/metrics") return reply(200, await counters());
    if (path === "/scheduled" && request.method === "POST") return reply(200, `${JSON.stringify(await app.scheduled({ cron: "* * * * *" }))}\n`);
    reply(404, "not found\n");
  } catch (error) {
    reply(500, `${error}\n`);
  }
});

async function counters() {
  const counted = await (await ask("/counters")).json();
  return Object.entries(counted).map(([name, n]) => `${config.name}_${name} ${n}\n`).join("");
}

// drain fails readiness, so that the balancer turns away, and waits for what is
// under way, but not for ever.
async function drain() {
  state = "draining";
  await new Promise((done) => setTimeout(done, Number(process.env.DRAIN_MILLISECONDS ?? 1000)));
  for (let tries = 0; tries < 100; tries++) {
    if ((await (await ask("/counters")).json()).requests_open === 0) return;
    await new Promise((done) => setTimeout(done, 50));
  }
}

onTerm(drain);
server.listen(admin.port, admin.host, () => {
  state = "ready";
  console.log(JSON.stringify({ msg: "ready", worker: config.name, addr: process.env.ADDR, pid: process.pid }));
});
