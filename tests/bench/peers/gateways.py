"""The gateways that are measured: how each is started and asked.

A request is forwarded to the simulator's OpenRouter, in OpenAI's format, or translated for its Claude, in Anthropic's.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import processes

HERE = Path(__file__).resolve().parent
FORWARDED, TRANSLATED = "forwarded", "translated"
# Models as the providers call them.
GPT, CLAUDE = "openai/gpt-5.2", "claude-opus-4-6"
# Longest time of a start, in seconds.
START = 120


class Upstream(NamedTuple):
    """Where the simulated providers are."""

    openai: str
    anthropic: str
    key: str


class Target(NamedTuple):
    """Where a request goes."""

    path: str
    model: str
    headers: dict


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(folder, **variables):
    """An environment without the machine's settings, so that no program finds another configuration or sends telemetry."""
    return {"HOME": str(folder), "PATH": os.environ["PATH"], "DO_NOT_TRACK": "1", "LANG": "C.UTF-8", **variables}


class Peer:
    """Another gateway, installed in a folder of its own."""

    name, package = "", ""
    # How often its start is timed.
    starts = 3

    def __init__(self, tools, upstream):
        self.installed, self.upstream = (tools / self.package).resolve(), upstream
        self.log = self.installed / "output.log"
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.address, self._process = None, None

    def version(self):
        folders = [str(path) for path in self.installed.glob("lib/python*/site-packages")]
        return next((found.version for found in metadata.distributions(name=self.package, path=folders)), "?")

    def command(self):
        """The command and the variables that start it on the port of `address`."""
        raise NotImplementedError

    def target(self, form):
        """Where a request that is to be forwarded or translated goes."""
        raise NotImplementedError

    def start(self):
        """Starts it, and returns the seconds until it answers."""
        self.address = f"127.0.0.1:{free_port()}"
        command, variables = self.command()
        with self.log.open("wb") as log:
            began = time.monotonic()
            self._process = subprocess.Popen(
                command,
                env=environment(self.folder, **variables),
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > began + START:
                raise OSError(f"{self.name} did not start: {self.log}")
            time.sleep(0.005)
        return time.monotonic() - began

    def _answers(self):
        try:
            urllib.request.urlopen(f"http://{self.address}/", timeout=START).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def pids(self):
        return processes.tree(self._process.pid)

    def peak(self):
        return sum(processes.peak(pid) for pid in self.pids())

    def stop(self):
        if self._process and self._process.poll() is None:
            for pid in reversed(self.pids()):
                # It may have ended by itself.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process:
            self._process.stdin.close()
        self._process = None


class TensorZero(Peer):
    """Its gateway as its Python package contains it, in a Python process. The program itself is in no package registry."""

    name, package = "TensorZero", "tensorzero"

    def command(self):
        providers = {FORWARDED: ("openai", GPT, self.upstream.openai), TRANSLATED: ("anthropic", CLAUDE, self.upstream.anthropic)}
        lines = ["[gateway]", "observability.enabled = false", "disable_pseudonymous_usage_analytics = true"]
        for form, (kind, model, base) in providers.items():
            lines += [f"[models.{form}]", 'routing = ["simulated"]', f"[models.{form}.providers.simulated]"]
            lines += [
                f'type = "{kind}"',
                f'model_name = "{model}"',
                f'api_base = "{base}/"',
                'api_key_location = "env::UPSTREAM_KEY"',
            ]
        settings = self.folder / "tensorzero.toml"
        settings.write_text("\n".join(lines))
        return [self.installed / "bin" / "python", HERE / "tensorzero_server.py", settings], {"UPSTREAM_KEY": self.upstream.key}

    def _answers(self):
        # It chooses its port itself.
        printed = (line for line in self.log.read_text().splitlines() if line.startswith("http://"))
        self.address = next(printed, "").removeprefix("http://").split("/")[0]
        return bool(self.address) and super()._answers()

    def target(self, form):
        return Target("/openai/v1/chat/completions", f"tensorzero::model_name::{form}", {})


class Portkey(Peer):
    name, package = "Portkey", "portkey"

    @property
    def _module(self):
        return self.installed / "node_modules" / "@portkey-ai" / "gateway"

    def version(self):
        return json.loads((self._module / "package.json").read_text())["version"]

    def command(self):
        return ["node", self._module / "build" / "start-server.js", f"--port={self.address.split(':')[1]}", "--headless"], {}

    def target(self, form):
        provider, model, base = {
            FORWARDED: ("openai", GPT, self.upstream.openai),
            TRANSLATED: ("anthropic", CLAUDE, self.upstream.anthropic),
        }[form]
        headers = {"x-portkey-provider": provider, "x-portkey-custom-host": base, "authorization": f"Bearer {self.upstream.key}"}
        return Target("/v1/chat/completions", model, headers)


class LiteLLM(Peer):
    name, package = "LiteLLM", "litellm"
    # It does not start without one.
    KEY = "sk-measured"

    def command(self):
        models = [
            {"model_name": form, "litellm_params": {"model": model, "api_base": base, "api_key": self.upstream.key}}
            for form, model, base in (
                (FORWARDED, f"openai/{GPT}", self.upstream.openai),
                (TRANSLATED, f"anthropic/{CLAUDE}", self.upstream.anthropic.removesuffix("/v1")),
            )
        ]
        # JSON is valid YAML.
        settings = self.folder / "config.yaml"
        settings.write_text(json.dumps({"model_list": models, "litellm_settings": {"telemetry": False}}))
        host, port = self.address.split(":")
        words = ["--config", settings, "--host", host, "--port", port, "--num_workers", "1"]
        # Without the first variable it fetches its list of prices from the internet.
        variables = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": self.KEY}
        return [self.installed / "bin" / "litellm", *words], variables

    def target(self, form):
        return Target("/v1/chat/completions", form, {"authorization": f"Bearer {self.KEY}"})


PEERS = [TensorZero, Portkey, LiteLLM]
