// The wire of the databases: paths choose one of them.
const passed = "mf-header-";

export default {
  async fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    const [, id, call] = pathname.split("/");
    if (id === "readyz") return query(env, env.FIRST, { sql: "SELECT 1" });
    const database = env[`__D1_BETA__${id}`];
    if (!database) return Response.json({ success: false, error: `no database ${id}` }, { status: 404 });
    const inner = new URL(request.headers.get("mf-url") ?? `http://d1/${call ?? "query"}${search}`);
    const headers = new Headers({ "content-type": "application/json" });
    for (const [name, value] of request.headers) {
      if (name.startsWith(passed) && name !== `${passed}content-length`) headers.set(name.slice(passed.length), value);
    }
    return database.fetch(`http://d1${inner.pathname}${inner.search}`, { method: request.method, headers, body: request.body });
  },
};

function query(env, id, body) {
  return env[`__D1_BETA__${id}`].fetch("http://d1/query", {
    method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" },
  });
}
