// A plugin of Miniflare: the D1 binding of a database that another process holds.
// The API is workerd's own; its wire goes to the local D1 server, as HTTP.
const service = ({ address, database }) => `remote-d1:${address}:${database}`;

export const plugins = {
  "remote-d1": {
    getBindings: (bindings) => (bindings ?? []).map(({ name, options }) => ({
      name,
      wrapped: {
        moduleName: "cloudflare-internal:d1-api",
        innerBindings: [{ name: "fetcher", service: { name: service(options) } }],
      },
    })),
    getNodeBindings: () => ({}),
    getServices: ({ options }) => (options ?? []).map(({ options: o }) => ({
      name: service(o),
      external: { address: o.address, http: { injectRequestHeaders: [{ name: "d1-database", value: o.database }] } },
    })),
  },
};
