# What people do with this tree. Each target does its own set-up.

.PHONY: demo stop test test-quick redteam check chaos fuzz bench controller images test-compose test-openapi test-tools browser golden

# A layout in, a firmware zip out: installs, builds and starts what is missing
demo:
	scripts/demo

# Stops the service that the demo left running
stop:
	scripts/demo stop

# Everything: checks, unit tests, several processes on one table, golden KLL, the real engine, a real browser,
# and the description of the API against the running service
test: controller test-tools browser check
	CI=true cargo test --workspace --locked
	scripts/try-openapi

# The inner loop: no engine
test-quick:
	KIISRV_TEST_ENGINE=0 cargo test --workspace --locked

# Hostile builds in real containers, and a table of how each ended (part of test)
redteam: controller
	CI=true cargo test -p kiisrv-tests --test redteam --locked -- --nocapture

# Format, lints, documentation
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items --locked -q

# The fault campaign at length: N builds, a kill for each ten of them; the same SEED is the same plan.
# What it found is in target/chaos/report.json, what the processes said in target/chaos/said
N ?= 500
KILLS ?= $(shell expr $(N) / 10)
SEED ?= $(shell date +%s)
chaos: test-tools
	scripts/ensure-build-tools
	scripts/ensure-docker
	cargo run -q -p kiisrv-tests --bin chaos --locked -- $(N) $(KILLS) $(SEED) target/chaos/report.json

# What tests need to make an image of nothing
test-tools:
	scripts/ensure-test-tools

# What tests need to see pages as people do
browser:
	scripts/ensure-browser

# The reference controller, with the engine that it lives in
controller:
	scripts/ensure-build-tools
	scripts/ensure-docker
	scripts/controller-image reference

# The two images of the service
images:
	scripts/ensure-build-tools
	scripts/ensure-docker
	scripts/images

# The compose file with three workers: twenty builds at once
test-compose: images controller test-tools
	scripts/try-compose

# What is described and what is not, asked of the running service: EXAMPLES=200 SEED=7 for other ways of asking
test-openapi: controller
	scripts/try-openapi

# Accepts what the KLL generator writes now as right
golden:
	UPDATE_GOLDEN=1 cargo test -p kiisrv-tests --test golden_kll --locked

# The fuzzers, a minute each: make fuzz SECONDS=600 for ten
fuzz: SECONDS ?= 60
fuzz:
	SECONDS_EACH=$(SECONDS) scripts/fuzz

# The service beside its limit and its peers, in turns: a table, and in target/bench a report and plots. Twenty
# minutes; make bench QUICK=1 takes a few, ONLY="enqueue drain" is only what has such a word in its name
bench: test-tools
	scripts/ensure-build-tools
	scripts/ensure-docker
	cargo build -q --release --workspace --bin kiisrv --bin bench --locked
	target/release/bench $(if $(QUICK),--quick) $(ONLY)
