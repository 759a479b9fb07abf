// A Worker that touches each kind of binding.
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/healthz": return new Response("ok\n");
      case "/settings": return Response.json({ color: env.COLOR, token: env.TOKEN });
      case "/kv": return new Response(await visits(env));
      case "/counter": return env.COUNTER.get(env.COUNTER.idFromName("one")).fetch(request);
      case "/object": {
        if (request.method === "PUT") await env.BUCKET.put("object", await request.text());
        return new Response((await env.BUCKET.get("object"))?.body);
      }
      case "/send": await env.JOBS.send("job"); return new Response("sent\n");
      case "/throw": throw new Error("thrown on purpose");
    }
    return new Response("not found\n", { status: 404 });
  },
  async queue(batch, env) {
    await env.KV.put("consumed", String(batch.messages.length));
  },
};

async function visits(env) {
  const n = Number((await env.KV.get("visits")) ?? 0) + 1;
  await env.KV.put("visits", String(n));
  return `${n} ${(await env.KV.get("consumed")) ?? 0}`;
}

export class Counter {
  constructor(state) {
    this.sql = state.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS counter (n INTEGER)");
  }
  fetch() {
    this.sql.exec("INSERT INTO counter VALUES (1)");
    return new Response(String(this.sql.exec("SELECT count(*) AS n FROM counter").one().n));
  }
}
