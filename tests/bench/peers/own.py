"""This gateway: the function that answers chat completions, as `make dev` runs it."""

import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import processes
from gateways import FORWARDED, TRANSLATED, Target, environment, free_port

FUNCTION = "chat-completions"


class Stack:
    """The local stack, whose simulator the other gateways use too."""

    def __init__(self, program, binaries):
        self.binary = (binaries / FUNCTION).resolve()
        self._folder = tempfile.TemporaryDirectory()
        # Not the project's folder: a file `.env` there could name real providers.
        folder = Path(self._folder.name)
        self.address = f"127.0.0.1:{free_port()}"
        command = [program.resolve(), "--port", self.address.split(":")[1], "--data", folder / "data"]
        self.process = subprocess.Popen(
            [*command, "--binaries", binaries.resolve()],
            env=environment(folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not (folder / "data" / "functions.env").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit("the local stack did not start")
            time.sleep(0.1)
        time.sleep(0.2)
        self.variables = _variables(folder / "data" / "functions.env")
        self.key = _variables(folder / "data" / "env")["GATEWAY_KEY"]
        self.simulator = self.variables["VERTEX_BASE_URL"]
        self.openrouter_key = self.variables["OPENROUTER_API_KEY"]

    def account(self):
        """The service account of the simulated Vertex AI."""
        return json.loads(self.variables["GOOGLE_APPLICATION_CREDENTIALS_JSON"])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


class Own:
    """The function in the stack. Lambda's own part, which reads and writes HTTP for it, is in another process."""

    name, starts = "This gateway", 21

    def __init__(self, stack):
        self._stack, self.address = stack, stack.address

    def version(self):
        """Nothing: it is the one of this folder."""
        return ""

    def target(self, form):
        model = {FORWARDED: "gpt-5.2", TRANSLATED: "claude-opus-4.6"}[form]
        return Target("/v1/chat/completions", model, {"authorization": f"Bearer {self._stack.key}"})

    def start(self):
        """The seconds from the start of another process to its first request for work."""
        with socket.create_server(("127.0.0.1", 0)) as runtime:
            runtime.settimeout(30)
            variables = {
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.getsockname()[1]}",
                "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            }
            nothing = subprocess.DEVNULL
            began = time.monotonic()
            process = subprocess.Popen(
                [self._stack.binary], env=self._stack.variables | variables, stdout=nothing, stderr=nothing
            )
            try:
                connection, _ = runtime.accept()
                with connection:
                    connection.recv(1)
                    return time.monotonic() - began
            finally:
                process.kill()
                process.wait()

    def pids(self):
        children = processes.children(self._stack.process.pid)
        return [pid for pid in children if processes.program(pid) == self._stack.binary]

    def peak(self):
        """Lambda gives each process its own memory, so the largest one counts."""
        return max(processes.peak(pid) for pid in self.pids())

    def stop(self):
        """Nothing: the stack's end stops it."""


def _variables(path):
    pairs = (line.split("=", 1) for line in path.read_text().splitlines())
    return {name: value.strip("'") for name, value in pairs}
