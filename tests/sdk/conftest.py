"""The official SDKs against a running gateway; only the base URL and the key differ from the vendors' own.

    GATEWAY_URL=http://127.0.0.1:9000 GATEWAY_KEY=bk_... python -m pytest tests/sdk

Behind the gateway stands a provider simulator: its answer quotes the prompt (`You said: "..."`), and a marker
`[[sim:NAME key=value]]` in the last user text makes it behave otherwise.

The usage tests count what the key has used, so nothing else may use the key and the tests never run in parallel.
"""

import json
import os
import urllib.request
from dataclasses import dataclass

import anthropic
import openai
import pytest

WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


def pytest_collection_modifyitems(items):
    # The OpenAI SDK hangs up at `[DONE]`, before the gateway has written that request's usage: what counts usage goes
    # first, while nothing of another test is still being written.
    items.sort(key=lambda item: "usage" not in item.fixturenames)


@dataclass(frozen=True)
class Gateway:
    url: str
    key: str

    @property
    def wrong_key(self):
        """The key with a typo in its last character."""
        return self.key[:-1] + ("0" if self.key[-1] != "0" else "1")


@pytest.fixture(scope="session")
def gateway():
    missing = [name for name in ("GATEWAY_URL", "GATEWAY_KEY") if not os.environ.get(name)]
    if missing:
        pytest.fail(
            f"{' and '.join(missing)} must be set: the running gateway's address (without /v1) and a key of it",
            pytrace=False,
        )
    return Gateway(os.environ["GATEWAY_URL"].rstrip("/"), os.environ["GATEWAY_KEY"])


@pytest.fixture(scope="session")
def openai_client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_client(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def first_models():
    """The ids every deployment lists first, in this order."""
    return [
        "claude-opus-4.6",
        "claude-opus-4.5",
        "claude-sonnet-4.5",
        "claude-haiku-4.5",
        "gemini-3-pro",
        "gemini-3-flash",
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gpt-5.2",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-5.2-codex",
        "kimi-k2.5",
        "qwen3-coder",
    ]


@dataclass(frozen=True)
class Count:
    """Requests and tokens: what replies reported, or what the ledger shows."""

    requests: int = 0
    input: int = 0
    output: int = 0

    def __add__(self, other):
        return Count(self.requests + other.requests, self.input + other.input, self.output + other.output)

    def __sub__(self, other):
        return Count(self.requests - other.requests, self.input - other.input, self.output - other.output)


class Usage:
    """`GET /v1/usage` as it was when the test began, to compare with what it says afterwards."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._before = self._read()

    def assert_grew_by(self, replies):
        """`replies` are (model, prompt tokens, completion tokens), one per call the test made."""
        after = self._read()
        expected = {}
        for model, prompt, completion in replies:
            expected[model] = expected.get(model, Count()) + Count(1, prompt, completion)
        for model, count in expected.items():
            assert _of_model(after, model) - _of_model(self._before, model) == count, model
        assert _total(after) - _total(self._before) == sum(expected.values(), Count())
        assert after["totalCost"] > self._before["totalCost"]

    def _read(self):
        request = urllib.request.Request(
            f"{self._gateway.url}/v1/usage?days=30", headers={"Authorization": f"Bearer {self._gateway.key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            summary = json.load(response)
        assert summary["object"] == "usage_summary"
        return summary


def _total(summary):
    return Count(summary["totalRequests"], summary["totalInputTokens"], summary["totalOutputTokens"])


def _of_model(summary, model):
    rows = [row for row in summary["byModel"] if row["model"] == model]
    assert len(rows) <= 1, f"{model} is listed {len(rows)} times"
    return sum((Count(row["requests"], row["inputTokens"], row["outputTokens"]) for row in rows), Count())


@pytest.fixture
def usage(gateway):
    return Usage(gateway)
