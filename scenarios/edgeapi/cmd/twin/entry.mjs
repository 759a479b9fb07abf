// The same API in JavaScript, as the measure for the one in Go: the same routes, the
// same SQL, the same headers, and the same limits of what waits for D1 and for how long.
// It is measured beside it and deployed by nobody.
const freshFor = 10_000;
const columns = "id, name, description, price, cost, version, updated";
const claim = `INSERT INTO keys (key, hash, attempt, status, version, body, created) SELECT ?, ?, ?, ?, ?, ?, ? FROM items WHERE id = ? AND version = ? ON CONFLICT (key) DO NOTHING`;
const outcome = `SELECT k.hash, k.attempt, k.status, k.version, k.body, (SELECT version FROM items WHERE id = ?2) AS now FROM (SELECT 1) LEFT JOIN keys k ON k.key = ?1`;
const encoder = new TextEncoder();
let wanted; // hash of the token
let open = 0; // batches under way
const near = new Map(); // answers, those that were kept last at its end

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (url.pathname === "/healthz") return new Response(null);
    try {
      return await route(request, env, ctx, url);
    } catch (err) {
      console.error(`ERROR: ${request.method} failed: ${err.message}`);
      if (request.method === "GET" || err === overloaded) return problem(503, "the database does not answer", { "retry-after": "1" });
      return problem(504, "the database did not answer: repeat the request with the same Idempotency-Key");
    }
  },
};

async function route(request, env, ctx, url) {
  if (url.pathname === "/api/settings" && request.method === "GET") return settings(env);
  const id = /^\/api\/items\/([0-9a-f]{24})$/.exec(url.pathname)?.[1];
  if (id && request.method === "GET") return get(request, env, ctx, id);
  if (id && request.method === "PUT") return update(request, env, id);
  return problem(404, "no such page");
}

const overloaded = new Error("the database takes no more now");

// batch asks D1, as many times at once and for as long as the configuration allows.
async function batch(env, session, statements) {
  if (open >= Number(env.D1_MOST)) throw overloaded;
  open++;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("D1 took too long")), Number(env.D1_TIMEOUT_MS));
  });
  try {
    return await Promise.race([session.batch(statements), late]);
  } finally {
    clearTimeout(timer);
    open--;
  }
}

async function settings(env) {
  const body = (await env.SETTINGS.get("settings", { cacheTtl: 60 })) ?? "{}";
  return new Response(body, { headers: { "content-type": "application/json", "cache-control": "public, max-age=60" } });
}

async function get(request, env, ctx, id) {
  const known = await isKnown(request, env);
  if (known === null) return problem(401, "this token is not known");
  const since = request.headers.get("d1-bookmark");
  if (since && !/^[-0-9A-Za-z]{1,200}$/.test(since)) return problem(400, "D1-Bookmark was not made here");
  if (known || since || request.headers.get("cache-control")?.includes("no-cache")) {
    const { item, bookmark } = await read(env, id, since || "first-primary");
    if (!item) return problem(404, "there is no such item");
    return send(request, entry(item, known), "fwd=bypass", { "d1-bookmark": bookmark, "cache-control": "private, no-store" });
  }
  const own = near.get(id);
  const key = `https://cache.edgeapi/items/${id}`;
  if (own && Date.now() - own.read < freshFor) {
    if (!own.shared) ctx.waitUntil(share(env, id, key, own));
    return send(request, own, "hit", {});
  }
  const cache = await caches.open(env.CACHE);
  const kept = await cache.match(key);
  if (kept && Date.now() - Number(kept.headers.get("edgeapi-read")) < freshFor) {
    return send(request, { etag: kept.headers.get("etag"), body: await kept.text() }, "hit", {});
  }
  const began = Date.now();
  const { item } = await read(env, id, "first-primary");
  if (!item) return problem(404, "there is no such item");
  const e = { read: began, ...entry(item, false) };
  near.delete(id);
  near.set(id, e);
  if (near.size > 1024) near.delete(near.keys().next().value);
  return send(request, e, "fwd=miss; stored", {});
}

// share gives the colo's cache what was asked for again.
async function share(env, id, key, own) {
  own.shared = true;
  const cache = await caches.open(env.CACHE);
  await cache.put(key, new Response(own.body, { headers: { etag: own.etag, "edgeapi-read": String(own.read), "cache-control": "s-maxage=10" } }));
  if (near.get(id) !== own) await cache.delete(key);
}

async function read(env, id, since) {
  const session = env.DB.withSession(since);
  const statements = [session.prepare(`SELECT ${columns} FROM items WHERE id = ?`).bind(id)];
  const [{ results }] = await batch(env, session, statements).catch((err) => {
    if (!err.message.includes("Network connection lost")) throw err;
    return batch(env, session, statements);
  });
  return { item: results[0], bookmark: session.getBookmark() };
}

function entry(item, known) {
  if (!known) delete item.cost;
  return { etag: `"${item.version}"`, body: JSON.stringify(item) };
}

function send(request, e, how, more) {
  const headers = { etag: e.etag, "cache-status": `edgeapi; ${how}`, vary: "Authorization, D1-Bookmark", "cache-control": "public, max-age=0, must-revalidate", "content-type": "application/json", ...more };
  if (request.headers.get("if-none-match") === e.etag) return new Response(null, { status: 304, headers });
  return new Response(e.body, { headers });
}

async function update(request, env, id) {
  if (!(await isKnown(request, env))) return problem(401, "writes need a token");
  const given = request.headers.get("if-match");
  const version = Number(given?.slice(1, -1));
  const key = request.headers.get("idempotency-key");
  if (!Number.isInteger(version) || !key) return problem(400, "a write needs If-Match and an Idempotency-Key");
  const body = await request.text();
  const hash = hex(await crypto.subtle.digest("SHA-256", encoder.encode(`PUT\n/api/items/${id}\n${given}\n${body}`))).slice(0, 32);
  const d = JSON.parse(body);
  if (!validText(d.name, 1, 200) || !validText(d.description, 0, 5000) || !validAmount(d.price) || !validAmount(d.cost)) return problem(400, "not what an item looks like");
  const now = Date.now();
  const attempt = hex(crypto.getRandomValues(new Uint8Array(12)));
  const made = JSON.stringify({ id, name: d.name, description: d.description, price: d.price, cost: d.cost, version: version + 1, updated: now });
  const session = env.DB.withSession("first-primary");
  const results = await batch(env, session, [
    session.prepare(claim).bind(key, hash, attempt, 200, version + 1, made, now, id, version),
    session.prepare(`UPDATE items SET name = ?, description = ?, price = ?, cost = ?, version = ?, updated = ? WHERE id = ? AND version = ? AND EXISTS (SELECT 1 FROM keys WHERE key = ? AND attempt = ?)`)
      .bind(d.name, d.description, d.price, d.cost, version + 1, now, id, version, key, attempt),
    session.prepare(outcome).bind(key, id),
  ]);
  const row = results[2].results[0];
  if (!row.hash) return row.now === null ? problem(404, "there is no such item") : problem(412, "the item has another version by now", { etag: `"${row.now}"` });
  if (row.hash !== hash) return problem(422, "the Idempotency-Key was used for another request");
  near.delete(id);
  await (await caches.open(env.CACHE)).delete(`https://cache.edgeapi/items/${id}`);
  return new Response(row.body, {
    status: row.status,
    headers: { etag: `"${row.version}"`, "content-type": "application/json", "cache-control": "private, no-store", "d1-bookmark": session.getBookmark() },
  });
}

// isKnown is null for a token that is not ours.
async function isKnown(request, env) {
  const given = request.headers.get("authorization");
  if (!given) return false;
  wanted ??= await crypto.subtle.digest("SHA-256", encoder.encode(`Bearer ${env.WRITE_TOKEN}`));
  const got = await crypto.subtle.digest("SHA-256", encoder.encode(given));
  return crypto.subtle.timingSafeEqual(wanted, got) ? true : null;
}

const validText = (s, least, most) => typeof s === "string" && [...s].length >= least && [...s].length <= most;
const validAmount = (n) => Number.isInteger(n) && n >= 0 && n <= 1_000_000_000;
const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");

function problem(status, detail, headers) {
  return new Response(JSON.stringify({ type: "about:blank", status, detail }), {
    status, headers: { "content-type": "application/problem+json", "cache-control": "private, no-store", ...headers },
  });
}
