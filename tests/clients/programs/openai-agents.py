import asyncio
import sys

from agents import Agent, Runner, function_tool

from tools import TOOLS


async def main():
    agent = Agent(
        name="gateway",
        model=model,  # noqa: F821
        model_settings=model_settings,  # noqa: F821
        tools=[function_tool(tool) for tool in TOOLS.values()],
    )
    result = Runner.run_streamed(agent, sys.argv[1])
    async for _ in result.stream_events():
        pass
    print(result.final_output)


asyncio.run(main())
