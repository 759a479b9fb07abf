# One line per target; `make help` lists them. S names a scenario, D a drill.
S ?=
D ?=
GO ?= go
LOADFLAGS = $(if $(RATE),-rate $(RATE)) $(if $(DURATION),-duration $(DURATION))

.DEFAULT_GOAL := help
.PHONY: help up down status logs run load drill test test-localstack test-docker matrix nightly lint bench bench-loadtest bench-edge bench-pubsub bench-servicebus bench-imageresize clean need-scenario

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-16s %s\n", $$1, $$2}' Makefile

up: ## start the local cloud, or with S=<slug> only what that scenario needs
	@$(GO) run ./deploy/local up $(S)

down: ## stop everything that up and run started
	@$(GO) run ./deploy/local down

status: ## what runs, where, and how it is
	@$(GO) run ./deploy/local status

logs: ## the end of every server's log
	@$(GO) run ./deploy/local logs $(S)

run: need-scenario ## start scenario S and print its addresses; Ctrl-C stops it
	@$(GO) build -o .local/bin/local ./deploy/local && .local/bin/local run $(S)

load: need-scenario ## put load on scenario S and judge target and guarantee
	@$(GO) build -o .local/bin/loadtest ./loadtest && .local/bin/loadtest $(LOADFLAGS) $(S)

drill: need-scenario ## break scenario S under load: all drills, or D=<drill>,<drill>
	@$(GO) build -o .local/bin/loadtest ./loadtest && .local/bin/loadtest $(LOADFLAGS) -drill $(if $(D),$(D),all) $(S)

test: ## what proves the repository at every push, set-up included
	@$(GO) test -timeout 30m ./...

# The packages that pass there; deploy/aws/README.md says which do not. Every test has emulators of its own, so one package at a time.
LOCALSTACK = ./deploy/local/conformance/lambda ./pkg/idempotency ./pkg/sqsconsumer ./scenarios/urlshortener ./scenarios/ordernotify
LOCALSTACK_LONG = ./scenarios/imageresize
test-localstack: export AWS_EMULATOR = localstack
test-localstack: export PROVIDER ?= native
test-localstack: ## the AWS integration tests that pass on LocalStack instead of MiniStack
	@$(GO) build -o .local/bin/local ./deploy/local
	@test "$(PROVIDER)" != native || .local/bin/local install aws dynamodb
	@$(GO) test -count=1 -p 1 -timeout 8m $(LOCALSTACK) $(LOCALSTACK_LONG)

test-docker: ## docker-compose.yml brought up, loaded and broken, with stand-ins for the images of vendors
	@$(GO) run ./deploy/local/dockerproof $(S)

nightly: matrix ## what takes too long for every push: all broken builds, all drills, and the matrix, Docker and LocalStack in full
	@DRILLS=all $(GO) test -count=1 -timeout 90m -run TestTheCommandsOfThePagesWork .
	@BUILDS=all $(GO) test -count=1 -timeout 90m -run TestTheJudgeFailsBrokenBuilds ./loadtest
	@$(GO) run ./deploy/local/dockerproof -all
	@$(MAKE) test-localstack

matrix: ## kill each role of ordernotify at every operation on the wire, and print what was lost or doubled
	@MATRIX=full $(GO) test -count=1 -timeout 30m -v -run TestKillMatrix ./loadtest/drivers/ordernotify

lint: ## vet, staticcheck, gofumpt; govulncheck where its database is reachable
	@$(GO) vet ./...
	@$(GO) tool staticcheck ./...
	@out=$$($(GO) tool gofumpt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not gofumpt-ed:"; echo "$$out"; exit 1; }

bench: ## CPU per redirect beside nginx and wrk, in one run
	@$(GO) run ./loadtest/bench

bench-loadtest: ## the load generator beside wrk, vegeta and wrk2, in one run
	@$(GO) run ./loadtest/bench -seconds 4 loadtest

bench-edge: ## the edge API and the live room in Go beside their twins in JavaScript, in one workerd
	@$(GO) run ./loadtest/bench -seconds 3 edge

bench-pubsub: ## Pub/Sub in process beside pstest, and the rate of the disk's syncs
	@$(GO) test -run '^$$' -bench . -benchtime 3s ./pkg/journal
	@$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 10m ./pkg/pubsubtest

bench-servicebus: ## Service Bus in process, in memory and with a journal, and the rate of the disk's syncs
	@$(GO) test -run '^$$' -bench AppendOneAtATime -benchtime 2s ./pkg/journal
	@$(GO) test -run '^$$' -bench . -benchtime 2s -timeout 10m ./pkg/servicebustest

bench-imageresize: ## resize megapixels/s beside libvips, in one run
	@$(GO) run ./loadtest/drivers/imageresize/bench -rounds 7

clean: ## stop everything and give the disk back
	@$(GO) run ./deploy/local clean

need-scenario:
	@test -n "$(S)" || { echo "make: say which scenario: S=urlshortener" >&2; exit 2; }
