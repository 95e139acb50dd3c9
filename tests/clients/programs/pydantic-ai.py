import asyncio
import sys

from pydantic_ai import Agent, AgentRunResultEvent

from tools import TOOLS


async def main():
    agent = Agent(model, tools=list(TOOLS.values()))  # noqa: F821
    async with agent.run_stream_events(sys.argv[1]) as events:
        async for event in events:
            if isinstance(event, AgentRunResultEvent):
                print(event.result.output)


asyncio.run(main())
