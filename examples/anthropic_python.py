"""Streams a reply with the Anthropic SDK for Python: pip install anthropic."""

import os

from anthropic import Anthropic

client = Anthropic(base_url=os.environ["GATEWAY_URL"], api_key=os.environ["GATEWAY_KEY"])

with client.messages.stream(
    model=os.environ.get("GATEWAY_MODEL", "gpt-5.2"),
    max_tokens=1024,
    messages=[{"role": "user", "content": "Name three rivers."}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
    usage = stream.get_final_message().usage
print(f"\n{usage.input_tokens} tokens in, {usage.output_tokens} out")
