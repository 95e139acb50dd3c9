"""What a user of the official OpenAI SDK may rely on."""

import json

import openai
import pytest
from conftest import WEATHER_SCHEMA

# One model of each provider format behind the gateway.
MODELS = ["gpt-5.2", "claude-opus-4.6", "gemini-3-pro"]

WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": WEATHER_SCHEMA},
}


def user(text):
    return [{"role": "user", "content": text}]


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def finish_reasons_of(chunks):
    return [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]


def usage_of(chunks):
    return [chunk.usage for chunk in chunks if chunk.usage is not None]


class TestChat:
    @pytest.mark.parametrize("model", MODELS)
    def test_a_whole_reply_has_the_documented_shape(self, openai_client, model):
        reply = openai_client.chat.completions.create(model=model, messages=user("Say hello to Ada."))

        assert reply.id.startswith("chatcmpl-")
        assert reply.object == "chat.completion"
        assert reply.model == model
        [choice] = reply.choices
        assert choice.index == 0
        assert choice.finish_reason == "stop"
        assert choice.message.role == "assistant"
        assert "You said:" in choice.message.content
        assert "Say hello to Ada." in choice.message.content
        assert not choice.message.tool_calls

    @pytest.mark.parametrize("model", MODELS)
    def test_usage_adds_up_and_says_what_is_charged_and_nothing_of_the_provider_cost(self, openai_client, model):
        usage = openai_client.chat.completions.create(model=model, messages=user("Count me.")).usage

        assert usage.prompt_tokens > 0
        assert usage.completion_tokens > 0
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        assert usage.cost > 0
        assert [field for field in usage.to_dict() if "cost" in field] == ["cost"]

    @pytest.mark.parametrize("model", MODELS)
    def test_a_stream_says_the_same_as_the_whole_reply(self, openai_client, model):
        request = {"model": model, "messages": user("Say hello to Ada, then to Grace.")}
        whole = openai_client.chat.completions.create(**request)
        chunks = list(openai_client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))

        assert text_of(chunks) == whole.choices[0].message.content
        assert finish_reasons_of(chunks) == ["stop"]
        assert usage_of(chunks) == [whole.usage]

    @pytest.mark.parametrize("model", MODELS)
    def test_every_chunk_carries_the_same_id_and_the_requested_model(self, openai_client, model):
        chunks = list(openai_client.chat.completions.create(model=model, messages=user("Hello!"), stream=True))

        assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
        assert {chunk.model for chunk in chunks} == {model}
        [reply_id] = {chunk.id for chunk in chunks}
        assert reply_id.startswith("chatcmpl-")

    @pytest.mark.parametrize("model", MODELS)
    def test_the_streamed_message_that_the_sdk_adds_up_has_one_role(self, openai_client, model):
        with openai_client.chat.completions.stream(model=model, messages=user("Hello!")) as stream:
            message = stream.get_final_completion().choices[0].message

        assert message.role == "assistant"

    @pytest.mark.parametrize("model", MODELS)
    def test_usage_is_the_last_chunk_and_has_no_choices(self, openai_client, model):
        chunks = list(
            openai_client.chat.completions.create(
                model=model, messages=user("Hello!"), stream=True, stream_options={"include_usage": True}
            )
        )

        assert chunks[-1].usage is not None
        assert chunks[-1].choices == []
        assert len(usage_of(chunks)) == 1

    @pytest.mark.parametrize("model", MODELS)
    def test_a_stream_has_no_usage_unless_asked(self, openai_client, model):
        chunks = list(openai_client.chat.completions.create(model=model, messages=user("Hello!"), stream=True))

        assert finish_reasons_of(chunks) == ["stop"]
        assert usage_of(chunks) == []


class TestTools:
    ASK = "What is the weather in Paris? [[sim:tool]]"

    def test_a_tool_call_and_its_result_make_a_round(self, openai_client):
        asked = openai_client.chat.completions.create(model="gpt-5.2", messages=user(self.ASK), tools=[WEATHER])

        [choice] = asked.choices
        assert choice.finish_reason == "tool_calls"
        [call] = choice.message.tool_calls
        assert call.id
        assert call.type == "function"
        assert call.function.name == "get_weather"
        assert isinstance(json.loads(call.function.arguments), dict)

        answered = openai_client.chat.completions.create(
            model="gpt-5.2",
            tools=[WEATHER],
            messages=[
                *user(self.ASK),
                choice.message.to_dict(),
                {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"},
                *user("And in one sentence?"),
            ],
        )
        assert answered.choices[0].finish_reason == "stop"
        assert "And in one sentence?" in answered.choices[0].message.content

    def test_a_streamed_tool_call_joins_to_the_whole_one(self, openai_client):
        request = {"model": "gpt-5.2", "messages": user(self.ASK), "tools": [WEATHER]}
        [whole] = openai_client.chat.completions.create(**request).choices[0].message.tool_calls
        chunks = list(openai_client.chat.completions.create(**request, stream=True))
        pieces = [piece for chunk in chunks for choice in chunk.choices for piece in choice.delta.tool_calls or []]

        assert finish_reasons_of(chunks) == ["tool_calls"]
        assert {piece.index for piece in pieces} == {0}
        assert [piece.function.name for piece in pieces if piece.function.name] == ["get_weather"]
        assert len([piece.id for piece in pieces if piece.id]) == 1
        arguments = "".join(piece.function.arguments or "" for piece in pieces)
        assert json.loads(arguments) == json.loads(whole.function.arguments)


class TestModels:
    def test_the_list_begins_with_the_documented_models_in_order(self, openai_client, first_models):
        models = openai_client.models.list().data

        assert [model.id for model in models][: len(first_models)] == first_models
        assert {model.object for model in models} == {"model"}
        assert models[0].owned_by == "anthropic"

    @pytest.mark.parametrize("model", MODELS)
    def test_one_model_can_be_retrieved(self, openai_client, model):
        [listed] = [listed for listed in openai_client.models.list().data if listed.id == model]

        assert openai_client.models.retrieve(model).to_dict() == listed.to_dict()


class TestUsage:
    def test_grows_by_exactly_what_the_replies_reported(self, openai_client, usage):
        replies = []
        for model in [*MODELS, "gpt-5.2"]:
            reply = openai_client.chat.completions.create(model=model, messages=user("Charge me exactly."))
            replies.append((model, reply.usage.prompt_tokens, reply.usage.completion_tokens))

        usage.assert_grew_by(replies)

    def test_is_written_when_a_stream_has_ended(self, openai_client, usage):
        replies = []
        for model in MODELS:
            reported = self.read_stream_to_its_end(openai_client, model)
            replies.append((model, reported["prompt_tokens"], reported["completion_tokens"]))

        usage.assert_grew_by(replies)

    @staticmethod
    def read_stream_to_its_end(client, model):
        """The usage chunk of a stream whose body is read to the end, past `[DONE]`, where a plain stream stops."""
        with client.chat.completions.with_streaming_response.create(
            model=model,
            messages=user("Charge me exactly."),
            stream=True,
            stream_options={"include_usage": True},
        ) as response:
            events = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        return json.loads(events[-2])["usage"]


class TestRefusals:
    def test_a_wrong_key_is_unauthorized(self, gateway):
        client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.wrong_key, max_retries=0)

        with pytest.raises(openai.AuthenticationError) as refused:
            client.chat.completions.create(model="gpt-5.2", messages=user("Hello!"))

        assert refused.value.status_code == 401
        assert refused.value.body["message"] == "Unauthorized"
        assert refused.value.type == "auth_error"

    def test_an_unknown_model_is_not_found_and_a_near_one_is_named(self, openai_client):
        with pytest.raises(openai.NotFoundError) as refused:
            openai_client.chat.completions.create(model="claude-opus-4.66", messages=user("Hello!"))

        assert refused.value.code == "model_not_found"
        suggestion = json.dumps(refused.value.body).replace("claude-opus-4.66", "")
        assert "claude-opus-4.6" in suggestion

    def test_an_error_carries_the_request_id(self, openai_client):
        with pytest.raises(openai.NotFoundError) as refused:
            openai_client.chat.completions.create(model="no-such-model", messages=user("Hello!"))

        assert refused.value.request_id


class TestProviderFaults:
    """On models that the other tests do not use: a failing model may be avoided for a while afterwards."""

    def test_an_overloaded_provider_is_a_server_error(self, openai_client):
        with pytest.raises(openai.InternalServerError) as failed:
            openai_client.chat.completions.create(model="gpt-5-mini", messages=user("Hello! [[sim:error status=529]]"))

        assert failed.value.status_code in (503, 529)
        assert failed.value.type in ("upstream_error", "overloaded_error")

    def test_an_overloaded_provider_is_a_server_error_before_a_stream_begins(self, openai_client):
        with pytest.raises(openai.InternalServerError):
            openai_client.chat.completions.create(
                model="gpt-5-nano", messages=user("Hello! [[sim:error status=529]]"), stream=True
            )

    @pytest.mark.parametrize(
        ("model", "scenario"),
        [
            ("gpt-5.2-codex", "cut after=3"),
            ("claude-haiku-4.5", "cut after=3"),
            ("gemini-3-flash", "cut after=3"),
            ("kimi-k2.5", "midstream-error after=3"),
            ("claude-sonnet-4.5", "midstream-error after=3"),
            ("gemini-2.5-flash", "midstream-error after=3"),
        ],
    )
    def test_a_stream_that_breaks_never_ends_cleanly(self, openai_client, model, scenario):
        stream = openai_client.chat.completions.create(
            model=model, messages=user(f"Tell me a long story. [[sim:{scenario}]]"), stream=True
        )
        chunks = []

        with pytest.raises(openai.APIError):
            for chunk in stream:
                chunks.append(chunk)

        assert text_of(chunks) == "Hello from the"
        assert finish_reasons_of(chunks) == []
