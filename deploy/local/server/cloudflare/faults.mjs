// What goes wrong between a Worker and one of its bindings, for drills and tests
// alone: a stand-in, as both live in one process. It passes on what it is asked, to
// TARGET: a KV namespace or a Durable Object. A fault is
//   away  nothing is answered until it is over
//   lost  a share of the answers is lost after the call was carried out
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

let fault = { effect: "none", share: 0 };
let hits = 0;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function through(call) {
  if (fault.effect === "away") hits++;
  while (fault.effect === "away") await wait(20);
  const result = await call();
  if (fault.effect !== "lost" || Math.random() >= fault.share) return result;
  hits++;
  throw new Error("the answer is lost, on purpose");
}

// KV has the namespace's methods.
export class KV extends WorkerEntrypoint {
  get(...args) { return through(() => this.env.TARGET.get(...args)); }
  getWithMetadata(...args) { return through(() => this.env.TARGET.getWithMetadata(...args)); }
  put(...args) { return through(() => this.env.TARGET.put(...args)); }
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
