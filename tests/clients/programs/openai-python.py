import json
import sys

from tools import TOOLS, schema

tools = [
    {
        "type": "function",
        "function": {"name": name, "description": tool.__doc__, "strict": True, "parameters": schema(tool)},
    }
    for name, tool in TOOLS.items()
]
messages = [{"role": "user", "content": sys.argv[1]}]
while True:
    with client.chat.completions.stream(model=model, messages=messages, tools=tools) as stream:  # noqa: F821
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    messages.append(message)
    if not message.tool_calls:
        break
    for call in message.tool_calls:
        result = TOOLS[call.function.name](**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
print(message.content)
