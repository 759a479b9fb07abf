// What goes wrong between a Worker and one of its bindings, for drills and tests
// alone: a stand-in, as both live in one process. It passes on what it is asked, to
// TARGET: a KV namespace or a Durable Object. A fault is
//   away  nothing is answered until it is over
//   lost  a share of the answers is lost after the call was carried out
//   late  of KV: every second read is that of a colo which hears of each write so many
//         milliseconds later
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

let fault = { effect: "none", share: 0, late: 0 };
let hits = 0;
let reads = 0;
const written = new Map(); // by key: what was written here, and when
const KEPT = 1000; // of each key

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function through(call) {
  if (fault.effect === "away") hits++;
  while (fault.effect === "away") await wait(20);
  const result = await call();
  if (fault.effect !== "lost" || Math.random() >= fault.share) return result;
  hits++;
  throw new Error("the answer is lost, on purpose");
}

function remember(key, value, options) {
  const all = written.get(key) ?? [];
  all.push({ at: Date.now(), value, metadata: options?.metadata ?? null });
  written.set(key, all.slice(-KEPT));
}

// late is what the colo that is behind knows of a key; undefined: the same as all.
function late(key) {
  if (fault.effect !== "late" || ++reads % 2 === 0) return undefined;
  const all = written.get(key) ?? [];
  const old = all.findLast(({ at }) => at <= Date.now() - fault.late);
  if (!old || old === all.at(-1)) return undefined;
  hits++;
  return { value: old.value, metadata: old.metadata };
}

// KV has the namespace's methods.
export class KV extends WorkerEntrypoint {
  get(...args) { return through(() => this.env.TARGET.get(...args)); }
  getWithMetadata(key, ...args) { return through(() => late(key) ?? this.env.TARGET.getWithMetadata(key, ...args)); }
  put(key, value, options) {
    return through(async () => {
      await this.env.TARGET.put(key, value, options);
      remember(key, value, options);
    });
  }
  delete(...args) { return through(() => this.env.TARGET.delete(...args)); }
  list(...args) { return through(() => this.env.TARGET.list(...args)); }
}

// ObjectProxy stands before the object of its own name.
export class ObjectProxy extends DurableObject {
  fetch(request) {
    const { TARGET } = this.env;
    return through(() => TARGET.get(TARGET.idFromName(this.ctx.id.name)).fetch(request));
  }
}

// The runner sets the fault, and is told how many calls have met one so far.
export default {
  async fetch(request) {
    fault = await request.json();
    return Response.json({ hits });
  },
};
