#!/usr/bin/env bash
# Sends an event, or all of them, to functions in the SAM CLI's Lambda container, against the database and providers of a running
# `make dev`. The container reaches this machine as host.docker.internal, so everything on loopback is renamed on the way in.
set -euo pipefail

cd "$(dirname "$0")/.."
data=${DATA:-.dev}
sam=.tools/sam/bin/sam
PATH="$PWD/.tools/lambda/bin:$PATH"

wanted=${1:?usage: sam-invoke.sh EVENT, for example health, or all}
if ! docker info >/dev/null 2>&1; then
  [ "${SKIP_WITHOUT_DOCKER:-}" = 1 ] && { echo "skipped: sam local invoke, because no Docker runs here"; exit 0; }
  echo "sam local invoke needs a running Docker: see https://docs.docker.com/get-docker" >&2
  exit 1
fi
[ -f "$data/env" ] || { echo "no $data/env: start \`make dev\` in another terminal first" >&2; exit 1; }

set -a
# shellcheck disable=SC1091
. "$data/env"
set +a
architecture=$([ "$(uname -m)" = x86_64 ] && echo x86_64 || echo arm64)
"$sam" build --parameter-overrides "Architecture=$architecture"

template=.aws-sam/build/local.yaml
PYTHONDONTWRITEBYTECODE=1 .tools/sam/bin/python tools/deploy/local_template.py \
  .aws-sam/build/template.yaml "$data/functions.env" "$template" "$data/sam-variables.json"

# On Linux the machine's loopback is out of a container's reach.
if [ "$(uname)" = Linux ]; then
  address=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
  mapfile -t ports < <(grep -oE '127\.0\.0\.1:[0-9]+' "$data/functions.env" | cut -d: -f2 | sort -u)
  python3 tools/forward.py "$address" "${ports[@]}" &
  trap 'kill %1 2>/dev/null || true' EXIT
fi

# The status that an event's name promises.
promised() {
  case $1 in
    error-in-*) echo 200 ;;
    error-*) cut -d- -f2 <<<"$1" ;;
    preflight) echo 204 ;;
    *) echo 200 ;;
  esac
}

invoke() {
  local function logical_id answer
  function=$(python3 tools/event.py "$1" "$data/event.json")
  logical_id=$(python3 -c 'import sys; print(sys.argv[1].title().replace("-", ""))' "$function")Function
  # A streamed answer comes as its prelude, eight zeros, and the body.
  answer=$("$sam" local invoke "$logical_id" --template "$template" --event "$data/event.json" --env-vars "$data/sam-variables.json" \
    --add-host host.docker.internal:host-gateway --parameter-overrides "Architecture=$architecture" | tr -d '\0')
  printf '%s\n' "$answer"
  [ "$wanted" != all ] || [[ $answer =~ \"statusCode\":\ ?$(promised "$1") ]] \
    || { echo "$1: the status is not $(promised "$1")" >&2; exit 1; }
}

if [ "$wanted" = all ]; then
  for file in events/*.json; do
    invoke "$(basename "$file" .json)"
  done
else
  invoke "$wanted"
fi
