# Miniflare in an image of its own: D1 as a server, or a Worker of a scenario, of
# which ROLE is the package and CONFIG the wrangler.jsonc below deploy/.
ARG GO_IMAGE=golang:1.26.8-bookworm
ARG NODE_IMAGE=node:24.19.0-bookworm-slim
FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY . .
ARG ROLE=
ARG CONFIG=
# With the flags of scenario.Dockerfile, so that each finds compiled what both share.
ENV GOMODCACHE=/cache/mod GOCACHE=/cache/build
RUN --mount=type=cache,id=provingground-go,target=/cache,sharing=locked \
    mkdir -p /out/worker && if [ -n "$ROLE" ]; then CGO_ENABLED=0 go run -trimpath -buildvcs=false ./deploy/local modules "$ROLE" /out/worker; fi \
 && if [ -n "$CONFIG" ]; then cp "deploy/$CONFIG" /out/wrangler.jsonc; fi

FROM ${NODE_IMAGE}
WORKDIR /app
COPY deploy/local/server/cloudflare/ ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY --from=build /out/ /
# Nobody: what is kept lies below /tmp.
USER 65532:65532
ENV HOME=/tmp STATE_DIR=/tmp/state CONFIG=/wrangler.jsonc DIR=/worker
ENTRYPOINT ["node"]
HEALTHCHECK --interval=2s --timeout=4s --retries=30 CMD ["node", "health.mjs"]
