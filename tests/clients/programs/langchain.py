import sys

from langchain.agents import create_agent

from tools import TOOLS

agent = create_agent(model, tools=list(TOOLS.values()))  # noqa: F821
text = ""
for mode, data in agent.stream({"messages": [("user", sys.argv[1])]}, stream_mode=["messages", "values"]):
    if mode == "values":
        text = data["messages"][-1].text
print(text)
