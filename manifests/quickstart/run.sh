#!/usr/bin/env bash
# Serves the manifests beside it with two demo backends, until Ctrl-C or until one of them ends.
#
#   manifests/quickstart/run.sh BINARY
set -euo pipefail

tidegate=${1:?"the path of the binary, such as build/tidegate"}
here=$(cd "$(dirname "$0")" && pwd)
url=http://127.0.0.1:8080
health=127.0.0.1:9901

declare -A names=()

start() {
  local name=$1
  shift
  "$tidegate" "$@" &
  names[$!]=$name
}

stop() {
  trap - EXIT INT TERM
  kill "${!names[@]}" 2>/dev/null || true
  wait
}
trap stop EXIT
# The way in which it is meant to end.
trap 'exit 0' INT
trap 'exit 143' TERM

# Ends the script if one of the processes has ended.
check_alive() {
  local pid
  for pid in "${!names[@]}"; do
    if kill -0 "$pid" 2>/dev/null; then continue; fi
    local status=0
    wait "$pid" || status=$?
    echo "${names[$pid]} has ended with status $status." >&2
    if ((status)); then
      echo "If an address is in use: end what listens there, or change the port in all files of $here." >&2
    fi
    exit 1
  done
}

start 'backend v1' echo --listen 127.0.0.1:9101 --name v1
start 'backend v2' echo --listen 127.0.0.1:9102 --name v2
# Nobody looks for another gateway when this one stops: no need to wait for them.
start tidegate serve --source "$here" --health-address "$health" --admin-address 127.0.0.1:9902 \
  --drain-min 0s --drain-max 1s

deadline=$((SECONDS + 30))
until curl --silent --fail --max-time 1 --output /dev/null "http://$health/readyz" \
  && curl --silent --fail --max-time 1 --output /dev/null "$url"; do
  check_alive
  if ((SECONDS > deadline)); then
    echo "$url does not answer" >&2
    exit 1
  fi
  sleep 0.1
done
check_alive

cat <<TEXT

Tidegate answers at $url: 9 of 10 requests go to v1, the others to v2. In another shell:

  curl $url/
  curl -s '$url/[1-20]' | grep '"name"' | sort | uniq -c

Edit a weight in $here/route.yaml, save, and ask again. Ctrl-C ends everything.

TEXT

wait -n || true
check_alive
