# go test ./... needs none of this; these are the heavy targets and the tools.
.DEFAULT_GOAL := help
GO ?= go
FUZZTIME ?= 5s

.PHONY: help test vet ci fuzz cross

include firmware/firmware.mk bench/bench.mk internal/vmfuzz/vmfuzz.mk internal/gofuzz/gofuzz.mk agent/agent.mk engine/engine.mk suit/suit.mk internal/client/client.mk internal/deepcheck/deepcheck.mk internal/gobpf/gobpf.mk cmd/femto/femto.mk

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

test: ## the fast tests
	$(GO) test ./...

vet: ## format check and vet
	@test -z "$$(git ls-files '*.go' | xargs gofmt -l)"
	$(GO) vet ./...

ci: cross fuzz ## what .ci/run adds to the fast tests

fuzz: ## every fuzz target for FUZZTIME, virtual machines for 30 s
	./.ci/fuzz $(FUZZTIME)

cross: ## the command builds for every platform we promise
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "build $$os/$$arch"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/femto || exit 1; \
	done; done
