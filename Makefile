SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_VERSION := v2.15.0

# What is built or fetched once for all trees lives outside of this one.
CACHE ?= $(HOME)/.cache
TOOLS := $(CACHE)/peal-tools
export PEAL_NPM_DIR := $(CACHE)/peal-test/npm
# Not below a home directory, which PostgreSQL's own user could not enter.
PEAL_PG_DIR := /var/tmp/peal-test-postgres

FUZZTIME ?= 20s
TESTFLAGS ?=
ARGS ?=
# temporal: workflows can hand over to Temporal (docs/temporal.md).
TAGS ?=
export CGO_ENABLED := 0

.PHONY: help run build test race lint generate verify bench fuzz tools

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-10s %s\n", $$1, $$2 }'

run: build ## Build, then start the playground (peal dev); ARGS='--listen 127.0.0.1:9090' moves it
	bin/peal dev $(ARGS)

build: ## Build bin/peal, one static binary; TAGS=temporal for one with Temporal
	go build -tags '$(TAGS)' -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/peal ./cmd/peal

test: ## Run every test; installs what they need, fails where it cannot
	PEAL_NPM_DIR='$(PEAL_NPM_DIR)' scripts/test-deps.sh
	PEAL_TEST_POSTGRES="$$(PEAL_PG_DIR='$(PEAL_PG_DIR)' scripts/postgres.sh)" PEAL_TEST_REQUIRE=1 go test -timeout 20m $(TESTFLAGS) ./...

race: ## Run the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -short -timeout 30m $(TESTFLAGS) ./...

lint: tools ## Run the linters, gofumpt's format check among them
	$(TOOLS)/golangci-lint run ./...
	$(TOOLS)/golangci-lint run --build-tags temporal ./internal/app

generate: ## Write anew what tests hold to the program: api/openapi.json, documents, goldens
	go test ./internal/api ./internal/catalogue ./internal/cli ./internal/config ./internal/profile -update

verify: lint ## Everything short of tests: linters, format, go.mod
	go mod tidy -diff
	go mod verify

bench: build ## Measure this machine: the bare signed-POST loop and Peal, in turns
	bin/peal bench

fuzz: ## Run every fuzz target for FUZZTIME each
	FUZZTIME='$(FUZZTIME)' scripts/fuzz.sh

tools:
	TOOLS='$(TOOLS)' scripts/tools.sh golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint $(GOLANGCI_VERSION)
