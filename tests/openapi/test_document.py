"""The description is valid, and its examples are what it says."""

import pytest
from description import DOCUMENT, event_schema, events, faults, follow, operations
from openapi_spec_validator import OpenAPIV31SpecValidator


def test_the_document_is_valid_openapi():
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def contents():
    """Every content of a request or a response, with a name."""
    for path, method, operation in operations():
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{method} {path} {kind}", content
        for status, response in operation["responses"].items():
            for kind, content in follow(response).get("content", {}).items():
                yield f"{method} {path} {status} {kind}", content


CONTENTS = dict(contents())


@pytest.mark.parametrize("name", [name for name, content in CONTENTS.items() if "example" in content or "examples" in content])
def test_an_example_fits_its_schema(name):
    content = CONTENTS[name]
    examples = [example["value"] for example in content.get("examples", {}).values()]
    for example in [*examples, *([content["example"]] if "example" in content else [])]:
        assert faults(content["schema"], example) == [], example


@pytest.mark.parametrize("name", [name for name in CONTENTS if name.endswith("event-stream")])
def test_the_example_of_a_stream_has_events_that_fit_their_schema(name):
    found = events(CONTENTS[name]["x-stream-example"])
    assert found
    assert [faults(event_schema(CONTENTS[name]), event) for event in found] == [[]] * len(found)


@pytest.mark.parametrize("name", [name for name in CONTENTS if name.endswith("application/json") and "openapi.json" not in name])
def test_every_json_has_an_example(name):
    assert "example" in CONTENTS[name] or "examples" in CONTENTS[name]
