#!/usr/bin/env bash
# Sends an event to a function in the SAM CLI's Lambda container, against the database and providers of a running `make dev`.
# The container reaches this machine as host.docker.internal, so everything on loopback is renamed on the way in.
set -euo pipefail

event=${1:?usage: sam-invoke.sh EVENT, for example health}
cd "$(dirname "$0")/.."
[ -f "events/$event.json" ] || { echo "no events/$event.json; there are: $(basename -s .json -a events/*.json | xargs)" >&2; exit 1; }
[ -f .dev/env ] || { echo "no .dev/env: start \`make dev\` in another terminal first" >&2; exit 1; }
docker info >/dev/null 2>&1 || { echo "sam local invoke needs a running Docker (or Finch): see https://docs.docker.com/get-docker" >&2; exit 1; }
command -v sam >/dev/null || { echo "the SAM CLI is not installed: pip install aws-sam-cli" >&2; exit 1; }

# shellcheck disable=SC1091
. .dev/env
case $event in
  chat-completions*) function=ChatCompletionsFunction ;;
  messages*) function=MessagesFunction ;;
  count-tokens*) function=CountTokensFunction ;;
  model*) function=ModelsFunction ;;
  usage*|credits*) function=UsageFunction ;;
  health*) function=HealthFunction ;;
esac
case $(uname -m) in
  x86_64) architecture=x86_64 ;;
  *) architecture=arm64 ;;
esac

variables=.dev/sam-variables.json
python3 - "$variables" <<'PYTHON'
import json, sys
lines = [line.rstrip("\n").split("=", 1) for line in open(".dev/functions.env")]
outside = {name: value.strip("'").replace("127.0.0.1", "host.docker.internal") for name, value in lines}
json.dump({"Parameters": outside}, open(sys.argv[1], "w"))
PYTHON
sed "s|\${GATEWAY_KEY}|$GATEWAY_KEY|" "events/$event.json" > .dev/event.json
sam build --parameter-overrides "Architecture=$architecture" "$function"
exec sam local invoke "$function" --event .dev/event.json --env-vars "$variables" \
  --add-host host.docker.internal:host-gateway --parameter-overrides "Architecture=$architecture"
