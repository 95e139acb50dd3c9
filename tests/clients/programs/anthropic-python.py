import sys

from tools import TOOLS, schema

tools = [{"name": name, "description": tool.__doc__, "input_schema": schema(tool)} for name, tool in TOOLS.items()]
messages = [{"role": "user", "content": sys.argv[1]}]
while True:
    with client.messages.stream(model=model, max_tokens=4096, messages=messages, tools=tools) as stream:  # noqa: F821
        for _ in stream:
            pass
        message = stream.get_final_message()
    messages.append({"role": "assistant", "content": message.content})
    calls = [block for block in message.content if block.type == "tool_use"]
    if not calls:
        break
    results = [(call.id, TOOLS[call.name](**call.input)) for call in calls]
    content = [
        {"type": "tool_result", "tool_use_id": call, "content": result, "is_error": result.startswith("error: ")}
        for call, result in results
    ]
    messages.append({"role": "user", "content": content})
print("".join(block.text for block in message.content if block.type == "text"))
