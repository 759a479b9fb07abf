# The machine's Go in an image. The context is its GOROOT.
ARG BASE
FROM ${BASE}
COPY . /usr/local/go
ARG GOPROXY
ENV PATH=/usr/local/go/bin:/usr/bin:/bin GOTOOLCHAIN=local GOPROXY=${GOPROXY}
