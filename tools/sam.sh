#!/usr/bin/env bash
# Runs the functions in the SAM CLI's Lambda containers, against the database and providers of a running `make dev`:
#   sam.sh invoke EVENT   sends an event of events/, or all of them, and checks the statuses that their names promise. All events
#                         go through `sam local start-lambda`, whose containers stay
#   sam.sh api            serves all functions at one base URL, http://127.0.0.1:SAM_PORT
# BINARIES is the folder of the functions' binaries. The container reaches this machine as host.docker.internal, so loopback addresses
# are replaced.
set -euo pipefail

cd "$(dirname "$0")/.."
data=${DATA:-.dev}
target=${CARGO_TARGET_DIR:-target}
sam=.tools/sam/bin/sam
local=.aws-sam/local
port=${SAM_LAMBDA_PORT:-3001}
# SAM needs a region, even if nothing uses it.
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1}

usage="usage: sam.sh invoke EVENT, for example health, or all; sam.sh api"
task=${1:?$usage}
if ! docker info >/dev/null 2>&1; then
  [ "${SKIP_WITHOUT_DOCKER:-}" = 1 ] && { echo "skipped: SAM's containers, because no Docker runs here"; exit 0; }
  echo "sam local needs a running Docker: see https://docs.docker.com/get-docker" >&2
  exit 1
fi
[ -f "$data/env" ] || { echo "no $data/env: start \`make dev\` in another terminal first" >&2; exit 1; }

set -a
# shellcheck disable=SC1091
. "$data/env"
set +a
architecture=$([ "$(uname -m)" = x86_64 ] && echo x86_64 || echo arm64)
PYTHONDONTWRITEBYTECODE=1 .tools/sam/bin/python tools/sam_template.py \
  template.yaml "${BINARIES:-$target/debug}" "$data/functions.env" "$local"
options=(--template "$local/template.yaml" --env-vars "$local/variables.json"
  --add-host host.docker.internal:host-gateway --parameter-overrides "Architecture=$architecture")
# Without this, SAM pulls the image each time, which fails offline.
if docker image inspect "public.ecr.aws/lambda/provided:al2023-$architecture" >/dev/null 2>&1; then
  options+=(--skip-pull-image)
fi

# On Linux, containers cannot reach the machine's loopback.
if [ "$(uname)" = Linux ]; then
  # The bridge has the first address of its network. An engine that has not run a container yet does not report it.
  address=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Subnet}}' |
    python3 -c 'import ipaddress; print(ipaddress.ip_network(input())[1])')
  mapfile -t ports < <(grep -oE '127\.0\.0\.1:[0-9]+' "$data/functions.env" | cut -d: -f2 | sort -u)
  python3 tools/forward.py "$address" "${ports[@]}" &
fi
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

# The status in an event's name.
promised() {
  case $1 in
    error-in-*) echo 200 ;;
    error-*) cut -d- -f2 <<<"$1" ;;
    preflight) echo 204 ;;
    *) echo 200 ;;
  esac
}

logical_id() {
  python3 -c 'import sys; print(sys.argv[1].title().replace("-", ""))' "$1"
}

# A streamed answer is its prelude, eight zero bytes, and the body.
check() {
  printf '%s\n' "$2"
  [[ $2 =~ \"statusCode\":\ ?$(promised "$1") ]] || { cat "$data/sam.log" >&2; echo "$1: the status is not $(promised "$1")" >&2; exit 1; }
}

invoke() {
  local function answer
  function=$(python3 tools/event.py "$1" "$data/event.json")
  answer=$("$sam" local invoke "$(logical_id "$function")Function" --event "$data/event.json" "${options[@]}" 2>"$data/sam.log" | tr -d '\0') \
    || { cat "$data/sam.log" >&2; exit 1; }
  check "$1" "$answer"
}

# Lambda's Invoke API, with a container per function that stays.
start_lambda() {
  "$sam" local start-lambda --port "$port" --warm-containers LAZY "${options[@]}" 2>"$data/sam.log" &
  until curl --silent --output /dev/null "http://127.0.0.1:$port"; do
    kill -0 $! 2>/dev/null || { cat "$data/sam.log" >&2; exit 1; }
    sleep 0.2
  done
}

invoke_all() {
  local name function answer
  start_lambda
  for file in events/*.json; do
    name=$(basename "$file" .json)
    function=$(python3 tools/event.py "$name" "$data/event.json")
    answer=$(curl --silent --max-time 120 --data-binary "@$data/event.json" \
      "http://127.0.0.1:$port/2015-03-31/functions/$(logical_id "$function")Function/invocations" | tr -d '\0')
    check "$name" "$answer"
  done
}

case $task in
  invoke)
    wanted=${2:?$usage}
    if [ "$wanted" = all ]; then invoke_all; else invoke "$wanted"; fi
    ;;
  api)
    start_lambda
    # SAM's own front, start-api, does not support function URLs.
    "$target/debug/gateway-dev" --port "${SAM_PORT:-9001}" --invoke "http://127.0.0.1:$port"
    ;;
  *)
    echo "$usage" >&2
    exit 2
    ;;
esac
