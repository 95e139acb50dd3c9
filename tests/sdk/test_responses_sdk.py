"""The Responses API with OpenAI's SDK: replies, sessions that keep their reasoning, and errors that the SDK raises."""

import openai
import pytest
from conftest import WEATHER_SCHEMA
from test_tool_loops import DONE, MODELS, PARALLEL_QUESTION, QUESTION, STEPS, whole_or_streamed

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": WEATHER_SCHEMA,
    "strict": False,
}


def respond(client, streamed, **fields):
    """A response. For a stream, the SDK builds it from the events and checks them."""
    if not streamed:
        return client.responses.create(**fields)
    with client.responses.stream(**fields) as stream:
        for _ in stream:
            pass
        return stream.get_final_response()


class Loop:
    """A client that sends every item back unchanged."""

    def __init__(self, client, model, streamed, **fields):
        self._client = client
        self._streamed = streamed
        self._fields = {"model": model, "tools": [TOOL], "store": False, **fields}
        self.calls = []
        self.thoughts = []

    def play(self, question=QUESTION):
        """Answers the calls until there are no more. Returns the final text."""
        items = [{"role": "user", "content": question}]
        while True:
            response = respond(self._client, self._streamed, input=items, **self._fields)
            assert response.status == "completed"
            assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
            calls = [item for item in response.output if item.type == "function_call"]
            self.thoughts += [item for item in response.output if item.type == "reasoning"]
            if not calls:
                return response.output_text
            self.calls += calls
            assert len(self.calls) <= STEPS, "the loop does not end"
            items += [item.to_dict() for item in response.output]
            items += [{"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"} for call in calls]


@whole_or_streamed
@pytest.mark.parametrize("model", MODELS)
def test_loop_of_five_calls_with_thoughts_comes_to_its_end(openai_client, model, streamed):
    include = ["reasoning.encrypted_content"]
    loop = Loop(openai_client, model, streamed, reasoning={"effort": "high", "summary": "auto"}, include=include)

    assert loop.play() == DONE
    assert [call.name for call in loop.calls] == ["get_weather"] * STEPS
    assert len({call.call_id for call in loop.calls}) == STEPS
    assert any(thought.encrypted_content for thought in loop.thoughts)
    assert any(part.text for thought in loop.thoughts for part in thought.summary)


@whole_or_streamed
@pytest.mark.parametrize("model", MODELS)
def test_calls_made_at_once_are_answered_together(openai_client, model, streamed):
    loop = Loop(openai_client, model, streamed)

    assert loop.play(PARALLEL_QUESTION) == DONE
    assert len(loop.calls) == STEPS


@whole_or_streamed
def test_custom_tool_is_called_with_a_text(openai_client, streamed):
    tool = {"type": "custom", "name": "run", "description": "Runs a line."}
    response = respond(openai_client, streamed, model="gpt-5.2", input="go [[sim:tool]]", tools=[tool])

    [call] = [item for item in response.output if item.type == "custom_tool_call"]
    assert call.name == "run"
    assert isinstance(call.input, str)


def test_events_of_a_stream_have_one_response_and_numbers_in_order(openai_client):
    events = list(openai_client.responses.create(model="claude-opus-4.6", input="hello", stream=True))

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert events[0].response.id == events[-1].response.id
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta")


def test_token_limit_is_told_as_incomplete(openai_client):
    response = openai_client.responses.create(
        model="gpt-5.2", input="hello [[sim:truncated]]", max_output_tokens=64, stream=False
    )

    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize("script", ["cut after=3", "midstream-error after=3"])
def test_failure_in_a_stream_is_raised(openai_client, script):
    text = f"tell me a few words [[sim:{script}]]"
    with pytest.raises(openai.APIError) as raised:
        for _ in openai_client.responses.create(model="claude-opus-4.6", input=text, stream=True):
            pass

    assert raised.value.message


def test_what_is_not_kept_is_refused_by_name(openai_client):
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client.responses.create(model="gpt-5.2", input="and now?", previous_response_id="resp_1")

    assert raised.value.param == "previous_response_id"
    assert "send the items of the conversation in input" in raised.value.message


def test_wrong_key_is_refused(gateway):
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.wrong_key, max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.responses.create(model="gpt-5.2", input="hello")


@whole_or_streamed
def test_sources_of_a_reply_are_annotations(openai_client, streamed):
    response = respond(openai_client, streamed, model="kimi-k2.5", input="[[sim:echo sources=2]] Hello!", store=False)
    text = response.output[-1].content[0]

    assert [(note.type, note.url, note.title) for note in text.annotations] == [
        ("url_citation", "https://source.example/1", "Source 1"),
        ("url_citation", "https://source.example/2", "Source 2"),
    ]
    assert text.annotations[0].end_index == len(text.text)


def test_input_tokens_are_counted(openai_client):
    short = openai_client.responses.input_tokens.count(model="claude-opus-4.6", input="Hello!")
    long = openai_client.responses.input_tokens.count(model="claude-opus-4.6", input="Hello! " * 100)

    assert short.object == "response.input_tokens"
    assert 0 < short.input_tokens < long.input_tokens


@pytest.mark.parametrize("model", MODELS)
def test_compacted_conversation_goes_on(openai_client, model):
    items = [
        {"role": "user", "content": "[[sim:echo]] First."},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "[[sim:echo]] Second."},
    ]
    compacted = openai_client.responses.compact(model=model, input=items)

    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output] == ["message", "message", "compaction"]
    assert compacted.usage.total_tokens > 0
    rest = [*(item.to_dict() for item in compacted.output), {"role": "user", "content": "[[sim:echo]] Third."}]
    raw = openai_client.responses.with_raw_response.create(model=model, input=rest, store=False)

    assert "Third." in raw.parse().output_text
    assert "x-gateway-dropped" not in raw.headers
