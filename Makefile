# Targets with a ## comment are listed by `make help`. Everything but Go itself is built from pinned modules.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
CACHE   := $(CURDIR)/.cache
BIN     := $(CURDIR)/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
# Packages compiled at the same time. The race detector needs memory: two at a time suit a small machine.
PARALLEL ?= $(shell n=$$(nproc 2>/dev/null || echo 2); if [ "$$n" -gt 4 ]; then echo 4; else echo "$$n"; fi)
PKG      ?= ./...
FUZZTIME ?= 30s
FAULTS ?= 50000

export CGO_ENABLED ?= 1
LINT := $(CACHE)/bin/golangci-lint

.PHONY: help build demo test lint fix generate verify bench fuzz explore faults mutants ci clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/serin
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -p $(PARALLEL) -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/serin ./cmd/serin

demo: build ## see three releases: a good one, a failing one, a slow one
	$(BIN)/serin demo $(DEMOFLAGS)

test: ## run all tests under the race detector
	$(GO) test -race -p $(PARALLEL) -timeout 20m $(PKG)

lint: $(LINT) ## run the linters
	$(LINT) run --concurrency $(PARALLEL) $(PKG)

fix: $(LINT) ## format the code and apply the linters' own fixes
	$(LINT) run --fix --concurrency $(PARALLEL) $(PKG)

# The linter is a module of its own, so that its dependencies stay out of ours.
$(LINT): tools/go.mod tools/go.sum
	@mkdir -p $(@D)
	cd tools && CGO_ENABLED=0 $(GO) build -p $(PARALLEL) -ldflags '-s -w' -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

generate: ## write all generated files again
	$(GO) generate $(PKG)

verify: ## check that generated files are what `make generate` writes
	@before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	git status --porcelain=v1 >"$$before/status"; git diff >"$$before/diff"; \
	$(MAKE) --no-print-directory generate; \
	git status --porcelain=v1 | diff "$$before/status" - && git diff | diff "$$before/diff" - \
	|| { echo 'Generated files are not up to date: run `make generate` and commit what it changed.' >&2; exit 1; }

bench: ## measure speed and memory against named peers, ten minutes (BENCHFLAGS=-write keeps the page)
	$(GO) run ./test/bench $(BENCHFLAGS)

fuzz: ## run every fuzz test for FUZZTIME
	@set -e; grep -rlE --include='*_test.go' '^func Fuzz' internal cmd api 2>/dev/null | sort | while read -r file; do \
	  sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file" | while read -r name; do \
	    echo "== $$(dirname "$$file") $$name"; \
	    $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	  done; \
	done

explore: ## walk every reachable state of the small plans: hours
	SERIN_EXPLORE=all $(GO) test -v -run TestPlans -timeout 24h ./internal/rollout/explorer

faults: ## 50,000 random faults in the simulated world
	SERIN_FAULTS=$(FAULTS) $(GO) test -v -run TestSeeds -timeout 24h ./internal/sim

mutants: ## break the code in many ways: a named test has to notice each
	$(GO) run ./test/mutants $(MUTANTFLAGS)

ci: ## everything that has to pass before a change lands
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory verify
	$(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory demo

clean: ## remove what was built
	rm -rf $(BIN) $(CACHE)
