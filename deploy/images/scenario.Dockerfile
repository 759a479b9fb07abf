# One program of this repository in an image of its own: a role of a scenario, or
# the provisioner. ROLE is the package. Of a function HOST is the program that runs
# it, and the role lies beside it as /function.
ARG GO_IMAGE=golang:1.26.8-bookworm
FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY . .
ARG ROLE
ARG HOST=""
# One image after the other, so that the next finds compiled what they share; and a
# build fetches the modules that it needs, not all of go.mod.
ENV GOMODCACHE=/cache/mod GOCACHE=/cache/build
RUN --mount=type=cache,id=provingground-go,target=/cache,sharing=locked \
    test -n "$ROLE" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o /out/role "$ROLE" \
 && if [ -n "$HOST" ]; then mv /out/role /out/function && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o /out/role "$HOST"; fi \
 && mkdir -p /out/deploy /out/tmp && chmod 1777 /out/tmp && cp -r deploy/aws deploy/azure deploy/gcp /out/deploy/

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /
# Nobody: a role owns nothing but its connections.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/role"]
HEALTHCHECK --interval=2s --timeout=2s --retries=30 CMD ["/role", "healthcheck"]
