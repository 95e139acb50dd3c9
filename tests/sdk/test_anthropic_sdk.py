"""What a user of the official Anthropic SDK may rely on."""

import json

import anthropic
import pytest
from conftest import WEATHER_SCHEMA

MODELS = ["claude-opus-4.6", "claude-haiku-4.5"]

WEATHER = {"name": "get_weather", "description": "The weather in a city.", "input_schema": WEATHER_SCHEMA}


def ask(text, model="claude-opus-4.6", **fields):
    return {"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": text}], **fields}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def streamed_text_of(events):
    return "".join(
        event.delta.text for event in events if event.type == "content_block_delta" and event.delta.type == "text_delta"
    )


def input_tokens(usage):
    """All of them: Anthropic's `input_tokens` leaves the cached ones out."""
    return usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)


class TestMessages:
    @pytest.mark.parametrize("model", MODELS)
    def test_a_whole_reply_has_the_documented_shape(self, anthropic_client, model):
        message = anthropic_client.messages.create(**ask("Say hello to Ada.", model))

        assert message.id.startswith("msg_")
        assert message.type == "message"
        assert message.role == "assistant"
        assert message.model == model
        assert [block.type for block in message.content] == ["text"]
        assert "You said:" in text_of(message)
        assert "Say hello to Ada." in text_of(message)
        assert message.stop_reason == "end_turn"
        assert message.usage.input_tokens > 0
        assert message.usage.output_tokens > 0

    @pytest.mark.parametrize("model", MODELS)
    def test_a_stream_says_the_same_as_the_whole_reply(self, anthropic_client, model):
        request = ask("Say hello to Ada, then to Grace.", model)
        whole = anthropic_client.messages.create(**request)
        events = list(anthropic_client.messages.create(**request, stream=True))

        [start] = [event for event in events if event.type == "message_start"]
        assert start.message.id.startswith("msg_")
        assert start.message.model == model
        assert streamed_text_of(events) == text_of(whole)
        [end] = [event for event in events if event.type == "message_delta"]
        assert end.delta.stop_reason == "end_turn"
        assert end.usage.output_tokens == whole.usage.output_tokens

    @pytest.mark.parametrize("model", MODELS)
    def test_the_events_of_a_stream_come_in_order(self, anthropic_client, model):
        events = list(anthropic_client.messages.create(**ask("Hello!", model, stream=True)))
        types = [event.type for event in events]

        assert types[:2] == ["message_start", "content_block_start"]
        assert set(types[2:-3]) == {"content_block_delta"}
        assert types[-3:] == ["content_block_stop", "message_delta", "message_stop"]
        assert {event.index for event in events if event.type.startswith("content_block")} == {0}

    @pytest.mark.parametrize("model", MODELS)
    def test_the_stream_helper_collects_the_whole_reply(self, anthropic_client, model):
        request = ask("Say hello to Ada, then to Grace.", model)
        whole = anthropic_client.messages.create(**request)
        with anthropic_client.messages.stream(**request) as stream:
            pieces = list(stream.text_stream)
            collected = stream.get_final_message()

        assert "".join(pieces) == text_of(whole)
        assert text_of(collected) == text_of(whole)
        assert collected.stop_reason == whole.stop_reason
        assert input_tokens(collected.usage) == input_tokens(whole.usage)
        assert collected.usage.output_tokens == whole.usage.output_tokens


class TestTools:
    ASK = ask("What is the weather in Paris? [[sim:tool]]", tools=[WEATHER])

    def test_a_tool_use_and_its_result_make_a_round(self, anthropic_client):
        asked = anthropic_client.messages.create(**self.ASK)

        assert asked.stop_reason == "tool_use"
        [call] = [block for block in asked.content if block.type == "tool_use"]
        assert call.id
        assert call.name == "get_weather"
        assert isinstance(call.input, dict)

        answered = anthropic_client.messages.create(
            **self.ASK
            | {
                "messages": [
                    *self.ASK["messages"],
                    {"role": "assistant", "content": [block.to_dict() for block in asked.content]},
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"},
                            {"type": "text", "text": "And in one sentence?"},
                        ],
                    },
                ]
            }
        )
        assert answered.stop_reason == "end_turn"
        assert "18 degrees" in text_of(answered)

    def test_a_streamed_tool_use_joins_to_the_whole_one(self, anthropic_client):
        [whole] = [block for block in anthropic_client.messages.create(**self.ASK).content if block.type == "tool_use"]
        with anthropic_client.messages.stream(**self.ASK) as stream:
            collected = stream.get_final_message()

        assert collected.stop_reason == "tool_use"
        [streamed] = [block for block in collected.content if block.type == "tool_use"]
        assert streamed.name == "get_weather"
        assert streamed.input == whole.input


class TestModels:
    def test_the_list_begins_with_the_documented_models_in_order(self, anthropic_client, first_models):
        page = anthropic_client.models.list()

        assert [model.id for model in page.data][: len(first_models)] == first_models
        assert {model.type for model in page.data} == {"model"}
        assert all(model.display_name for model in page.data)
        assert page.has_more is False
        assert page.first_id == page.data[0].id
        assert page.last_id == page.data[-1].id

    @pytest.mark.parametrize("model", MODELS)
    def test_one_model_can_be_retrieved(self, anthropic_client, model):
        retrieved = anthropic_client.models.retrieve(model)

        assert retrieved.id == model
        assert retrieved.display_name
        assert retrieved.created_at.year >= 1970


class TestUsage:
    def test_grows_by_exactly_what_the_replies_reported(self, anthropic_client, usage):
        replies = []
        for model in [*MODELS, "claude-opus-4.6"]:
            message = anthropic_client.messages.create(**ask("Charge me exactly.", model))
            replies.append((model, input_tokens(message.usage), message.usage.output_tokens))

        usage.assert_grew_by(replies)

    def test_is_written_when_a_stream_has_ended(self, anthropic_client, usage):
        replies = []
        for model in MODELS:
            with anthropic_client.messages.stream(**ask("Charge me exactly.", model)) as stream:
                reported = stream.get_final_message().usage
            replies.append((model, input_tokens(reported), reported.output_tokens))

        usage.assert_grew_by(replies)


class TestRefusals:
    def test_a_wrong_key_is_unauthorized(self, gateway):
        client = anthropic.Anthropic(base_url=gateway.url, api_key=gateway.wrong_key, max_retries=0)

        with pytest.raises(anthropic.AuthenticationError) as refused:
            client.messages.create(**ask("Hello!"))

        assert refused.value.status_code == 401
        assert refused.value.body["type"] == "error"
        assert refused.value.body["error"]["message"] == "Unauthorized"

    def test_an_unknown_model_is_not_found_and_a_near_one_is_named(self, anthropic_client):
        with pytest.raises(anthropic.NotFoundError) as refused:
            anthropic_client.messages.create(**ask("Hello!", "claude-opus-4.66"))

        assert refused.value.body["error"]["code"] == "model_not_found"
        suggestion = json.dumps(refused.value.body).replace("claude-opus-4.66", "")
        assert "claude-opus-4.6" in suggestion

    def test_a_part_that_no_route_carries_is_refused_by_its_path(self, anthropic_client):
        with pytest.raises(anthropic.BadRequestError) as refused:
            by_id = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
            anthropic_client.messages.create(model="gpt-5.2", max_tokens=64, messages=[{"role": "user", "content": [by_id]}])

        assert refused.value.body["error"]["code"] == "unsupported"

    def test_an_error_carries_the_request_id(self, anthropic_client):
        with pytest.raises(anthropic.NotFoundError) as refused:
            anthropic_client.messages.create(**ask("Hello!", "no-such-model"))

        assert refused.value.request_id
        assert refused.value.body["request_id"] == refused.value.request_id


class TestProviderFaults:
    """Last in the file and spread over models, because a failing model may be avoided for a while afterwards."""

    BREAKS = (("claude-haiku-4.5", "cut after=3"), ("claude-sonnet-4.5", "midstream-error after=3"))

    @pytest.mark.parametrize(("model", "scenario"), BREAKS)
    def test_a_stream_that_breaks_never_ends_cleanly(self, anthropic_client, model, scenario):
        stream = anthropic_client.messages.create(**ask(f"Tell me a long story. [[sim:{scenario}]]", model, stream=True))
        events = []

        with pytest.raises(anthropic.APIError):
            for event in stream:
                events.append(event)

        assert streamed_text_of(events) == "Hello from the"
        assert {"message_delta", "message_stop"}.isdisjoint(event.type for event in events)

    @pytest.mark.parametrize(("model", "scenario"), BREAKS)
    def test_the_stream_helper_gives_no_final_message_of_a_broken_stream(self, anthropic_client, model, scenario):
        request = ask(f"Tell me a long story. [[sim:{scenario}]]", model)

        with pytest.raises(anthropic.APIError), anthropic_client.messages.stream(**request) as stream:
            stream.get_final_message()

    def test_an_overloaded_provider_is_reported_as_overloaded(self, anthropic_client):
        with pytest.raises(anthropic.OverloadedError) as failed:
            anthropic_client.messages.create(**ask("Hello! [[sim:error status=529]]", "claude-opus-4.5"))

        assert failed.value.status_code == 529
        assert failed.value.body["error"]["type"] == "overloaded_error"

    def test_an_overloaded_provider_is_reported_before_a_stream_begins(self, anthropic_client):
        with pytest.raises(anthropic.OverloadedError):
            anthropic_client.messages.create(**ask("Hello! [[sim:error status=529]]", "claude-opus-4.5", stream=True))


def test_sources_of_a_reply_are_citations_and_come_back(anthropic_client):
    question = "[[sim:echo sources=1]] Hello!"
    with anthropic_client.messages.stream(**ask(question, "kimi-k2.5")) as stream:
        streamed = stream.get_final_message()
    whole = anthropic_client.messages.create(**ask(question, "kimi-k2.5"))

    for message in (whole, streamed):
        [source] = message.content[-1].citations
        assert (source.type, source.url, source.title) == (
            "web_search_result_location",
            "https://source.example/1",
            "Source 1",
        )
    history = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": [block.to_dict() for block in whole.content]},
        {"role": "user", "content": "[[sim:strict]] And now?"},
    ]
    anthropic_client.messages.create(model="claude-opus-4.6", max_tokens=1024, messages=history)
