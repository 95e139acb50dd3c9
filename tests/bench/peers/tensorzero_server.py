"""Starts TensorZero's gateway, which its Python package contains, prints its address, and serves until its input ends.

python tensorzero_server.py CONFIGURATION
"""

import sys
import types

import tensorzero

# The package starts its gateway only for an OpenAI client. It sets nothing but the client's base URL.
client = types.SimpleNamespace()
tensorzero.patch_openai_client(client, config_file=sys.argv[1], async_setup=False)
print(client.base_url, flush=True)
sys.stdin.read()
