# What people do with this tree. Each target does its own set-up.

.PHONY: demo stop test test-quick redteam check controller images test-compose golden

# A layout in, a firmware zip out: installs, builds and starts what is missing
demo:
	scripts/demo

# Stops the service that the demo left running
stop:
	scripts/demo stop

# Everything: checks, unit tests, several processes on one table, golden KLL, the real engine
test: controller check
	CI=true cargo test --workspace --locked

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
test-compose: images controller
	scripts/try-compose

# Accepts what the KLL generator writes now as right
golden:
	UPDATE_GOLDEN=1 cargo test -p kiisrv-tests --test golden_kll --locked
