"""Writes an event of events/ for the local gateway, with the local key, and prints the name of its function."""

import json
import os
import sys
from pathlib import Path

EVENTS = Path(__file__).resolve().parents[1] / "events"
# The first that the path begins with; models answers everything else, as it does on AWS.
FUNCTIONS = {
    "chat/completions": "chat-completions",
    "messages/count_tokens": "count-tokens",
    "messages": "messages",
    "responses/input_tokens": "count-tokens",
    "responses": "responses",
    "usage": "usage",
    "requests": "usage",
    "credits": "usage",
    "dashboard": "dashboard",
    "openapi.json": "dashboard",
    "docs": "dashboard",
    "llms.txt": "dashboard",
    "health": "health",
    "": "models",
}


def function(path):
    """The name of the function that answers a path."""
    rest = path.removeprefix("/v1").lstrip("/")
    return next(name for start, name in FUNCTIONS.items() if rest.startswith(start))


def main(name, target):
    """Writes the event `name` to the file `target`."""
    file = EVENTS / f"{name}.json"
    if not file.exists():
        sys.exit(f"there is no event {name}; there are: {' '.join(sorted(file.stem for file in EVENTS.glob('*.json')))}")
    if "GATEWAY_KEY" not in os.environ:
        sys.exit("GATEWAY_KEY is not set: `make dev` in another terminal writes it to .dev/env")
    text = file.read_text().replace("${GATEWAY_KEY}", os.environ["GATEWAY_KEY"])
    Path(target).write_text(text)
    print(function(json.loads(text)["rawPath"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
