"""Lets a model call a tool with LangChain: pip install langchain langchain-openai."""

import os

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI


def length_of_river(name: str) -> int:
    """Returns the length of a river in kilometres."""
    return {"danube": 2850, "elbe": 1094, "rhine": 1233}.get(name.lower(), 0)


model = ChatOpenAI(
    base_url=os.environ["GATEWAY_URL"] + "/v1",
    api_key=os.environ["GATEWAY_KEY"],
    model=os.environ.get("GATEWAY_MODEL", "claude-opus-4.6"),
    stream_usage=True,
)
agent = create_agent(model, tools=[length_of_river])
# `[[sim:tool]]` tells the simulator of `make dev` to call a tool. Real models ignore it.
question = "How long is the Rhine? [[sim:tool]]"
for message in agent.invoke({"messages": [{"role": "user", "content": question}]})["messages"]:
    message.pretty_print()
