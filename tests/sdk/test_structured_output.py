"""Answers by a schema: what each SDK sends for a pydantic class, and the object that it makes of the answer. Older clients
demand a call of one tool instead."""

import datetime
from enum import StrEnum

import openai
import pytest
from pydantic import BaseModel, Field

# One model of each provider format behind the gateway.
MODELS = ["gpt-5.2", "claude-opus-4.6", "gemini-3-pro"]

each_model = pytest.mark.parametrize("model", MODELS)


class Unit(StrEnum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class Reading(BaseModel):
    unit: Unit
    degrees: float
    day: datetime.date


class Report(BaseModel):
    """A type with a nested list, an optional member and a description."""

    city: str = Field(description="Its English name.")
    readings: list[Reading]
    first: Reading
    remark: str | None


def is_complete(report):
    return isinstance(report, Report) and report.city == "simulated" and report.first.unit is Unit.CELSIUS


@each_model
def test_a_chat_completion_is_parsed(openai_client, model):
    messages = [{"role": "user", "content": "The weather in Paris, please."}]
    reply = openai_client.chat.completions.parse(model=model, messages=messages, response_format=Report)

    assert is_complete(reply.choices[0].message.parsed)


@each_model
def test_a_streamed_chat_completion_is_parsed(openai_client, model):
    messages = [{"role": "user", "content": "The weather in Paris, please."}]
    with openai_client.chat.completions.stream(model=model, messages=messages, response_format=Report) as stream:
        reply = stream.get_final_completion()

    assert is_complete(reply.choices[0].message.parsed)


@each_model
def test_a_response_is_parsed(openai_client, model):
    response = openai_client.responses.parse(model=model, input="The weather in Paris, please.", text_format=Report)

    assert is_complete(response.output_parsed)


@each_model
def test_a_message_is_parsed(anthropic_client, model):
    messages = [{"role": "user", "content": "The weather in Paris, please."}]
    message = anthropic_client.messages.parse(model=model, max_tokens=1024, messages=messages, output_format=Report)

    assert is_complete(message.parsed_output)


@each_model
def test_a_demanded_call_is_made(openai_client, model):
    tools = [openai.pydantic_function_tool(Report, name="report")]
    choice = {"type": "function", "function": {"name": "report"}}
    messages = [{"role": "user", "content": "The weather in Paris, please."}]
    reply = openai_client.chat.completions.parse(model=model, messages=messages, tools=tools, tool_choice=choice)

    [call] = reply.choices[0].message.tool_calls
    assert is_complete(call.function.parsed_arguments)
