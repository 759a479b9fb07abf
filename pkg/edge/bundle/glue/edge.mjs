// Glue between a Go program compiled to WebAssembly and workerd. It carries
// values, keeps track of I/O contexts and calls the platform. It decides
// nothing: what a request means is Go's business.
import "./wasm_exec.js";
import wasm from "./app.wasm";
import { DurableObject, env as globalEnv } from "cloudflare:workers";

// ---- values: a tag byte and a payload, little endian (internal/host/codec.go) ----

const encoder = new TextEncoder();
const decoder = new TextDecoder();
let out = new Uint8Array(1 << 16);
let outView = new DataView(out.buffer);
let at = 0;

function reserve(n) {
  if (at + n <= out.length) return;
  let size = out.length;
  while (size < at + n) size *= 2;
  const bigger = new Uint8Array(size);
  bigger.set(out.subarray(0, at));
  out = bigger;
  outView = new DataView(out.buffer);
}

function putHead(tag, n) {
  reserve(5);
  out[at] = tag;
  outView.setUint32(at + 1, n, true);
  at += 5;
}

function putString(s) {
  reserve(s.length * 3 + 5);
  const start = at + 5;
  let n = 0;
  if (s.length < 64) { // a short ASCII string is faster by hand
    for (; n < s.length; n++) {
      const c = s.charCodeAt(n);
      if (c > 127) break;
      out[start + n] = c;
    }
  }
  if (n < s.length) n = encoder.encodeInto(s, out.subarray(start)).written;
  putHead(5, n);
  at += n;
}

// Strings is a list of nothing else, which Go reads without a box around each.
class Strings {
  constructor(list) { this.list = list; }
}

function putStrings(list) {
  putHead(10, list.length);
  for (const s of list) putString(s);
}

function putBytes(b) {
  putHead(6, b.byteLength);
  reserve(b.byteLength);
  out.set(b, at);
  at += b.byteLength;
}

function putNumber(n) {
  reserve(9);
  if ((n | 0) === n) {
    out[at] = 3;
    outView.setInt32(at + 1, n, true);
    at += 5;
    return;
  }
  out[at] = Number.isSafeInteger(n) ? 9 : 4;
  outView.setFloat64(at + 1, n, true);
  at += 9;
}

function put(v) {
  reserve(1);
  if (v === null || v === undefined) { out[at++] = 0; return; }
  switch (typeof v) {
    case "string": return putString(v);
    case "number": return putNumber(v);
    case "boolean": out[at++] = v ? 2 : 1; return;
    case "bigint": return putNumber(Number(v));
  }
  if (v instanceof ArrayBuffer) return putBytes(new Uint8Array(v));
  if (ArrayBuffer.isView(v)) return putBytes(new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
  if (Array.isArray(v)) {
    putHead(7, v.length);
    for (const x of v) put(x);
    return;
  }
  if (v instanceof Strings) return putStrings(v.list);
  if (v instanceof Date) return putNumber(v.getTime());
  const keys = Object.keys(v);
  putHead(8, keys.length);
  for (const k of keys) { putString(k); put(v[k]); }
}

let bytes, view; // views on the program's memory
let grown = true; // it has grown since they were made
function look() {
  if (!grown) return;
  grown = false;
  bytes = new Uint8Array(program.exports.mem.buffer);
  view = new DataView(bytes.buffer);
}

let from = 0;
function getLength() {
  const n = view.getUint32(from, true);
  from += 4;
  return n;
}

function ascii(p, n) {
  for (const end = p + n; p < end; p++) if (bytes[p] > 127) return false;
  return true;
}

function getString() {
  const n = getLength();
  const s = n < 256 && ascii(from, n) ? String.fromCharCode.apply(null, bytes.subarray(from, from + n)) : decoder.decode(bytes.subarray(from, from + n));
  from += n;
  return s;
}

function get() {
  const tag = bytes[from++];
  let n, r;
  switch (tag) {
    case 0: return null;
    case 1: return false;
    case 2: return true;
    case 3: n = view.getInt32(from, true); from += 4; return n;
    case 4: case 9: n = view.getFloat64(from, true); from += 8; return n;
    case 5: return getString();
    case 6: n = getLength(); r = bytes.slice(from, from + n); from += n; return r;
    case 7:
      n = getLength();
      r = new Array(n);
      for (let i = 0; i < n; i++) r[i] = get();
      return r;
    case 10:
      n = getLength();
      r = new Array(n);
      for (let i = 0; i < n; i++) { from++; r[i] = getString(); }
      return r;
    case 8:
      n = getLength();
      r = {};
      for (let i = 0; i < n; i++) { from++; const k = getString(); r[k] = get(); }
      return r;
  }
  throw new Error(`edge: unknown tag ${tag} in a value from Go`);
}

function read(pointer) {
  look();
  from = pointer >>> 0;
  return get();
}

// say puts v where Go's next export call finds it, and returns its size: into Go's
// inbox, or, where that is too small, into memory that Go makes. Go may run while it
// does and ask for results of its own, so those are written behind v.
function say(v) {
  const start = at;
  put(v);
  const end = at, n = end - start;
  const pointer = n <= INBOX ? program.inbox : program.exports.edge_alloc(program.self, n) >>> 0;
  look();
  bytes.set(start === 0 && n === out.length ? out : out.subarray(start, end), pointer);
  at = start;
  return n;
}

// ---- the program ----

let program = null;

const INBOX = 16384; // bytes of Go's inbox
const WRONG_CONTEXT = -(2 ** 31);
let result = new Uint8Array(0);
let starting = null;

const imports = {
  start(self, inbox) { starting = { self, inbox: inbox >>> 0 }; },

  op(id, call, pointer) {
    const [name, ...args] = read(pointer);
    const e = events.get(id);
    if (!e) return; // it ended; Go knows
    inContext(e.io, () => run(e, call, name, args));
  },

  sync(id, pointer) {
    const [name, ...args] = read(pointer);
    const e = id === 0 ? null : events.get(id);
    if (e && !within(e.io)) return WRONG_CONTEXT;
    let v, sign = 1;
    try {
      if (id !== 0 && !e) throw new Error("the event has ended");
      v = syncOps[name](e, ...args);
    } catch (err) {
      v = message(err);
      sign = -1;
    }
    if (v === undefined || v === null) return 0;
    const start = at;
    put(v);
    result = out.slice(start, at);
    at = start;
    return sign * result.length;
  },

  take(pointer) {
    look();
    bytes.set(result, pointer >>> 0);
  },

  reply(id, kind, pointer) {
    const v = read(pointer);
    const e = events.get(id);
    if (!e) return;
    inContext(e.io, () => {
      if (kind === 0 || kind === 3) e.settle(v);
      if (kind === 1) e.fail(new Error(v));
      if (kind >= 2) e.end();
    });
  },
};

const message = err => String(err?.message ?? err);

// How wasm_exec.js names values that it shares with Go: null, and itself.
const NAN = 0x7FF80000, NULL = 2, GO = 6;

// Go's clock, timers and random numbers, as far as workerd's differ from a browser's.
function adapt(go) {
  const js = go.importObject.gojs;
  const memoryOf = () => {
    look();
    return view;
  };
  const reset = js["runtime.resetMemoryDataView"];
  js["runtime.resetMemoryDataView"] = sp => {
    grown = true;
    reset(sp);
  };
  const origin = Date.now() - performance.now();
  // At global scope the clock stands at 0, which Go takes for a broken one.
  js["runtime.nanotime1"] = sp => {
    if (stale) clock = Math.round(Math.max(origin + performance.now(), 0.001) * 1e6);
    stale = current === null;
    const m = memoryOf();
    m.setUint32((sp >>> 0) + 8, clock % 4294967296, true);
    m.setUint32((sp >>> 0) + 12, clock / 4294967296, true);
  };
  // Each resume asks whether a callback of syscall/js is pending: the one look at a
  // property by its name in a request, and there is hardly ever one.
  const valueGet = js["syscall/js.valueGet"];
  js["syscall/js.valueGet"] = sp => {
    sp >>>= 0;
    const m = memoryOf();
    const ours = m.getUint32(sp + 8, true) === GO && (m.getUint32(sp + 12, true) & NAN) === NAN;
    if (!ours || go._pendingEvent !== null || m.getUint32(sp + 24, true) !== "_pendingEvent".length) return valueGet(sp);
    m.setUint32(sp + 32, NULL, true);
    m.setUint32(sp + 36, NAN, true);
  };
  // At global scope random values are refused; Go only seeds its maps there.
  const random = js["runtime.getRandomData"];
  js["runtime.getRandomData"] = sp => {
    try { random(sp); } catch {
      const m = memoryOf();
      const start = m.getUint32((sp >>> 0) + 8, true), n = m.getUint32((sp >>> 0) + 16, true);
      for (let i = 0; i < n; i++) m.setUint8(start + i, Math.random() * 256);
    }
  };
  // A timer of the platform dies with its request, Go's must not: see keep.
  let nextTimer = 0;
  js["runtime.scheduleTimeoutEvent"] = sp => {
    const m = memoryOf();
    alarm = { id: ++nextTimer, due: Date.now() + Number(m.getBigInt64((sp >>> 0) + 8, true)), owner: null };
    m.setInt32((sp >>> 0) + 16, alarm.id, true);
  };
  js["runtime.clearTimeoutEvent"] = sp => {
    if (alarm?.id === memoryOf().getInt32((sp >>> 0) + 8, true)) alarm = null;
  };
}

// Stacks that have grown stay.
const GO_ENV = { GODEBUG: "gcshrinkstackoff=1" };

function start() {
  const go = new globalThis.Go();
  go.env = { ...GO_ENV };
  go.importObject.edge = imports;
  adapt(go);
  const p = { go, exports: null, self: 0, inbox: 0, dead: false };
  go.exit = code => { p.dead = true; p.code = code; };
  const instance = new WebAssembly.Instance(wasm, go.importObject);
  p.exports = instance.exports;
  program = p;
  grown = true;
  starting = null;
  go.run(instance);
  if (starting === null) throw new Error("edge: the Go program ended without calling edge.Serve");
  Object.assign(p, starting);
}

// live returns the program, started anew if a panic outside of a handler ended it.
function live() {
  if (!program || program.dead) start();
  return program;
}

function bury() {
  program = null;
  alarm = null;
  for (const e of [...events.values()]) {
    inContext(e.io, () => {
      e.fail(new Error("edge: the Go program exited; the next request starts it again"));
      e.end();
    });
  }
}

// ---- I/O contexts ----
// What a request opened may be used only in turns of that request, and its
// timers die with it. One Go program serves all requests, so a goroutine of one
// may be woken in the turn of another: what it asks for then waits for its own.

const KEEP = 1000; // ms after which a context that only waits looks whether it must go on waiting
const LOOK = 20; // the same, of a section
const DOOMED = 35_000; // ms after which a context whose client left is surely gone (waitUntil ends at 30 s)

let current = null; // whose turn it is
let clock = 0; // Go's, which stands still within a turn, as the platform's does
let stale = true; // it is of another turn
let alarm = null; // Go's next timer
const waiting = new Set(); // contexts with an unfinished event

class Context {
  outer = null;
  events = 0;
  ops = 0;
  late = [];
  wake = null;
  timers = null; // those of later, once there was one
  timer = null; // its next turn
  held = 0;
}

// A Section is a context inside of blockConcurrencyWhile or a transaction. Until that
// ends, the platform holds back what wakes the object from outside, also what another
// request has that is late for the section: so the section looks by itself.
class Section extends Context {
  constructor(outer) {
    super();
    this.outer = outer;
    this.sockets = outer.sockets;
    this.numbers = outer.numbers;
  }
}

// section lets how, which is one of the two, run f in a section of context outer.
async function section(outer, how, f) {
  let begun = false;
  try {
    return await how(() => {
      begun = true;
      hold(outer);
      return f(new Section(outer));
    });
  } finally {
    if (begun) free(outer);
  }
}

// ---- timers ----
// The platform calls an object's timers one after the other: one that was set before a
// section and is due in it waits for its end, and those of the section behind it. So
// the timers around a section are taken back while it runs.

function later(io, ms, f) {
  const timer = { due: Date.now() + ms, f, id: 0 };
  (io.timers ??= new Set()).add(timer);
  if (io.held === 0) arm(io, timer);
  return timer;
}

function arm(io, timer) {
  timer.id = setTimeout(() => {
    io.timers.delete(timer);
    timer.f();
  }, Math.max(0, timer.due - Date.now()));
}

function cancel(io, timer) {
  if (!io.timers?.delete(timer)) return;
  clearTimeout(timer.id);
}

function hold(io) {
  for (let c = io; c; c = c.outer) {
    if (c.held++ === 0) for (const timer of c.timers ?? []) clearTimeout(timer.id);
  }
}

function free(io) {
  for (let c = io; c; c = c.outer) {
    if (--c.held === 0) for (const timer of c.timers ?? []) arm(c, timer);
  }
}

// within says whether it is the turn of context io, or of a section in it.
function within(io) {
  for (let c = current; c; c = c.outer) if (c === io) return true;
  return false;
}

// inContext runs f in a turn of context io: now if it is its turn, else soon.
function inContext(io, f) {
  if (within(io)) return f();
  io.late.push(f);
  io.wake?.();
}

// turn runs f and then Go in context io until nothing is left to do.
function turn(io, f) {
  const before = current;
  current = io;
  stale = true;
  try {
    if (io.late.length > 0) {
      const late = io.late;
      io.late = [];
      for (const g of late) g();
    }
    f?.();
    if (program && !program.dead) program.exports.resume();
    if (program?.dead) bury();
  } finally {
    current = before;
  }
  keep(io);
}

// keep makes sure that context io comes back: to be woken by another one, to ring
// Go's timer, and because the platform kills a request that waits for nothing.
function keep(io) {
  if (io.events === 0) return;
  if (!io.wake) new Promise(resolve => { io.wake = resolve; }).then(() => { io.wake = null; turn(io); });
  let next = io instanceof Section ? Date.now() + LOOK : io.ops === 0 ? Date.now() + KEEP : Infinity;
  if (alarm && (!alarm.owner || alarm.owner === io)) {
    alarm.owner = io;
    next = Math.min(next, alarm.due);
  }
  if (io.timer && io.timer.due <= next) return;
  if (io.timer) cancel(io, io.timer);
  if (next === Infinity) return;
  io.timer = later(io, next - Date.now(), () => {
    io.timer = null;
    if (io.events > 0) turn(io);
  });
}

// leave hands Go's timer to another context.
function leave(io) {
  waiting.delete(io);
  io.wake = null;
  if (io.timer) cancel(io, io.timer);
  io.timer = null;
  if (!alarm || alarm.owner !== io) return;
  alarm.owner = null;
  for (const other of waiting) {
    if (other.wake) return other.wake();
  }
}

// ---- events ----

const events = new Map();
const doomed = [];
let nextEvent = 0;

const plain = (e, v) => v;

class Event {
  constructor(io, env, about) {
    this.id = ++nextEvent;
    this.io = io;
    this.env = env;
    this.request = about.request;
    this.body = about.body; // the request's, where Go has it already
    this.state = about.state;
    this.ctx = about.ctx;
    this.answer = about.answer ?? plain; // makes of the event and its value what is given to the platform
    this.handles = null;
    this.readers = null;
    this.settled = false;
    this.ended = false;
    events.set(this.id, this);
    io.events++;
    waiting.add(io);
  }

  // keepHandle gives an object that stays on this side a number.
  keepHandle(o) {
    this.handles ??= [null];
    return this.handles.push(o) - 1;
  }

  // handle returns it; 0 is the request's body.
  handle(n) {
    if (n === 0) return this.request?.body;
    const o = this.handles?.[n];
    if (!o) throw new Error(`no handle ${n}`);
    return o;
  }

  settle(v) {
    if (this.settled) return;
    let answer;
    try { answer = this.answer(this, v); } catch (err) { return this.fail(err); }
    this.settled = true;
    if (!this.resolve) this.value = answer;
    else this.resolve(answer);
    this.resolve = this.reject = null;
  }

  fail(err) {
    if (this.settled) return;
    this.settled = true;
    this.error = err;
    this.reject?.(err);
    this.resolve = this.reject = null;
  }

  end() {
    if (this.ended) return;
    this.ended = true;
    events.delete(this.id);
    if (--this.io.events === 0) leave(this.io);
    this.release?.();
    this.forget?.();
    this.env = this.request = this.body = this.state = this.ctx = this.answer = this.handles = this.readers = this.release = this.forget = null;
  }

  result() {
    if (!this.settled) return new Promise((resolve, reject) => { this.resolve = resolve; this.reject = reject; });
    if (this.error) throw this.error;
    const v = this.value;
    this.value = null;
    return v;
  }
}

// deliver gives Go an event and returns the answer or a promise of it.
function deliver(io, env, args, about) {
  sweep();
  live();
  const e = new Event(io, env, about);
  turn(io, () => {
    const n = say(args(e));
    program.exports.edge_event(program.self, e.id, n);
  });
  if (!e.ended) outlive(e);
  return e.result();
}

// outlive keeps the context of an unfinished event after its answer, and after its
// client left, so that a goroutine is not cut off while it holds a lock.
function outlive(e) {
  e.ctx?.waitUntil(new Promise(resolve => { e.release = resolve; }));
  const signal = e.request?.signal;
  if (!signal) return;
  const left = () => {
    if (!e.state) doomed.push({ e, at: Date.now() + DOOMED }); // an object's context stays
    turn(e.io, () => program?.exports.edge_cancel(program.self, e.id, 0));
  };
  signal.addEventListener("abort", left);
  e.forget = () => signal.removeEventListener("abort", left);
}

// sweep tells Go of contexts that the platform tore down.
function sweep() {
  while (doomed.length && doomed[0].at < Date.now()) {
    const { e } = doomed.shift();
    if (!e.ended) lose(e);
  }
}

// lose ends an event whose context is gone, and its signal with it.
function lose(e) {
  program?.exports.edge_cancel(program.self, e.id, 1);
  e.forget = null;
  e.end();
}

function run(e, call, name, args) {
  const p = program;
  e.io.ops++;
  let promise;
  try { promise = Promise.resolve(ops[name](e, ...args)); } catch (err) { promise = Promise.reject(err); }
  const done = (v, failed) => {
    e.io.ops--;
    turn(e.io, () => {
      if (p !== program || p.dead) return;
      const n = say(v);
      p.exports.edge_done(p.self, call, failed, n);
    });
  };
  promise.then(v => done(v, 0), err => done(message(err), 1));
}

// ---- what the platform calls ----

const EMPTY = [101, 204, 205, 304]; // answers that have no body

function response(e, v) {
  if (typeof v === "number") return e.handle(v); // another server's answer, as it is
  const [status, pairs, body] = v;
  if (status === 101) return new Response(null, { status, webSocket: e.handle(body) });
  const content = EMPTY.includes(status) ? null : typeof body === "number" ? e.handle(body) : body;
  if (status === 200 && pairs.length === 0) return new Response(content);
  return new Response(content, { status, headers: headersOf(pairs) });
}

// Every object of the platform that is touched is wrapped, and a wrapper lives until
// the next full collection: so headers are given to a constructor, as a record or, where
// a name comes twice, as a list, and are taken without an iterator.
function headersOf(pairs) {
  const record = {};
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] in record) return listOf(pairs);
    record[pairs[i]] = pairs[i + 1];
  }
  return record;
}

function listOf(pairs) {
  const list = [];
  for (let i = 0; i < pairs.length; i += 2) list.push([pairs[i], pairs[i + 1]]);
  return list;
}

let pairs; // of the headers that are being taken
const collect = (value, name) => { pairs.push(name, value); };

function pairsOf(headers) {
  pairs = [];
  headers.forEach(collect);
  return new Strings(pairs);
}

function requestArgs(first, { request, body }) {
  const { method, url, headers } = request;
  return [...first, method, url, pairsOf(headers), body ?? hasBody(method, pairs) ?? request.body !== null];
}

// hasBody says what the headers say: null where that is nothing.
function hasBody(method, pairs) {
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] === "content-length") return pairs[i + 1] !== "0";
    if (pairs[i] === "transfer-encoding") return true;
  }
  return method === "GET" || method === "HEAD" ? false : null;
}

function fetchEvent(io, env, about, first) {
  about.answer = response;
  return deliver(io, env, () => requestArgs(first, about), about);
}

function queueMessage(m) {
  const body = m.body;
  const raw = ArrayBuffer.isView(body) || body instanceof ArrayBuffer || typeof body === "string" ? body : JSON.stringify(body);
  return [m.id, m.timestamp.getTime(), m.attempts, raw];
}

// settle does to each message what Go decided: 0 acknowledge, 1 retry; and a delay.
function settle(batch, decisions) {
  batch.messages.forEach((m, i) => {
    const [retry, delaySeconds] = [decisions[2 * i], decisions[2 * i + 1]];
    if (retry) m.retry(delaySeconds > 0 ? { delaySeconds } : undefined);
    else m.ack();
  });
}

export const worker = {
  fetch(request, env, ctx) {
    const send = body => fetchEvent(new Context(), env, { request, body, ctx }, ["fetch"]);
    const { method } = request;
    if (method === "GET" || method === "HEAD" || !isSmall(request)) return send();
    // With its body at once a request costs Go one turn less.
    return request.arrayBuffer().then(send);
  },
  async queue(batch, env, ctx) {
    const args = () => ["queue", batch.queue, batch.messages.map(queueMessage)];
    settle(batch, await deliver(new Context(), env, args, { ctx }));
  },
  async scheduled(event, env, ctx) {
    await deliver(new Context(), env, () => ["scheduled", event.cron, event.scheduledTime], { ctx });
  },
};

// ---- Durable Objects ----

let nextObject = 0;
const dropped = new FinalizationRegistry(({ p, id }) => {
  if (p !== program || p.dead) return;
  p.exports.edge_drop(p.self, id);
  turn(new Context());
});

// objectClass makes the class that wrangler.jsonc names; Go knows it by that name.
export function objectClass(name) {
  return class extends DurableObject {
    #io = new Context(); // all events of an object share one
    #program = null;
    #id = 0;

    constructor(state, env) {
      super(state, env);
      this.#io.sockets = new Map();
      this.#io.numbers = new Map();
      state.blockConcurrencyWhile(() => this.#make(new Section(this.#io)));
    }

    // #make lets Go make its half, before the first event.
    #make(io) {
      this.#program = live();
      this.#id = ++nextObject;
      dropped.register(this, { p: this.#program, id: this.#id });
      return deliver(io, this.env, () => ["object.new", this.#id, name, this.ctx.id.toString(), this.ctx.id.name ?? ""], { state: this.ctx });
    }

    // #deliver gives the object an event; one whose program ended is made again.
    #deliver(kind, args, request) {
      const about = { request, state: this.ctx };
      const send = () => request
        ? fetchEvent(this.#io, this.env, about, [kind, this.#id])
        : deliver(this.#io, this.env, () => [kind, this.#id, ...args], about);
      if (this.#program === live()) return send();
      return section(this.#io, f => this.ctx.blockConcurrencyWhile(f), io => this.#make(io)).then(send);
    }

    fetch(request) { return this.#deliver("object.fetch", [], request); }
    alarm(info) { return this.#deliver("object.alarm", [info?.retryCount ?? 0]); }
    webSocketMessage(ws, data) { return this.#deliver("object.message", [number(this.#io, ws), data]); }
    webSocketClose(ws, code, reason) { return this.#closed(ws, code, reason); }
    webSocketError(ws, err) { return this.#closed(ws, 1006, message(err)); }

    async #closed(ws, code, reason) {
      const n = number(this.#io, ws);
      try {
        await this.#deliver("object.closed", [n, code, reason]);
      } finally {
        this.#io.sockets.delete(n);
        this.#io.numbers.delete(ws);
        // The client waits for the answer to its close; 1006 has none.
        try { if (code !== 1006) ws.close(code === 1005 ? 1000 : code, reason); } catch { /* it is closed */ }
      }
    }
  };
}

let nextSocket = 0;

// number gives a WebSocket of an object a number that holds until the object hibernates.
function number(io, ws) {
  let n = io.numbers.get(ws);
  if (n === undefined) {
    n = ++nextSocket;
    io.numbers.set(ws, n);
    io.sockets.set(n, ws);
  }
  return n;
}

function socket(e, n) {
  const ws = e.io.sockets.get(n);
  if (!ws) throw new Error(`no WebSocket ${n}`);
  return ws;
}

// inside runs a function of Go's while the object takes no other events. It begins
// outside of Go's own call, which Go must have left before it is entered again.
async function inside(e, object, callback, how) {
  await null;
  return section(e.io, how, io => deliver(io, e.env, () => ["object.inside", object, callback], { state: e.state }));
}

// abort ends an object where it stands. The platform stops what runs and tells nobody:
// so it is called outside of Go, who is told before that nothing of this object's will
// be answered.
function abort({ io, state }, why) {
  while (io.outer) io = io.outer;
  for (const other of [...events.values()]) {
    for (let c = other.io; c; c = c.outer) if (c === io) lose(other);
  }
  turn(io);
  state.abort(why);
}

// ---- operations ----

function binding(e, name) {
  const b = e.env[name];
  if (b === undefined) throw new Error(`no binding ${name}`);
  return b;
}

// content is what to send: bytes, text, or the handle of a stream.
const content = (e, v) => typeof v === "number" ? e.handle(v) : v;

function describe(e, r) {
  return [r.status, pairsOf(r.headers), r.body ? e.keepHandle(r.body) : null];
}

const SMALL = 65536; // bytes of a body that comes with its headers

function isSmall({ headers }) {
  const n = Number(headers.get("content-length"));
  return 0 < n && n <= SMALL;
}

// whole is describe, with the body at once where it is known to be small: that spares
// Go a call for each piece and one for the end.
async function whole(e, r) {
  if (!r.body || !isSmall(r)) return describe(e, r);
  return [r.status, pairsOf(r.headers), await r.arrayBuffer()];
}

function outgoing(e, method, url, pairs, body, redirect) {
  return new Request(url, { method, headers: headersOf(pairs), body: content(e, body), redirect: redirect ?? "manual" });
}

const sqlArgs = args => args.map(a => a instanceof Uint8Array ? a.buffer : a);

function statement(session, sql, args) {
  const s = session.prepare(sql);
  return args.length ? s.bind(...sqlArgs(args)) : s;
}

const meta = m => [m.changes ?? 0, m.last_row_id ?? 0, m.rows_read ?? 0, m.rows_written ?? 0];

// cell undoes what D1 makes of a BLOB: a list of numbers.
const cell = v => Array.isArray(v) ? Uint8Array.from(v) : v;

function table(r) {
  const columns = r.results?.length ? Object.keys(r.results[0]) : [];
  return [meta(r.meta), new Strings(columns), (r.results ?? []).map(row => columns.map(c => cell(row[c])))];
}

const stub = (e, name, object) => binding(e, name).getByName(object);

function r2Object(e, o) {
  if (!o) return null;
  return {
    key: o.key, version: o.version, size: o.size, etag: o.etag, uploaded: o.uploaded,
    http: o.httpMetadata ?? {}, custom: o.customMetadata ?? {}, sha256: o.checksums?.sha256 ?? null,
    body: o.body ? e.keepHandle(o.body) : null,
  };
}

const upload = (e, b, key, id) => binding(e, b).resumeMultipartUpload(key, id);

const cacheOf = name => name ? caches.open(name) : caches.default;

const ops = {
  "turn": () => undefined,
  "sleep": (e, ms) => new Promise(resolve => later(e.io, ms, resolve)),
  "fetch": async (e, ...r) => describe(e, await fetch(outgoing(e, ...r))),

  "request.whole": e => e.request.arrayBuffer(),
  "stream.read": async (e, h) => {
    e.readers ??= new Map();
    let r = e.readers.get(h);
    if (!r) e.readers.set(h, r = e.handle(h).getReader());
    const { done, value } = await r.read();
    return done ? null : value;
  },
  "stream.cancel": (e, h) => (e.readers?.get(h) ?? e.handle(h)).cancel(),
  "stream.write": (e, h, b) => e.handle(h).write(b),
  "stream.close": (e, h) => e.handle(h).close(),
  "stream.abort": (e, h, why) => e.handle(h).abort(new Error(why)),

  // d1.batch begins the session with its first batch.
  "d1.batch": async (e, h, b, start, list) => {
    h ??= e.keepHandle(binding(e, b).withSession(start));
    const session = e.handle(h);
    const results = await session.batch(list.map(([sql, args]) => statement(session, sql, args)));
    return [h, session.getBookmark() ?? "", results.map(table)];
  },

  "kv.get": async (e, b, key, cacheTtl) => {
    const r = await binding(e, b).getWithMetadata(key, { type: "arrayBuffer", ...(cacheTtl ? { cacheTtl } : {}) });
    return r.value === null ? null : [r.value, r.metadata === null ? null : JSON.stringify(r.metadata)];
  },
  "kv.put": (e, b, key, value, options, metadata) =>
    binding(e, b).put(key, value, { ...options, ...(metadata ? { metadata: JSON.parse(metadata) } : {}) }),
  "kv.delete": (e, b, key) => binding(e, b).delete(key),
  "kv.list": async (e, b, options) => {
    const r = await binding(e, b).list(options);
    return [r.keys.map(k => [k.name, k.metadata ? JSON.stringify(k.metadata) : null]), r.list_complete ? "" : r.cursor];
  },

  "r2.put": async (e, b, key, value, o) => r2Object(e, await binding(e, b).put(key, content(e, value), o)),
  "r2.get": async (e, b, key, o) => r2Object(e, await binding(e, b).get(key, o)),
  "r2.head": async (e, b, key) => r2Object(e, await binding(e, b).head(key)),
  "r2.delete": (e, b, keys) => binding(e, b).delete(keys),
  "r2.list": async (e, b, o) => {
    const r = await binding(e, b).list(o);
    return [r.objects.map(x => r2Object(e, x)), r.truncated ? r.cursor : ""];
  },
  "r2.upload": async (e, b, key, o) => (await binding(e, b).createMultipartUpload(key, o)).uploadId,
  "r2.part": async (e, b, key, id, n, value) => (await upload(e, b, key, id).uploadPart(n, content(e, value))).etag,
  "r2.complete": async (e, b, key, id, parts) =>
    r2Object(e, await upload(e, b, key, id).complete(parts.map(([partNumber, etag]) => ({ partNumber, etag })))),
  "r2.abort": (e, b, key, id) => upload(e, b, key, id).abort(),

  "queue.send": async (e, b, list) => {
    await binding(e, b).sendBatch(list.map(([body, delay]) =>
      ({ body, contentType: "bytes", ...(delay ? { delaySeconds: delay } : {}) })));
  },

  "cache.match": async (e, name, ...r) => {
    const [method, url, pairs] = r;
    const plain = method === "GET" && pairs.length === 0;
    const hit = await (await cacheOf(name)).match(plain ? url : outgoing(e, ...r));
    return hit ? whole(e, hit) : null;
  },
  "cache.put": async (e, name, url, answer) => (await cacheOf(name)).put(url, response(e, answer)),
  "cache.delete": async (e, name, url) => (await cacheOf(name)).delete(url),

  "object.fetch": async (e, b, name, ...r) => describe(e, await stub(e, b, name).fetch(outgoing(e, ...r))),
  "object.forward": async (e, b, name) =>
    e.keepHandle(await stub(e, b, name).fetch(e.body ? new Request(e.request, { body: e.body }) : e.request)),

  "state.block": (e, object, callback) => inside(e, object, callback, f => e.state.blockConcurrencyWhile(f)),
  "state.transaction": (e, object, callback) => inside(e, object, callback, f => e.state.storage.transaction(f)),
  "state.setAlarm": (e, at) => e.state.storage.setAlarm(at),
  "state.alarm": e => e.state.storage.getAlarm(),
  "state.deleteAlarm": e => e.state.storage.deleteAlarm(),
  "state.deleteAll": e => e.state.storage.deleteAll(),
  "state.sync": e => e.state.storage.sync(),
  "state.abort": (e, why) => new Promise(() => { Promise.resolve().then(() => abort(e, why)); }),
};

const syncOps = {
  "env": (e, name) => typeof globalEnv[name] === "string" ? globalEnv[name] : undefined,
  "log": (e, level, line) => console[level](line),

  "stream.new": (e, n) => {
    const t = n < 0 ? new IdentityTransformStream() : new FixedLengthStream(n);
    return [e.keepHandle(t.readable), e.keepHandle(t.writable.getWriter())];
  },
  "state.sql": (e, sql, args) => {
    const c = e.state.storage.sql.exec(sql, ...sqlArgs(args));
    const rows = [...c.raw()];
    return [[c.rowsRead, c.rowsWritten], new Strings(c.columnNames), rows];
  },

  "socket.accept": (e, tags) => {
    const pair = new WebSocketPair();
    e.state.acceptWebSocket(pair[1], tags);
    return [e.keepHandle(pair[0]), number(e.io, pair[1])];
  },
  "socket.all": (e, tag) => e.state.getWebSockets(tag || undefined).map(ws => number(e.io, ws)),
  // socket.send sends to each of a list and returns those that could not take it.
  "socket.send": (e, list, data) => list.filter(n => {
    try { socket(e, n).send(data); return false; } catch { return true; }
  }),
  "socket.close": (e, n, code, reason) => { socket(e, n).close(code, reason); },
  "socket.attach": (e, n, data) => { socket(e, n).serializeAttachment(data); },
  "socket.attached": (e, n) => socket(e, n).deserializeAttachment(),
  "socket.tags": (e, n) => e.state.getTags(socket(e, n)),
  "socket.auto": (e, ask, answer) => { e.state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(ask, answer)); },
};

live(); // at global scope: charged to the start, not to the first request
