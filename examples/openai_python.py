"""Streams a reply with the OpenAI SDK for Python: pip install openai."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["GATEWAY_URL"] + "/v1", api_key=os.environ["GATEWAY_KEY"])

stream = client.chat.completions.create(
    model=os.environ.get("GATEWAY_MODEL", "gemini-3.8-flash"),
    messages=[{"role": "user", "content": "Name three rivers."}],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    elif chunk.usage:
        print(f"\n{chunk.usage.prompt_tokens} tokens in, {chunk.usage.completion_tokens} out")
