"""Loops of five tool calls, the way ordinary clients play them: with what the client keeps of each reply, and no more.

The marker `[[sim:strict]]` in the question makes the simulator refuse what the real provider refuses, also reasoning
that is missing from the history or was changed on its way: each step that succeeds says that the history was sound.
"""

import re

import pytest
from conftest import WEATHER_SCHEMA

# Both client formats work with all of them, whatever their provider format is.
MODELS = ["gpt-5.2", "claude-opus-4.6", "claude-haiku-4.5", "gemini-3-pro", "gemini-3.8-flash"]
# Their blocks may be forwarded unchanged, with the provider's own ids.
SPEAKS_MESSAGES = ["claude-opus-4.6", "claude-haiku-4.5"]
SPEAKS_CHAT = ["gpt-5.2"]

STEPS = 5
QUESTION = "What is the weather in five cities? [[sim:strict]]"
DONE = f"done after {STEPS} steps"
PARALLEL_QUESTION = "What is the weather in five cities? [[sim:strict parallel=3]]"
# Some providers limit an id's length and all limit its letters, so a translated id may not carry anything else.
TRANSLATED_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")

CHAT_TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": WEATHER_SCHEMA},
}
MESSAGES_TOOL = {"name": "get_weather", "description": "The weather in a city.", "input_schema": WEATHER_SCHEMA}


def whole_or_streamed(test):
    return pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])(test)


def reasoning_of(message):
    """Clients look for it under either name; the SDK knows neither."""
    return getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or ""


class ChatLoop:
    """A client of chat completions that keeps a call's id, name and arguments, and drops every extension."""

    def __init__(self, client, model, streamed, **fields):
        self._client = client
        self._streamed = streamed
        self._fields = {"model": model, "tools": [CHAT_TOOL], **fields}
        self.calls = []
        self.reasoning = ""

    def play(self, question=QUESTION):
        """Answers the calls until there are no more; gives the final text."""
        messages = [{"role": "user", "content": question}]
        while True:
            text, calls, usage = self._step(messages)
            assert usage.prompt_tokens > 0
            assert usage.completion_tokens > 0
            assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
            if not calls:
                return text
            self.calls += calls
            assert len(self.calls) <= STEPS, "the loop does not end"
            messages.append(
                {
                    "role": "assistant",
                    "content": text or None,
                    "tool_calls": [
                        {
                            "id": call["id"],
                            "type": "function",
                            "function": {"name": call["name"], "arguments": call["arguments"]},
                        }
                        for call in calls
                    ],
                }
            )
            messages += [{"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"} for call in calls]

    def _step(self, messages):
        return self._read_stream(messages) if self._streamed else self._read_whole(messages)

    def _read_whole(self, messages):
        reply = self._client.chat.completions.create(messages=messages, **self._fields)
        [choice] = reply.choices
        calls = [
            {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
            for call in choice.message.tool_calls or []
        ]
        self._check_finish(choice.finish_reason, calls)
        self.reasoning += reasoning_of(choice.message)
        return choice.message.content or "", calls, reply.usage

    def _read_stream(self, messages):
        stream = self._client.chat.completions.create(
            messages=messages, stream=True, stream_options={"include_usage": True}, **self._fields
        )
        text, calls, usages, finishes = "", {}, [], []
        for chunk in stream:
            if chunk.usage is not None:
                usages.append(chunk.usage)
            for choice in chunk.choices:
                text += choice.delta.content or ""
                self.reasoning += reasoning_of(choice.delta)
                finishes += [choice.finish_reason] if choice.finish_reason else []
                for piece in choice.delta.tool_calls or []:
                    call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
                    call["id"] = piece.id or call["id"]
                    call["name"] = piece.function.name or call["name"]
                    call["arguments"] += piece.function.arguments or ""
        assert sorted(calls) == list(range(len(calls)))
        calls = [calls[index] for index in sorted(calls)]
        [usage] = usages
        [finish] = finishes
        self._check_finish(finish, calls)
        return text, calls, usage

    @staticmethod
    def _check_finish(finish, calls):
        assert finish == ("tool_calls" if calls else "stop")


class MessagesLoop:
    """A client of messages that sends all blocks of a reply back unchanged."""

    def __init__(self, client, model, streamed, **fields):
        self._client = client
        self._streamed = streamed
        self._fields = {"model": model, "max_tokens": 8192, "tools": [MESSAGES_TOOL], **fields}
        self.calls = []
        self.thinking = ""

    def play(self, question=QUESTION):
        """Answers the calls until there are no more; gives the final text."""
        messages = [{"role": "user", "content": question}]
        while True:
            message = self._step(messages)
            assert message.usage.input_tokens > 0
            assert message.usage.output_tokens > 0
            calls = [block for block in message.content if block.type == "tool_use"]
            assert message.stop_reason == ("tool_use" if calls else "end_turn")
            self.thinking += "".join(block.thinking for block in message.content if block.type == "thinking")
            if not calls:
                return "".join(block.text for block in message.content if block.type == "text")
            self.calls += [{"id": call.id, "name": call.name, "arguments": call.input} for call in calls]
            assert len(self.calls) <= STEPS, "the loop does not end"
            blocks = [block.to_dict() for block in message.content]
            results = [{"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"} for call in calls]
            messages += [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]

    def _step(self, messages):
        if not self._streamed:
            return self._client.messages.create(messages=messages, **self._fields)
        with self._client.messages.stream(messages=messages, **self._fields) as stream:
            return stream.get_final_message()


def assert_calls(loop, translated):
    assert [call["name"] for call in loop.calls] == ["get_weather"] * STEPS
    ids = [call["id"] for call in loop.calls]
    assert len(set(ids)) == STEPS
    if translated:
        assert [call_id for call_id in ids if not TRANSLATED_ID.fullmatch(call_id)] == []


class TestChat:
    @whole_or_streamed
    @pytest.mark.parametrize("model", MODELS)
    def test_a_loop_of_five_calls_comes_to_its_end(self, openai_client, model, streamed):
        loop = ChatLoop(openai_client, model, streamed)

        assert loop.play() == DONE
        assert_calls(loop, translated=model not in SPEAKS_CHAT)

    @whole_or_streamed
    @pytest.mark.parametrize("model", MODELS)
    def test_a_loop_with_reasoning_survives_a_client_that_drops_the_reasoning(self, openai_client, model, streamed):
        loop = ChatLoop(openai_client, model, streamed, reasoning_effort="high")

        assert loop.play() == DONE
        assert_calls(loop, translated=model not in SPEAKS_CHAT)
        # A native route passes the provider's own answer to the field through; only translated ones promise to show thoughts.
        assert loop.reasoning or model == "gpt-5.2"

    @whole_or_streamed
    @pytest.mark.parametrize("model", MODELS)
    def test_calls_made_at_once_are_answered_together(self, openai_client, model, streamed):
        loop = ChatLoop(openai_client, model, streamed)

        assert loop.play(PARALLEL_QUESTION) == DONE
        assert_calls(loop, translated=model not in SPEAKS_CHAT)


class TestMessages:
    # A model that thinks by budget has no adaptive thinking of its own; the others are asked the newer way.
    THINKING = {"claude-haiku-4.5": {"type": "enabled", "budget_tokens": 2048}}
    ADAPTIVE = {"type": "adaptive"}

    @whole_or_streamed
    @pytest.mark.parametrize("model", MODELS)
    def test_a_loop_of_five_calls_comes_to_its_end(self, anthropic_client, model, streamed):
        loop = MessagesLoop(anthropic_client, model, streamed)

        assert loop.play() == DONE
        assert_calls(loop, translated=model not in SPEAKS_MESSAGES)

    @whole_or_streamed
    @pytest.mark.parametrize("model", MODELS)
    def test_a_loop_with_thinking_returns_its_blocks(self, anthropic_client, model, streamed):
        loop = MessagesLoop(anthropic_client, model, streamed, thinking=self.THINKING.get(model, self.ADAPTIVE))

        assert loop.play() == DONE
        assert_calls(loop, translated=model not in SPEAKS_MESSAGES)
        assert loop.thinking

    @whole_or_streamed
    @pytest.mark.parametrize("model", MODELS)
    def test_calls_made_at_once_are_answered_together(self, anthropic_client, model, streamed):
        loop = MessagesLoop(anthropic_client, model, streamed)

        assert loop.play(PARALLEL_QUESTION) == DONE
        assert_calls(loop, translated=model not in SPEAKS_MESSAGES)
