# Every target does its own set-up: it installs what the machine lacks (see .ci/setup), and what is
# there already costs no time.

# Outside the clone, so that a second clone is as quick as the first one's second time.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tidegate/target

# `make run PROFILE=release` serves faster and takes minutes longer to build.
PROFILE ?= dev
BINARY = $(CARGO_TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/tidegate

# Unit tests beside the code, golden files, and tests that read the tree: no process, no load.
QUICK_TESTS = --lib $(foreach test,crds dependencies layers schemas,--test $(test))

.PHONY: build run check test test-all bench audit clean

# The binary, and build/tidegate as a short name for it.
build:
	@.ci/setup cc
	cargo build --locked --bin tidegate --profile $(PROFILE)
	@mkdir -p build && ln -sfn $(BINARY) build/tidegate

# Tidegate on manifests/quickstart with two demo backends, until Ctrl-C.
run: build
	@.ci/setup curl
	@manifests/quickstart/run.sh build/tidegate

# What a change should pass before each commit. Needs no root, no network, no free ports.
check:
	@.ci/setup cc rustfmt clippy
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked $(QUICK_TESTS)

# Everything.
test:
	@.ci/setup cc rustfmt clippy curl openssl
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --no-fail-fast

# The same with the long forms: more random cases, and tests that are too long for each change.
test-all: export PROPTEST_CASES = 20000
test-all: export LONG = 1
test-all: test

# CPU time per request beside nginx; takes half an hour on two free cores.
bench:
	@.ci/setup cc python3
	cargo build --locked --release --bin tidegate
	tests/bench/bench.py --binary $(CARGO_TARGET_DIR)/release/tidegate

# Known vulnerabilities, licences and banned crates, by cargo-deny (built on first use).
audit:
	@.ci/setup cc cargo-deny
	PATH="$(CARGO_TARGET_DIR)/tools/bin:$$PATH" cargo deny --locked check

clean:
	rm -rf build $(CARGO_TARGET_DIR)
