// Stands before a Worker, in its isolate: readiness for the balancer, and counters.
import app from "./entry.mjs";

export * from "./entry.mjs"; // its classes

const counters = { requests_total: 0, requests_failed_total: 0, requests_open: 0 };

export default {
  ...app,
  async fetch(request, env, ctx) {
    const path = request.url.slice(request.url.indexOf("/", 8));
    if (path === "/readyz") return env.__RUNNER.fetch("http://runner/");
    if (path === "/counters" && request.headers.get("runner-key") === env.__RUNNER_KEY) return Response.json(counters);
    counters.requests_total++;
    counters.requests_open++;
    try {
      const response = await app.fetch(request, env, ctx);
      if (response.status >= 500) counters.requests_failed_total++;
      return response;
    } catch (error) { // where Cloudflare answers with its page 1101
      counters.requests_failed_total++;
      console.error(`${error?.stack ?? error}`);
      return new Response("Worker threw exception\n", { status: 500 });
    } finally {
      counters.requests_open--;
    }
  },
};
