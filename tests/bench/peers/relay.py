"""A server with Anthropic's API in front of the simulator, which only has Claude on Vertex AI.

The formats are the same but for the address, the credentials and two fields. What the simulator answers is handed on as it
arrives, so that a gateway behind this server reads the simulator's own pieces.
"""

import base64
import json
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def token(account):
    """A token of the simulated Vertex AI for this service account."""
    now = int(time.time())
    claims = {"iss": account["client_email"], "aud": account["token_uri"], "scope": SCOPE, "iat": now, "exp": now + 3600}
    signed = f"{_part(json.dumps({'alg': 'RS256', 'typ': 'JWT'}).encode())}.{_part(json.dumps(claims).encode())}"
    with tempfile.NamedTemporaryFile("w") as key:
        key.write(account["private_key"])
        key.flush()
        command = ["openssl", "dgst", "-sha256", "-sign", key.name]
        signature = subprocess.run(command, input=signed.encode(), capture_output=True, check=True).stdout
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": f"{signed}.{_part(signature)}"}
    with urllib.request.urlopen(account["token_uri"], urllib.parse.urlencode(form).encode(), timeout=30) as response:
        return json.load(response)["access_token"]


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Relay:
    """The server, on a free port of its own."""

    def __init__(self, simulator, account):
        handler = type("Handler", (_Handler,), {"upstream": simulator.removeprefix("http://"), "token": token(account)})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream, token = "", ""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body["anthropic_version"] = "vertex-2023-10-16"
        method = "streamRawPredict" if body.get("stream") else "rawPredict"
        path = f"/v1/projects/simulated-project/locations/global/publishers/anthropic/models/{body.pop('model')}:{method}"
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: {self.upstream}\r\nauthorization: Bearer {self.token}\r\nconnection: close\r\n"
        host, port = self.upstream.split(":")
        with socket.create_connection((host, int(port)), 30) as simulator:
            simulator.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += simulator.recv(65536) or b"\r\n\r\n"
            # The gateway may keep its connection: the answer says its own length.
            answer = answer.replace(b"connection: close\r\n", b"", 1)
            while answer:
                self.connection.sendall(answer)
                answer = simulator.recv(65536)

    def log_message(self, *_):
        """Nothing: the measurement prints what matters."""
