// The wire of the databases. A header or the path chooses one of them.
export default {
  async fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    const name = request.headers.get("d1-database");
    if (name) return database(env, name)?.fetch(request) ?? unknown(name);
    const [, named, call] = pathname.split("/");
    if (named === "readyz") return ask(env.FIRST, { sql: "SELECT 1" });
    return database(env, named)?.fetch(new Request(`http://d1/${call ?? "query"}${search}`, request)) ?? unknown(named);

    function ask(first, query) {
      return database(env, first).fetch("http://d1/query", {
        method: "POST", body: JSON.stringify(query), headers: { "content-type": "application/json" },
      });
    }
  },
};

const database = (env, name) => env[`__D1_BETA__${name}`];
const unknown = (name) => Response.json({ success: false, error: `no database ${name}` }, { status: 404 });
