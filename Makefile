# Every target does its own set-up: it installs what the machine lacks (see .ci/setup), and what is
# there already costs no time.

# Outside the clone, so that a second clone is as quick as the first one's second time.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tidegate/target

# `make run PROFILE=release` serves faster and takes minutes longer to build.
PROFILE ?= dev
BINARY = $(CARGO_TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/tidegate

# Tests with sockets, processes and load. All others under tests/ are for `make check` too.
SLOW_TESTS = loss proxy readme requests serve
TESTS = $(sort $(basename $(notdir $(wildcard tests/*.rs))) $(notdir $(patsubst %/main.rs,%,$(wildcard tests/*/main.rs))))
QUICK_TESTS = $(filter-out $(SLOW_TESTS),$(TESTS))

# Which cluster e2e tests use, see there.
CLUSTER = bed
CHANNEL = experimental
NEEDS_ROOT = [ $(CLUSTER) = existing ] || [ "$$(id -u)" = 0 ] || { echo "the test bed needs root: it makes namespaces, mounts and cgroups. Run this as root, or with CLUSTER=existing" >&2; exit 1; }

.PHONY: build run check test test-all bench audit clean image dockerfile bed bed-up bed-down e2e e2e-check conformance

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
	cargo test --locked --lib $(QUICK_TESTS:%=--test %)

# Everything, on a real cluster too: needs root, and says so before anything else.
test:
	@$(NEEDS_ROOT)
	@.ci/setup cc rustfmt clippy curl openssl go certificates
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --no-fail-fast
	@$(MAKE) --no-print-directory e2e-check e2e

# The same with far more random cases, and longer load for each disturbance.
test-all: export PROPTEST_CASES = 5000
test-all: export LONG = 1
test-all: test
	@$(MAKE) --no-print-directory e2e E2E=conformance CHANNEL=standard dockerfile

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
	rm -rf build
	cargo clean

# The container image, as an archive that docker, podman and ctr load. The binary is static, since
# the image has no loader; TARGET names the machine, else cargo puts build scripts in the same way.
image: PROFILE = release
image: TARGET = $(shell rustc --version --verbose | sed -n 's/^host: //p')
image: IMAGE = tidegate.dev/tidegate:dev
image:
	@.ci/setup cc go certificates
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --bin tidegate --profile $(PROFILE) --target $(TARGET)
	@mkdir -p build
	cd e2e && go run ./cmd/image $(CARGO_TARGET_DIR)/$(TARGET)/$(notdir $(patsubst %/,%,$(dir $(BINARY))))/tidegate ../build/tidegate.tar $(IMAGE)

# What the Dockerfile makes for amd64 and arm64, of the dev profile; needs root.
dockerfile:
	@.ci/setup curl certificates buildah debootstrap qemu-user-static
	tests/dockerfile.sh

# A real one-node Kubernetes on this machine, as root; `build/bed kubectl get nodes` asks it. The
# first time takes about 10 minutes, later ones 10 seconds.
bed:
	@.ci/setup go
	@mkdir -p build && cd e2e && go build -o ../build/bed ./cmd/bed

bed-up: bed
	build/bed up

bed-down: bed
	build/bed down

# What e2e/ tests without a cluster: what Helm makes of the chart, the image, the load itself.
e2e-check:
	@.ci/setup go
	cd e2e && changes=$$(gofmt -d .) && { [ -z "$$changes" ] || { echo "$$changes"; false; }; } && go vet ./... && go test $$(go list ./... | grep -v /tests/)

# What it tests on a real cluster: CLUSTER=bed starts one for that and ends it, and needs root.
# CLUSTER=up uses the bed that is up, CLUSTER=existing the current kubeconfig's cluster, which must
# be able to pull the images (see e2e/cmd/e2e). E2E names packages of e2e/tests, RUN is a regexp of
# tests, CHANNEL which of Gateway API's CRDs are installed (standard or experimental).
e2e: export E2E_CHANNEL = $(CHANNEL)
e2e:
	@$(NEEDS_ROOT)
	@.ci/setup go
	@mkdir -p build && cd e2e && go build -o ../build/e2e-run ./cmd/e2e
ifneq ($(CLUSTER),existing)
	@$(MAKE) --no-print-directory image PROFILE=dev
endif
	build/e2e-run -cluster=$(CLUSTER) -run='$(RUN)' $(E2E)

# The official suite of Gateway API on a fresh cluster for each channel, and its reports, unmodified.
conformance:
	@mkdir -p e2e/conformance/reports
	for channel in experimental standard; do \
	  $(MAKE) --no-print-directory e2e E2E=conformance CHANNEL=$$channel && \
	  install -m 644 build/e2e/$$channel-*-report.yaml e2e/conformance/reports/ || exit 1; \
	done
