# Every way to build, run and test the gateway. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PORT ?= 9000
FUNCTIONS := chat-completions messages count-tokens models usage health reconcile
TOOLS := .tools
# Where cargo builds: a shared folder when the environment names one.
TARGET := $(or $(CARGO_TARGET_DIR),target)
export SAM_CLI_TELEMETRY := 0
export PORT

# Release builds of the functions for `make dev`, with RELEASE=1.
PROFILE_DIR := $(if $(RELEASE),release,debug)
PACKAGES := $(addprefix --package ,$(FUNCTIONS))

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

## Running

.PHONY: dev
dev: ## Run the gateway here: PORT=9000, FRESH=1 empties its data, RELEASE=1 builds for speed
	cargo build --workspace
	$(if $(RELEASE),cargo build --release $(PACKAGES))
	@exec $(TARGET)/debug/gateway-dev --binaries $(TARGET)/$(PROFILE_DIR) $(if $(FRESH),--fresh)

.PHONY: watch
watch: $(TOOLS)/lambda/bin/cargo-lambda ## Like dev, with hot reload by cargo lambda watch
	cargo build --workspace
	@rm -f .dev/functions.env; $(TARGET)/debug/gateway-dev --support-only $(if $(FRESH),--fresh) & support=$$!; \
	  trap 'kill $$support 2>/dev/null || true' EXIT; \
	  until [ -f .dev/functions.env ] && kill -0 $$support; do sleep 0.1; done; \
	  set -a; . .dev/functions.env; set +a; \
	  PATH="$(CURDIR)/$(TOOLS)/lambda/bin:$$PATH" cargo lambda watch \
	    --invoke-address 127.0.0.1 --invoke-port $(PORT) --disable-cors --concurrency 4

.PHONY: bk
bk: ## Build the operator's command line: target/debug/bk
	cargo build --package bk

.PHONY: invoke
invoke: $(TOOLS)/lambda/bin/cargo-lambda ## Send an event to a function under `make watch`: EVENT=chat-completions-stream
	@set -a; . .dev/env; set +a; event=$${EVENT:-health}; \
	  function=$$(case $$event in chat*) echo chat-completions;; messages*) echo messages;; count*) echo count-tokens;; model*) echo models;; credits) echo usage;; *) echo $$event;; esac); \
	  sed "s|\$${GATEWAY_KEY}|$$GATEWAY_KEY|" events/$$event.json > .dev/event.json; \
	  PATH="$(CURDIR)/$(TOOLS)/lambda/bin:$$PATH" cargo lambda invoke $$function --invoke-address 127.0.0.1 --invoke-port $(PORT) --data-file .dev/event.json

.PHONY: sam-invoke
sam-invoke: ## Send an event to a function in SAM's container (needs Docker and the SAM CLI): EVENT=health
	@tools/sam-invoke.sh "$${EVENT:-health}"

## Testing

.PHONY: test
test: lint sdk-venv ## Lint, then every test
	cargo build --workspace
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace; \
	 else cargo test --workspace; fi

.PHONY: lint
lint: $(TOOLS)/lint/bin/cfn-lint ## Format, clippy, and the template
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	$(TOOLS)/lint/bin/cfn-lint --template template.yaml

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: golden
golden: ## Accept changed golden files: read the diff line by line afterwards
	INSTA_UPDATE=always cargo test --package gateway-tests --test golden
	ROUTES_UPDATE=1 cargo test --package gateway-tests --test routes

.PHONY: bench
bench: ## Time the relay: per streamed event, forwarded and translated
	cargo bench --package gateway-tests

.PHONY: chaos
chaos: ## A million seeds through the money protocol (SEEDS=...), ten thousand requests through kills (REQUESTS=...); CHAOS_SEED=7 with cargo test replays a seed
	CHAOS_SEEDS=$${SEEDS:-1000000} cargo test --package gateway-tests --test ledger no_seed_breaks_a_law
	cargo build --workspace
	CHAOS_REQUESTS=$${REQUESTS:-10000} cargo test --package gateway-tests --test faults after_kills_and_faults

.PHONY: pitfalls
pitfalls: ## Print how many known translation pitfalls are covered
	@cargo test --quiet --package gateway-tests --test pitfalls -- --nocapture | grep -o '[0-9]* pitfalls: .*'

.PHONY: audit
audit: ## Licences, advisories and banned crates by cargo-deny (compiled on first use)
	@cargo deny --version >/dev/null 2>&1 || cargo install cargo-deny --locked --root $(TOOLS)/deny
	PATH="$(CURDIR)/$(TOOLS)/deny/bin:$$PATH" cargo deny check

.PHONY: size
size: release ## Print the size of the release binaries
	@for f in $(FUNCTIONS); do printf '%-18s %6.2f MB\n' $$f $$(stat -c %s $(TARGET)/release/$$f | awk '{print $$1/1e6}'); done

.PHONY: coldstart
coldstart: release ## Print the time from spawn to the first request for work, per function
	cargo build --package gateway-dev
	@$(TARGET)/debug/gateway-dev --binaries $(TARGET)/release --coldstart

.PHONY: release
release: ## Build the functions for deployment on this machine's architecture
	cargo build --release $(PACKAGES)

## Tools, each in a folder of its own

.PHONY: sdk-venv
sdk-venv: $(TOOLS)/sdk/installed

$(TOOLS)/sdk/installed: tests/sdk/requirements.txt
	python3 -m venv $(TOOLS)/sdk
	$(TOOLS)/sdk/bin/pip install --quiet --requirement tests/sdk/requirements.txt
	@touch $@

$(TOOLS)/lint/bin/cfn-lint:
	python3 -m venv $(TOOLS)/lint
	$(TOOLS)/lint/bin/pip install --quiet cfn-lint==1.58.0

$(TOOLS)/lambda/bin/cargo-lambda:
	python3 -m venv $(TOOLS)/lambda
	$(TOOLS)/lambda/bin/pip install --quiet cargo-lambda==1.9.2 ziglang

.PHONY: clean
clean: ## Remove builds, tools and local data
	rm -rf target $(TOOLS) .dev .aws-sam
