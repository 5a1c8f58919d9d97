#!/usr/bin/env bash
# Builds the Dockerfile for both platforms with buildah, as root and without a daemon, and runs what
# came of it; that for the other machine in emulation. The profile is dev: what is tested is the
# Dockerfile. Where no registry can be reached the base image is made of the same parts: Debian
# bookworm with a compiler, and rustup's Rust.
set -euo pipefail

cd "$(dirname "$0")/.."
storage=${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/images
base=docker.io/library/rust:1-bookworm
platforms=(amd64 arm64)
buildah=(buildah --storage-driver overlay --root "$storage/root" --runroot "$storage/run")

# Like the official image: the toolchain below /usr/local, writable by all.
make_base() {
  local root
  root=$(mktemp --directory --tmpdir="$storage" base.XXXXXX)
  trap 'rm -rf "$root"' RETURN
  debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev bookworm "$root" >/dev/null
  curl --fail --silent --show-error --location --output "$storage/rustup-init" \
    "https://static.rust-lang.org/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init"
  chmod +x "$storage/rustup-init"
  RUSTUP_HOME=$root/usr/local/rustup CARGO_HOME=$root/usr/local/cargo RUSTUP_INIT_SKIP_PATH_CHECK=yes \
    "$storage/rustup-init" -y --no-modify-path --profile minimal --default-toolchain stable
  # What this machine trusts, where a proxy stands before the registries.
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  local container
  container=$("${buildah[@]}" from scratch)
  "${buildah[@]}" add --quiet "$container" "$root" /
  "${buildah[@]}" config --env RUSTUP_HOME=/usr/local/rustup --env CARGO_HOME=/usr/local/cargo \
    --env PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  "${buildah[@]}" commit --quiet --rm "$container" "$base"
}

run() { # PLATFORM PROGRAM ARGUMENT...
  case $1-$(uname -m) in
    amd64-x86_64 | arm64-aarch64) "${@:2}" ;;
    amd64-*) qemu-x86_64-static "${@:2}" ;;
    arm64-*) qemu-aarch64-static "${@:2}" ;;
  esac
}

mkdir -p "$storage"
if ! "${buildah[@]}" inspect --type image "$base" >/dev/null 2>&1; then
  "${buildah[@]}" pull --quiet "$base" 2>/dev/null || { echo "no registry: making the base image"; make_base; }
fi

case $(uname -m) in
  x86_64) here=linux/amd64 ;;
  aarch64) here=linux/arm64 ;;
  *) echo "a machine like this ($(uname -m)) is none that the Dockerfile is for" >&2; exit 1 ;;
esac
# Older versions of buildah do not know the argument by themselves, as BuildKit does.
{ echo "ARG BUILDPLATFORM"; cat Dockerfile; } >"$storage/Dockerfile"

expected="tidegate $(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)"
for platform in "${platforms[@]}"; do
  image=tidegate.dev/tidegate:dockerfile-$platform
  "${buildah[@]}" build --isolation chroot --pull=never --platform "linux/$platform" \
    --build-arg "BUILDPLATFORM=$here" --build-arg PROFILE=dev --tag "$image" --file "$storage/Dockerfile" .
  container=$("${buildah[@]}" from "$image")
  mounted=$("${buildah[@]}" mount "$container")
  version=$(run "$platform" "$mounted/tidegate" --version)
  entry=$("${buildah[@]}" inspect --format '{{.OCIv1.Architecture}} {{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}}' "$container")
  "${buildah[@]}" rm "$container" >/dev/null
  "${buildah[@]}" rmi "$image" >/dev/null
  [[ $version == "$expected"* ]] || { echo "linux/$platform: --version says $version, not $expected" >&2; exit 1; }
  [[ $entry == "$platform 65532:65532 [/tidegate]" ]] || { echo "linux/$platform: the image is $entry" >&2; exit 1; }
  echo "ok    linux/$platform: $version; $entry"
done
