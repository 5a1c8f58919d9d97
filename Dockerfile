# syntax=docker/dockerfile:1
# For amd64 and arm64, each compiled on the machine that builds, without emulation:
#   docker buildx build --platform linux/amd64,linux/arm64 --tag tidegate.dev/tidegate:dev .
# `make image` makes the same image for one of them without Docker.

FROM --platform=$BUILDPLATFORM rust:1-bookworm AS build
ARG TARGETARCH
RUN case "$TARGETARCH" in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; \
      *) echo "TARGETARCH is $TARGETARCH: only amd64 and arm64 are built" >&2; exit 1 ;; esac \
 && echo "$machine" > /machine \
 && if [ "$machine" != "$(uname -m)" ]; then \
      apt-get update \
   && apt-get install --yes --no-install-recommends \
        "gcc-$(echo "$machine" | tr _ -)-linux-gnu" "libc6-dev-$TARGETARCH-cross" \
   && rustup target add "$machine-unknown-linux-gnu"; \
    fi
WORKDIR /src
COPY . .
ARG PROFILE=release
# Static, since the image has no loader. With --target, build scripts are not.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/target,id=target-$TARGETARCH \
    machine="$(cat /machine)" && target="$machine-unknown-linux-gnu" \
 && if [ "$machine" != "$(uname -m)" ]; then \
      name="$(echo "$target" | tr a-z- A-Z_)" \
   && export "CARGO_TARGET_${name}_LINKER=$machine-linux-gnu-gcc" "CC_$(echo "$target" | tr - _)=$machine-linux-gnu-gcc"; \
    fi \
 && RUSTFLAGS="-C target-feature=+crt-static" CARGO_TARGET_DIR=/target \
    cargo build --locked --profile "$PROFILE" --bin tidegate --target "$target" \
 && cp "/target/$target/$(echo "$PROFILE" | sed 's/^dev$/debug/')/tidegate" /tidegate

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /tidegate /tidegate
ENV PATH=/
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/tidegate"]
