"""The description that a running gateway serves, and what the tests need to compare answers with it.

GATEWAY_URL=http://127.0.0.1:9000 GATEWAY_KEY=bk_... python -m pytest tests/openapi
"""

import json
import os
import urllib.error
import urllib.request

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

URL = os.environ["GATEWAY_URL"].rstrip("/")
KEY = {"x-api-key": os.environ["GATEWAY_KEY"]}
# Headers that HTTP and the server add.
TRANSPORT = {"connection", "content-length", "content-type", "date", "transfer-encoding"}
NAME = "urn:description"


def read(path, body=None, headers=KEY, method=None):
    """Status, headers and text of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"content-type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.status, answer.headers, answer.read().decode()


def closed(value):
    """The same schemas, but an object has no fields that its schema does not name, unless the schema says so itself. Clients must
    expect more fields; the gateway must describe all that it sends."""
    if isinstance(value, list):
        return [closed(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    same = {name: closed(entry) for name, entry in value.items()}
    if value.get("type") == "object" and isinstance(value.get("properties"), dict):
        same.setdefault("additionalProperties", False)
    return same


DOCUMENT = json.loads(read("/openapi.json", headers={})[2])
STRICT = {
    **DOCUMENT,
    "paths": closed(DOCUMENT["paths"]),
    "components": {**DOCUMENT["components"], "schemas": closed(DOCUMENT["components"]["schemas"])},
}


def _absolute(value):
    """References that name the document."""
    if isinstance(value, list):
        return [_absolute(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    moved = {"$ref": NAME + value["$ref"]} if isinstance(value.get("$ref"), str) else {}
    return {name: _absolute(entry) for name, entry in value.items()} | moved


_REGISTRY = Registry().with_resource(NAME, Resource(contents=_absolute(STRICT), specification=DRAFT202012))


def faults(schema, value):
    """The reasons why a value does not match a schema of the description. Empty if it matches."""
    validator = Draft202012Validator(_absolute(schema), registry=_REGISTRY)
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


def follow(value):
    """A value of the description. A reference is replaced by its target."""
    for name in value.get("$ref", "#").split("/")[1:]:
        value = (value if "$ref" not in value else STRICT)[name.replace("~1", "/")]
    return value


def operations():
    """Path, method and operation of all endpoints."""
    return [(path, method, operation) for path, methods in STRICT["paths"].items() for method, operation in methods.items()]


def event_schema(content):
    """The schema of the data of a stream's events; none if the content is not a stream."""
    data = content["schema"].get("properties", {}).get("data", {})
    return next((each["contentSchema"] for each in [data, *data.get("oneOf", [])] if "contentSchema" in each), None)


def events(text):
    """The data of the events of a stream. Comments are pings and are left out."""
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(entry) for entry in data if entry != "[DONE]"]
