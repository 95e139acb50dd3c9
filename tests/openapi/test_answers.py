"""The gateway's answers to generated requests, and to streams, match the description."""

import json
from collections import Counter
from itertools import product

import pytest
import schemathesis
from description import KEY, STRICT, TRANSPORT, URL, event_schema, events, faults, follow, operations, read
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core import NOT_SET
from schemathesis.generation.meta import TestPhase

# Enough for each kind of body and each parameter; all together take less than a minute.
EXAMPLES = 6
ENCODINGS = ["gzip", "deflate", "br", "zstd"]
MODELS = ["claude-opus-4.6", "gemini-3-pro", "gpt-5.2", "kimi-k2.5"]
NAMES = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
]

# Why a request that fits its schema may be a 400.
BEYOND_SCHEMAS = [
    "is declared.",
    "is declared twice with different content.",
    "expected base64.",
    "cannot be decompressed",
    "is not UTF-8 text.",
    "use an http or https address, or a data URL.",
]

load_all_checks()
config = SchemathesisConfig.from_str(
    f"""
seed = 1
request-timeout = 60
[generation]
deterministic = true
max-examples = {EXAMPLES}
database = "none"
with-security-parameters = false
"""
)
schema = schemathesis.openapi.from_dict(STRICT, config=config)
schema.config.update(base_url=URL)
succeeded, wrong = Counter(), Counter()
# Requests that the lists can show.
CHAT = {"model": MODELS[0], "messages": [{"role": "user", "content": "Hello!"}]}
REQUEST = read("/v1/chat/completions", CHAT)[1]["x-request-id"]


def steer(case):
    """Gives most requests what generated ones lack: a model that exists, a body that is compressed as its header says, a request
    that there is."""
    turn = len(repr(case.body)) % (len(MODELS) + 1)
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body["model"] = [*MODELS, case.body["model"]][turn]
    if (case.headers or {}).get("content-encoding") in ENCODINGS and turn:
        case.headers["content-encoding"] = "identity"
    if case.path == "/v1/requests/{id}" and turn % 2:
        case.path_parameters["id"] = REQUEST


def documented(path, method, status):
    """The response to a request, as the description has it. Every path answers OPTIONS, and HEAD like GET; other methods are a
    405."""
    method = method.lower()
    if method == "options":
        return STRICT["components"]["responses"]["Preflight"]
    methods = STRICT["paths"][path]
    known = methods.get(method, methods.get("get") if method == "head" else None)
    if known is None:
        return STRICT["components"]["responses"]["MethodNotAllowed"] if status == 405 else {}
    return follow(known["responses"].get(str(status), {}))


def undocumented_headers(path, method, status, headers):
    response = documented(path, method, status)
    return sorted({name.lower() for name in headers} - TRANSPORT - set(response.get("headers", {})))


def every_header_is_documented(context, response, case):
    surplus = undocumented_headers(case.path, case.method, response.status_code, response.headers)
    assert surplus == [], f"{case.method} {case.path}: {response.status_code} has undocumented headers"


CHECKED = [*(CHECKS.get_one(name) for name in NAMES), every_header_is_documented]


def is_left_out(case):
    """Five of six of the thousands of wrong bodies that the coverage phase makes: all of them would take longer than a minute."""
    meta = case.meta
    if meta.generation.mode is GenerationMode.POSITIVE or meta.phase.name is not TestPhase.COVERAGE or case.body is NOT_SET:
        return False
    wrong[case.path] += 1
    return wrong[case.path] % 6 != 0


def refused_without_need(case, response):
    """The message of an unexpected refusal. None if its reason is a rule that a schema cannot express."""
    if case.meta.generation.mode is not GenerationMode.POSITIVE or response.status_code != 400:
        return None
    message = response.json()["error"]["message"]
    return None if any(reason in message for reason in BEYOND_SCHEMAS) else message


@schema.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_fit_the_description(case):
    if is_left_out(case):
        return
    steer(case)
    response = case.call(headers=KEY)
    succeeded[f"{case.method.lower()} {case.path}"] += response.status_code == 200
    case.validate_response(response, checks=CHECKED)
    assert refused_without_need(case, response) is None


def test_every_endpoint_was_asked_something_that_it_answers():
    """Otherwise nothing but errors was compared with the description."""
    assert [f"{method} {path}" for path, method, _ in operations() if not succeeded[f"{method} {path}"]] == []


@pytest.mark.parametrize("operation", [f"{method} {path}" for path, method, _ in operations()])
def test_a_key_is_needed_where_the_description_says_so(operation):
    method, path = operation.split(" ")
    security = STRICT["paths"][path][method].get("security", STRICT["security"])
    body = {} if method == "post" else None
    status, _, _ = read(path.replace("{id}", "x"), body, headers={}, method=method.upper())
    assert (status == 401) == (security != [])


@pytest.mark.parametrize("scheme", STRICT["components"]["securitySchemes"].values(), ids=str)
def test_each_way_to_send_a_key_works(scheme):
    key = KEY["x-api-key"]
    header = {scheme["name"]: key} if scheme["type"] == "apiKey" else {"authorization": f"Bearer {key}"}
    assert read("/v1/credits", headers=header)[0] == 200


STREAMS = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello! {}"}], "stream_options": {"include_usage": True}}),
    ("/v1/messages", {"messages": [{"role": "user", "content": "Hello! {}"}], "max_tokens": 2048}),
    ("/v1/responses", {"input": "Hello! {}", "reasoning": {"effort": "low", "summary": "auto"}}),
]
TOOLS = {
    "/v1/chat/completions": {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},
    "/v1/messages": {"name": "look", "input_schema": {"type": "object"}},
    "/v1/responses": {"type": "function", "name": "look", "parameters": {"type": "object"}},
}
MARKERS = ["", "[[sim:tool]]", "[[sim:thinking]]", "[[sim:truncated]]"]


@pytest.mark.parametrize(
    ("marker", "streams"),
    [*product(MARKERS, [True, False]), ("[[sim:midstream-error after=3]]", True), ("[[sim:moderated]]", False)],
)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("path", "body"), STREAMS)
def test_replies_of_all_kinds_fit_the_description(path, body, model, marker, streams):
    text = json.dumps({**body, "model": model, "stream": streams, "tools": [TOOLS[path]]}).replace("{}", marker, 1)
    status, headers, answer = read(path, json.loads(text))
    response = documented(path, "post", status)
    content = response["content"][headers.get_content_type()]
    assert undocumented_headers(path, "post", status, headers) == []
    if data := event_schema(content):
        found = [(event, faults(data, event)) for event in events(answer)]
        assert len(found) > 2
        assert [fault for fault in found if fault[1]] == []
    else:
        assert faults(content["schema"], json.loads(answer)) == [], answer
