import json
import sys

from tools import TOOLS, schema

tools = [
    {"type": "function", "name": name, "description": tool.__doc__, "strict": True, "parameters": schema(tool)}
    for name, tool in TOOLS.items()
]
items = [{"role": "user", "content": sys.argv[1]}]
while True:
    with client.responses.stream(model=model, input=items, tools=tools, store=False) as stream:  # noqa: F821
        for _ in stream:
            pass
        response = stream.get_final_response()
    items += response.output
    calls = [item for item in response.output if item.type == "function_call"]
    if not calls:
        break
    for call in calls:
        result = TOOLS[call.name](**json.loads(call.arguments))
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": result})
print(response.output_text)
