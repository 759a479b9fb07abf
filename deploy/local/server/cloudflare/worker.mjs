// Runs a Worker as its wrangler.jsonc describes it, as a process of a scenario:
// ADDR (the Worker), ADMIN_ADDR (health and counters), CONFIG (the file), DIR (the
// built modules, in place of the folder of "main"), STATE_DIR (what KV, R2 and
// Durable Objects keep). Variables and required secrets that the file names come
// from the environment where it has them. With D1_URL the databases are those of
// that server; without, they are kept in STATE_DIR, too. Several Workers in one
// workerd are lists, with commas, of ADDR, CONFIG and DIR. With BARE they listen
// themselves, which is for measurements. FAULTS is a list of bindings, of KV or of
// Durable Objects, that faults.mjs stands before: POST /faults/BINDING says what it does.
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { parse } from "jsonc-parser";
import { Response } from "miniflare";
import { address, here, list, required, start } from "./runtime.mjs";

const admin = address("ADMIN_ADDR");
const key = randomUUID(); // for what only this program may ask the front
const bare = Boolean(process.env.BARE);
let state = "starting";

// modules are all files of the built folder, the main one first. Before it stands the
// front, in the same isolate: a Worker of its own would be one more request to each.
function modules(config, dir) {
  const kinds = { ".mjs": "ESModule", ".js": "ESModule", ".wasm": "CompiledWasm", ".html": "Text", ".css": "Text", ".txt": "Text" };
  const kind = (file) => kinds[file.slice(file.lastIndexOf("."))];
  const main = basename(config.main);
  const files = readdirSync(dir).filter(kind);
  if (!files.includes(main)) {
    console.error(`${dir} holds no ${main}`);
    process.exit(2);
  }
  files.sort((a, b) => (b === main) - (a === main));
  const built = files.map((f) => ({ type: kind(f), path: join(dir, f) }));
  if (bare) return built;
  const contents = readFileSync(`${here}front.mjs`, "utf8").replaceAll("./entry.mjs", `./${main}`);
  return [{ type: "ESModule", path: join(dir, "__front.mjs"), contents }, ...built];
}

function variables(config) {
  const all = { ...config.vars };
  for (const name of Object.keys(all)) all[name] = process.env[name] ?? all[name];
  for (const name of config.secrets?.required ?? []) all[name] = required(name);
  return all;
}

const named = (list, name, value) => Object.fromEntries((list ?? []).map((each) => [each[name], value(each)]));

// remote is a database of the server at D1_URL.
const remote = (d) => ({
  name: d.binding, type: "d1",
  plugin: { package: `${here}remoted1.mjs`, name: "remote-d1" },
  options: { address: new URL(process.env.D1_URL).host, database: d.database_name },
});

function consumer(c) {
  return {
    maxBatchSize: c.max_batch_size, maxBatchTimeout: c.max_batch_timeout, maxRetries: c.max_retries,
    retryDelay: c.retry_delay, deadLetterQueue: c.dead_letter_queue,
  };
}

const faulty = new Set((process.env.FAULTS ?? "").split(",").filter(Boolean));
const between = (config, binding) => `faults of ${config.name} ${binding}`;

// faults are the Workers that stand before those of its bindings.
function faults(config) {
  const one = (binding, target) => ({
    name: between(config, binding),
    modulesRoot: here,
    modules: [{ type: "ESModule", path: `${here}faults.mjs` }],
    compatibilityDate: "2026-04-01",
    ...target,
  });
  const objects = (o) => ({ TARGET: { className: o.class_name, scriptName: config.name, useSQLite: sqliteOf(config).has(o.class_name) } });
  return [
    ...(config.kv_namespaces ?? []).filter((n) => faulty.has(n.binding)).map((n) => one(n.binding, { kvNamespaces: { TARGET: n.id } })),
    ...(config.durable_objects?.bindings ?? []).filter((o) => faulty.has(o.name)).map((o) => one(o.name, { durableObjects: objects(o) })),
  ];
}

// sqliteOf are the Durable Object classes that the migrations give SQLite storage.
const sqliteOf = (config) => new Set((config.migrations ?? []).flatMap((m) => m.new_sqlite_classes ?? []));

function worker(config, dir) {
  const sqlite = sqliteOf(config);
  const direct = (list, name) => (list ?? []).filter((each) => !faulty.has(each[name]));
  const behind = (list, name) => (list ?? []).filter((each) => faulty.has(each[name]));
  return {
    name: config.name,
    modulesRoot: dir,
    modules: modules(config, dir),
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    bindings: { ...variables(config), ...(bare ? {} : { __RUNNER_KEY: key }) },
    d1Databases: process.env.D1_URL ? {} : named(config.d1_databases, "binding", (d) => d.database_name),
    unsafeBindings: process.env.D1_URL ? (config.d1_databases ?? []).map(remote) : [],
    kvNamespaces: named(direct(config.kv_namespaces, "binding"), "binding", (n) => n.id),
    serviceBindings: {
      ...named(behind(config.kv_namespaces, "binding"), "binding", (n) => ({ name: between(config, n.binding), entrypoint: "KV" })),
      ...(bare ? {} : { __RUNNER: () => new Response(`${state}\n`, { status: state === "ready" ? 200 : 503 }) }),
    },
    r2Buckets: named(config.r2_buckets, "binding", (b) => b.bucket_name),
    queueProducers: named(config.queues?.producers, "binding", (q) => ({ queueName: q.queue })),
    queueConsumers: named(config.queues?.consumers, "queue", consumer),
    durableObjects: {
      ...named(direct(config.durable_objects?.bindings, "name"), "name", (o) => ({ className: o.class_name, useSQLite: sqlite.has(o.class_name) })),
      ...named(behind(config.durable_objects?.bindings, "name"), "name", (o) => ({ className: "ObjectProxy", scriptName: between(config, o.name) })),
    },
    outboundService: () => new Response("this Worker runs without network", { status: 502 }),
  };
}

// Each Worker is reached through its front, but for measurements of the bare Worker.
const configs = list("CONFIG").map((file) => parse(readFileSync(file, "utf8")));
const apps = configs.map((config, i) => worker(config, list("DIR")[i]));
const standIns = configs.flatMap(faults);
apps.forEach((app, i) => { app.unsafeDirectSockets = [address("ADDR", list("ADDR")[i])]; });

const { flare, onTerm } = await start({ workers: [...apps, ...standIns], cachePersist: false }, required("STATE_DIR"));

// An open port says nothing: the Workers themselves must answer.
for (const { name } of apps) {
  const first = await (await flare.getWorker(name)).fetch("http://runner/healthz");
  if (first.status !== 200) {
    console.error(`the Worker ${name} answers ${first.status} to its first request: ${await first.text()}`);
    process.exit(1);
  }
}

// The administration: health, counters, and a call of the scheduled handler.
const server = createServer(async (request, response) => {
  const reply = (status, text) => response.writeHead(status, { "content-type": "text/plain" }).end(text);
  const path = new URL(request.url, "http://admin").pathname;
  try {
    if (path === "/healthz") return reply(200, "ok\n");
    if (path === "/readyz") return reply(state === "ready" ? 200 : 503, `${state}\n`);
    if (path === "/metrics") return reply(200, await counters());
    if (path === "/scheduled" && request.method === "POST") return reply(200, await scheduled());
    const standIn = standIns.find(({ name }) => path.startsWith("/faults/") && name.endsWith(` ${path.slice(8)}`));
    if (standIn && request.method === "POST") return reply(200, await fault(standIn, request));
    reply(404, "not found\n");
  } catch (error) {
    reply(500, `${error}\n`);
  }
});

async function scheduled() {
  const results = apps.map(async ({ name }) => (await flare.getWorker(name)).scheduled({ cron: "* * * * *" }));
  return `${JSON.stringify(await Promise.all(results))}\n`;
}

async function fault(standIn, request) {
  const body = Buffer.concat(await Array.fromAsync(request)).toString();
  return (await (await flare.getWorker(standIn.name)).fetch("http://runner/", { method: "POST", body })).text();
}

async function counted({ name }) {
  return (await (await flare.getWorker(name)).fetch("http://runner/counters", { headers: { "runner-key": key } })).json();
}

async function counters() {
  if (bare) return "";
  const lines = await Promise.all(apps.map(async (app) =>
    Object.entries(await counted(app)).map(([name, n]) => `${app.name}_${name} ${n}\n`)));
  return lines.flat().join("");
}

// drain fails readiness, so that the balancer turns away, and waits for what is
// under way, but not for ever.
async function drain() {
  state = "draining";
  if (bare) return;
  await new Promise((done) => setTimeout(done, Number(process.env.DRAIN_MILLISECONDS ?? 1000)));
  for (let tries = 0; tries < 100; tries++) {
    const open = await Promise.all(apps.map(async (app) => (await counted(app)).requests_open));
    if (open.every((n) => n === 0)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
}

onTerm(drain);
server.listen(admin.port, admin.host, () => {
  state = "ready";
  console.log(JSON.stringify({ msg: "ready", workers: apps.map((app) => app.name), addr: process.env.ADDR, pid: process.pid }));
});
