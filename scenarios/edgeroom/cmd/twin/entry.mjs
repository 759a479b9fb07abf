// The counter and the room in JavaScript, as the measure for those in Go: the same
// SQL, the same rules for what is measured. What is not is left out: settings, the
// history for those who come back, leases. It is measured beside the one in Go and
// deployed by nobody.
import { DurableObject } from "cloudflare:workers";

const together = 3; // ms that the first increment waits for others
const forgetEvery = 1000, keysKept = 10 * 60_000, maxWaiting = 1000;
const maxMembers = 500, history = 10_000, window = 512;

export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response(null);
    const [, kind, name] = /^\/api\/(counters|rooms)\/([a-z0-9-]{1,64})(?:\/increments)?$/.exec(pathname) ?? [];
    if (!kind) return problem(404, "no such page");
    const objects = kind === "counters" ? env.COUNTERS : env.ROOMS;
    return objects.get(objects.idFromName(name)).fetch(request);
  },
};

export class Counter extends DurableObject {
  #queue = [];
  #since = 0;

  constructor(state, env) {
    super(state, env);
    this.sql = state.storage.sql;
    this.sql.exec(`
      CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL);
      INSERT INTO counter VALUES (1, 0) ON CONFLICT DO NOTHING;
      CREATE TABLE IF NOT EXISTS increments (key TEXT PRIMARY KEY, amount INTEGER NOT NULL, value INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS increments_by_age ON increments (at);
      CREATE TRIGGER IF NOT EXISTS counted AFTER INSERT ON increments BEGIN UPDATE counter SET value = NEW.value; END`);
  }

  async fetch(request) {
    if (request.method === "GET") return answer(200, { value: this.sql.exec("SELECT value FROM counter").one().value });
    const key = request.headers.get("idempotency-key");
    if (!validKey(key)) return problem(400, "Idempotency-Key is not what a key looks like");
    const text = await request.text();
    let by = 1;
    try {
      if (text) by = JSON.parse(text).by ?? 1;
    } catch {
      return problem(400, "the body is no JSON");
    }
    if (!Number.isInteger(by) || by < 1 || by > 1000) return problem(400, "by is 1 to 1000");
    if (this.#queue.length >= maxWaiting) return problem(503, "the counter has more to do than it can", { "retry-after": "1" });
    const { value, again, amount } = await this.#add(key, by);
    if (amount !== by) return problem(422, "the Idempotency-Key was used for another increment");
    return answer(200, { value, key }, again ? { "idempotency-replayed": "true" } : {});
  }

  // #add waits for others, and all are committed together.
  #add(key, amount) {
    return new Promise((done) => {
      if (this.#queue.push({ key, amount, done }) === 1) setTimeout(() => this.#commit(), together);
    });
  }

  #commit() {
    const queue = this.#queue;
    this.#queue = [];
    for (const { key, amount, done } of queue) done(this.#one(key, amount));
  }

  #one(key, amount) {
    const now = Date.now();
    const [made] = this.sql.exec(
      "INSERT INTO increments SELECT ?, ?, value + ?, ? FROM counter WHERE true ON CONFLICT (key) DO NOTHING RETURNING value", key, amount, amount, now);
    if (!made) return { ...this.sql.exec("SELECT value, amount FROM increments WHERE key = ?", key).one(), again: true };
    if (++this.#since >= forgetEvery) {
      this.#since = 0;
      this.sql.exec("DELETE FROM increments WHERE at < ?", now - keysKept);
    }
    return { value: made.value, amount, again: false };
  }
}

export class Room extends DurableObject {
  #members = new Map(); // by WebSocket: client, seen, next

  constructor(state, env) {
    super(state, env);
    this.sql = state.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, client TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (client, id))");
    this.last = this.sql.exec("SELECT coalesce(max(seq), 0) AS last FROM messages").one().last;
    for (const ws of state.getWebSockets()) {
      const { client, seen } = ws.deserializeAttachment();
      this.#members.set(ws, { client, seen, next: seen + 1 });
    }
  }

  fetch(request) {
    const { searchParams } = new URL(request.url);
    const client = searchParams.get("client"), after = Number(searchParams.get("after"));
    if (request.headers.get("upgrade") !== "websocket" || !validKey(client) || !(after >= 0)) return problem(400, "this is for WebSockets");
    if (this.#members.size >= maxMembers) return problem(503, "the room is full", { "retry-after": "5" });
    const [theirs, ours] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(ours);
    const seen = Math.min(after, this.last);
    this.#members.set(ours, { client, seen, next: seen + 1 });
    ours.serializeAttachment({ client, seen });
    ours.send(JSON.stringify({ type: "welcome", seq: this.last }));
    return new Response(null, { status: 101, webSocket: theirs });
  }

  webSocketMessage(ws, data) {
    const who = this.#members.get(ws);
    if (!who) return;
    const said = JSON.parse(data);
    if (said.type === "say") return this.#say(ws, who, said);
    if (said.type !== "seen" || said.seq <= who.seen || said.seq >= who.next) return;
    who.seen = said.seq;
    ws.serializeAttachment({ client: who.client, seen: who.seen });
  }

  #say(ws, who, { id, text }) {
    if (!validKey(id) || typeof text !== "string" || text.length < 1 || text.length > 2000) {
      return ws.send(JSON.stringify({ type: "refused", id, why: "not what a message looks like" }));
    }
    const at = Date.now();
    const [made] = this.sql.exec(
      "INSERT INTO messages (client, id, text, at) VALUES (?, ?, ?, ?) ON CONFLICT (client, id) DO NOTHING RETURNING seq", who.client, id, text, at);
    const seq = made?.seq ?? this.sql.exec("SELECT seq FROM messages WHERE client = ? AND id = ?", who.client, id).one().seq;
    if (made) this.#spread({ type: "message", seq, id, client: who.client, text, at });
    ws.send(JSON.stringify({ type: "ack", id, seq }));
  }

  #spread(message) {
    this.last = message.seq;
    const text = JSON.stringify(message);
    for (const [ws, m] of this.#members) {
      if (m.next !== message.seq) continue;
      if (m.next - m.seen > window) {
        this.#members.delete(ws);
        ws.close(4008, "too slow: come back");
        continue;
      }
      m.next++;
      ws.send(text);
    }
    if (message.seq % 1000 === 0) this.sql.exec("DELETE FROM messages WHERE seq <= ?", message.seq - history);
  }

  webSocketClose(ws) { this.#members.delete(ws); }
  webSocketError(ws) { this.#members.delete(ws); }
}

const validKey = (s) => typeof s === "string" && /^[!-~]{1,100}$/.test(s);

function answer(status, value, headers) {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json", "cache-control": "no-store", ...headers } });
}

function problem(status, detail, headers) {
  return answer(status, { type: "about:blank", status, detail }, { "content-type": "application/problem+json", ...headers });
}
