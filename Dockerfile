# syntax=docker/dockerfile:1
# For amd64 and arm64:
#   docker buildx build --platform linux/amd64,linux/arm64 --tag tidegate.dev/tidegate:dev .
# `make image` makes the same image for one of them without Docker.

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
ARG TARGETARCH
# Static, since the image has no loader. With --target, build scripts are not.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/target,id=target-$TARGETARCH \
    target="$(rustc --version --verbose | sed -n 's/^host: //p')" \
 && RUSTFLAGS="-C target-feature=+crt-static" CARGO_TARGET_DIR=/target \
    cargo build --locked --release --bin tidegate --target "$target" \
 && cp "/target/$target/release/tidegate" /tidegate

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /tidegate /tidegate
ENV PATH=/
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/tidegate"]
