# One verb per intent. Each installs what it misses (npm packages, a Python venv, Debian packages)
# and says what it does. Behind each stage stands its time budget in seconds, on two cores from a
# clean clone; a stage that takes longer fails. They are about three times what a stage takes on
# a machine that is ours alone; CI's has been seen at a quarter of its speed for minutes.

SHELL := /bin/bash
STAGE := tests/stage
PYTHON := .venv/bin/python
SEED ?=
TARGET ?= websocket
COUNTS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check types unit e2e sdk browser links sim seeds faults interop autobahn bench counts counts-update fuzz

help: ## this list
	@grep -E '^[a-z0-9]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: client-demo/web/dist/index.html ## the server with its demo site, on http://127.0.0.1:3000
	cargo run --release --bin parlor -- dev

test: check unit seeds faults e2e sdk browser links ## everything but interop, autobahn, counts, bench and fuzz

check: ## formatting, lints, and types that are up to date
	$(STAGE) 60 "formatting" cargo fmt --all --check
	$(STAGE) 600 "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
	$(STAGE) 200 "types of the SDK" cargo test --locked -p parlor-shared --test types

types: ## the TypeScript types of what travels, from shared/src/api
	PARLOR_WRITE_TYPES=1 cargo test --locked -p parlor-shared --test types

unit: binaries ## tests beside the code, from outside, of the house rules and of the documentation
	$(STAGE) 600 "tests built" cargo test --workspace --locked --lib --bins --examples --test tidy --test e2e --test allocations --no-run
	$(STAGE) 180 "unit tests" cargo test --workspace --locked --lib --bins --examples --test tidy --test allocations
	$(STAGE) 300 "tests from outside" cargo test --workspace --locked --test e2e
	$(STAGE) 120 "documentation examples" cargo test --workspace --locked --doc

sim: binaries ## a thousand fresh seeds of the simulator; SEED=n replays one, step by step
	$(STAGE) 1500 "simulation" target/debug/sim $(if $(SEED),--seed $(SEED) --trace,--seeds 1000)

seeds: binaries ## twenty fresh seeds of the simulator, and one in two processes
	$(STAGE) 150 "simulation" target/debug/sim --seeds 20
	$(STAGE) 20 "one seed, two processes" cmp <(target/debug/sim --seed 7) <(target/debug/sim --seed 7)

# In a build of its own: with the rest of the workspace, cargo would give its feature to the server.
faults: ## plants faults in core, each of which the simulator has to find in three hundred seeds
	$(STAGE) 300 "faulty binary" cargo build --locked -p parlor-tests --features planted-faults --bin faults
	$(STAGE) 900 "planted faults" target/debug/faults

e2e: binaries tests/interop/node_modules .venv/ready ## stock clients against the built server: one shard, then three behind nginx
	$(STAGE) 900 "stock clients" $(PYTHON) tests/run.py conformance clients versions network views lobbies signal matchmaking openings=300 players
	$(STAGE) 150 "nginx" tests/need nginx nginx-light
	$(STAGE) 400 "conformance, three shards" $(PYTHON) tests/run.py --shards 3 conformance views lobbies signal matchmaking
	$(STAGE) 400 "stock clients, three shards behind nginx" $(PYTHON) tests/run.py --shards 3 --nginx clients signal matchmaking openings=300 players

sdk: binaries client-demo/sdk/node_modules ## the TypeScript SDK: its types, its size, and against the built server
	$(STAGE) 240 "SDK" npm --prefix client-demo/sdk test

browser: binaries tests/browser/node_modules client-demo/web/dist/index.html .venv/ready ## two tabs in Chromium
	$(STAGE) 240 "chromium" tests/need chromium chromium
	$(STAGE) 240 "two tabs" $(PYTHON) tests/run.py browser

links: binaries tests/browser/node_modules client-demo/web/dist/index.html client-demo/sdk/dist/index.js .venv/ready ## peers in Chromium, while UDP is cut and restored
	$(STAGE) 240 "chromium" tests/need chromium chromium
	$(STAGE) 120 "nftables" tests/need nft nftables
	$(STAGE) 600 "peer links" $(PYTHON) tests/run.py links

interop: tests/interop/node_modules .venv/ready ## all 3,807 openings by stock clients, and every suite
	cargo build --locked --release --bins
	tests/need nginx nginx-light
	tests/need pkg-config pkg-config
	pkg-config openssl || tests/need --package libssl-dev
	$(PYTHON) tests/run.py --release conformance clients versions network rust views lobbies signal matchmaking openings=all players
	$(PYTHON) tests/run.py --release --shards 3 --nginx clients versions network signal matchmaking openings=all players

autobahn: .venv/ready ## Autobahn's suite against the frame codec; needs a CPython 2.7 (PYTHON2)
	cargo build --locked --release --bin wsecho
	$(PYTHON) tests/run.py --release autobahn

counts: export GUNGRAUN_RUNNER = $(CURDIR)/target/tools/bin/gungraun-runner
counts: ## instructions per hot step against tests/benches/counts.json, which counts-update renews
	$(STAGE) 400 "valgrind and its runner" tests/need-gungraun
	$(STAGE) 300 "counting binary" cargo bench --locked -p parlor-counts --no-run
	$(STAGE) 60 "instructions per step" python3 tests/benches/counts.py $(COUNTS)

counts-update:
	$(MAKE) counts COUNTS=--update

# Options: ROUNDS=7 SCENARIOS=a,b SERVERS=a,b PARTS="steps peers slow overload gathered matchmaker scale"; PARTS=quote
# puts the last report into tests/BENCH.md.
bench: counts ## beside other servers, slow readers, overload, scale: target/bench/report.md (over an hour)
	tests/need python3 python3
	cargo build --locked --release -p parlor-tests --bins
	python3 tests/bench/bench.py $(PARTS)

fuzz: ## one decoder or machine, for a minute; TARGET=websocket|payload|packet|json|opening|query|forwarded|handshake|claim|token|claims|keys|der|revoked|description|bus|client|session|world
	tests/need-fuzz
	cd tests/fuzz && mkdir -p corpus/$(TARGET) && RUSTC_BOOTSTRAP=1 cargo fuzz run $(TARGET) \
		corpus/$(TARGET) seeds/$(TARGET) -- -max_total_time=60

# What the verbs need.

.PHONY: binaries
binaries:
	$(STAGE) 500 "binaries" cargo build --locked --bins

client-demo/web/dist/index.html: client-demo/sdk/node_modules $(shell find client-demo/sdk/src client-demo/web/src client-demo/web/public client-demo/web/*.html client-demo/web/package-lock.json client-demo/web/vite.config.* -type f 2>/dev/null)
	$(STAGE) 80 "npm packages of the demo site" npm --prefix client-demo/web ci
	$(STAGE) 60 "demo site" npm --prefix client-demo/web run build

client-demo/sdk/dist/index.js: client-demo/sdk/node_modules $(shell find client-demo/sdk/src client-demo/sdk/tsconfig.json -type f 2>/dev/null)
	$(STAGE) 60 "SDK built" npm --prefix client-demo/sdk run build

client-demo/sdk/node_modules: client-demo/sdk/package-lock.json
	$(STAGE) 80 "npm packages of the SDK" npm --prefix client-demo/sdk ci
	@touch $@

tests/interop/node_modules: tests/interop/package-lock.json
	$(STAGE) 80 "npm packages of the stock clients" npm --prefix tests/interop ci
	@touch $@

tests/browser/node_modules: tests/browser/package-lock.json
	$(STAGE) 80 "npm packages of the browser test" npm --prefix tests/browser ci
	@touch $@

.venv/ready: tests/interop/requirements.txt
	tests/need python3 python3
	python3 -m venv .venv || { tests/need --package python3-venv && python3 -m venv .venv; }
	$(STAGE) 90 "Python packages" .venv/bin/pip install --quiet -r tests/interop/requirements.txt
	@touch $@
