"""Real clients through a loop of five steps: read a file, edit it, run a command, meet an error, answer.

    python3 tests/clients/run.py [--only claude-code,codex] [--families Claude,GPT] [--table tests/CLIENTS.md]

Each client is set up by what `bk setup` writes or prints, on a home folder of its own, and works against the stack of
`make dev`, or the gateway that GATEWAY_URL, GATEWAY_KEY and SIMULATOR_URL name. The simulated model makes the calls that
`clients.json` lists for the client, streamed, and refuses what the real providers refuse. What counts is what is in the client's
folder afterwards, its last words, and what the model was sent; not its exit code alone.
"""

import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
INSTALLED = PROJECT / ".tools" / "clients"
BINARIES = Path(os.environ.get("GATEWAY_BINARIES") or Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "debug")
STEPS = ("read", "edit", "run", "fail")
# The slowest client took a quarter of a minute, on its first start.
TIMEOUT = 120


@dataclass(frozen=True)
class Gateway:
    url: str
    key: str
    simulator: str

    def play(self, name, replies):
        """Sets the replies of the simulated model for the sessions with this name."""
        body = json.dumps({"name": name, "replies": replies}).encode()
        urllib.request.urlopen(f"{self.simulator}/_simulator/sessions", body, timeout=30).close()

    def journal(self, label):
        """The requests with this label that the simulated model received."""
        query = urllib.parse.urlencode({"label": label})
        with urllib.request.urlopen(f"{self.simulator}/_simulator/journal?{query}", timeout=30) as response:
            return json.load(response)


class Stack:
    """The stack of `make dev`, on its own port."""

    def __init__(self, port):
        self._folder = tempfile.TemporaryDirectory()
        data = Path(self._folder.name) / "data"
        command = [BINARIES / "gateway-dev", "--port", str(port), "--data", data, "--binaries", BINARIES]
        self._log = (INSTALLED / "stack.log").open("wb")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (data / "functions.env").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                sys.exit(f"the stack did not start: {INSTALLED / 'stack.log'}")
            time.sleep(0.1)
        time.sleep(0.2)
        script = _variables(data / "env")
        upstream = _variables(data / "functions.env")["OPENROUTER_BASE_URL"]
        self.gateway = Gateway(script["GATEWAY_URL"], script["GATEWAY_KEY"], upstream.removesuffix("/api/v1"))

    def close(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        self._log.close()
        self._folder.cleanup()


def _variables(path):
    pairs = (line.split("=", 1) for line in path.read_text().splitlines())
    return {name: value.strip("'") for name, value in pairs}


class Session:
    """One client with one model, in its own folders."""

    def __init__(self, gateway, table, name, family):
        self._gateway, self._table, self._name, self._family = gateway, table, name, family
        self._client = table["clients"][name]
        self._model = table["families"][family]
        self._label = f"{name}-{family}"
        self._root = INSTALLED / "work" / self._label
        shutil.rmtree(self._root, ignore_errors=True)
        self._home, self._folder = self._root / "home", self._root / "folder"
        self._home.mkdir(parents=True)
        self._folder.mkdir()
        # Without it, clients would use the surrounding repository, which is this project, and write into it.
        subprocess.run(["git", "init", "--quiet", self._folder], check=True)

    def run(self):
        """None if all five steps were done, or else the steps that were not."""
        (self._folder / "notes.txt").write_text("colour = red\n")
        for name, text in self._client.get("files", {}).items():
            (self._folder / name).write_text(self._fill(text))
        for name, replies in self._sessions():
            self._gateway.play(f"{self._label}-{name}", replies)
        command = self._program() if "program" in self._client else self._set_up()
        try:
            done = subprocess.run(
                [*command],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            (self._root / "output.log").write_bytes(error.output or b"")
            return f"no end after {TIMEOUT} s"
        output = done.stdout.decode(errors="replace")
        (self._root / "output.log").write_text(output)
        return self._judge(done.returncode, output)

    def _sessions(self):
        """The replies of the model: calls of the client's own tools, or texts if it has none."""
        if "texts" in self._client:
            return [(name, [{"text": self._fill(text)}]) for name, text in self._client["texts"].items()]
        tools = self._client.get("tools", self._table["tools"])
        calls = [tools.get(f"{step}:{self._family}", tools[step]) for step in STEPS]
        filled = [
            {"name": call["name"], "arguments": {name: self._fill(text) for name, text in call["arguments"].items()}}
            for call in calls
        ]
        return [("first", [*({"calls": [call]} for call in filled), {"text": self._table["final"]}])]

    def _fill(self, text):
        places = {
            "{folder}": str(self._folder),
            "{programs}": str(HERE / "programs"),
            "{agents}": str(INSTALLED / "agents" / "node_modules" / ".bin"),
            "{node}": str(INSTALLED / "node_modules" / ".bin"),
            "{aider}": str(INSTALLED / "aider" / "bin"),
            "{python}": str(INSTALLED / "python" / "bin"),
            "{key}": self._gateway.key,
            "{final}": self._table["final"],
            "{prompt}": self._table["prompt"],
        }
        for place, value in places.items():
            text = text.replace(place, value)
        for name in ("first", "second"):
            marker = f"[[sim:strict session={self._label}-{name} label={self._label} pace=0]]"
            text = text.replace(f"{{marker:{name}}}", marker)
        return text

    def _environment(self):
        """An environment without the machine's settings, so that a client finds no other configuration and sends no telemetry."""
        own = {name: self._fill(value) for name, value in self._client.get("environment", {}).items()}
        path = f"{self._home / 'bin'}:{os.environ['PATH']}"
        return {"HOME": str(self._home), "PATH": path, "DO_NOT_TRACK": "1", "NO_COLOR": "1", "LANG": "C.UTF-8", **own}

    def _bk(self, *arguments):
        path = self._fill("{agents}:" + os.environ["PATH"])
        gateway = {"GATEWAY_URL": self._gateway.url, "GATEWAY_KEY": self._gateway.key}
        environment = {"HOME": str(self._home), "PATH": path, **gateway}
        command = [BINARIES / "bk", "setup", self._client.get("setup", self._name), "--model", self._model, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def _set_up(self):
        self._bk("--write")
        return [self._fill(word) for word in self._client["command"]]

    def _program(self):
        """The snippet that `bk setup` prints, and after it the loop."""
        source = HERE / "programs" / self._client["program"]
        program = self._root / f"program{source.suffix}"
        program.write_text(self._bk() + source.read_text())
        shutil.copy(HERE / "programs" / f"tools{source.suffix}", self._root)
        interpreter = INSTALLED / "python" / "bin" / "python" if source.suffix == ".py" else "node"
        return [interpreter, program, self._fill(self._table["prompt"])]

    def _judge(self, code, output):
        for name, said in (("notes.txt", "edit"), ("copy.txt", "run")):
            file = self._folder / name
            if not file.exists() or file.read_text() != "colour = blue\n":
                return f"the step `{said}` did not come about"
        if self._table["final"] not in output:
            return "the last words of the model are missing"
        if self._client.get("never", "\0") in output:
            return f"it printed: {self._client['never']}"
        rows = self._gateway.journal(self._label)
        refused = [row["status"] for row in rows if row["status"] != 200]
        if refused:
            return f"the provider refused with {refused[0]}"
        asked = [row for row in rows if row["scenario"] == "strict" and row["streaming"]]
        wanted = 2 if "texts" in self._client else len(STEPS) + 1
        if len(asked) < wanted:
            return f"the model was asked {len(asked)} times, not {wanted}"
        if self._client.get("error", self._table["error"]) not in asked[-1]["body"].lower():
            return "the error did not reach the model"
        return f"exit code {code}" if code else None


def version(client):
    """The installed version of a client's package."""
    package = client["package"]
    for folder in (INSTALLED / "node_modules", INSTALLED / "agents" / "node_modules"):
        manifest = folder / package / "package.json"
        if manifest.exists() and client.get("program", ".mjs").endswith(".mjs"):
            return json.loads(manifest.read_text())["version"]
    for environment in ("python", "aider"):
        folders = [str(path) for path in (INSTALLED / environment).glob("lib/python*/site-packages")]
        for found in metadata.distributions(name=package, path=folders):
            return found.version
    return "?"


def page(table, results):
    """The table of clients and models as Markdown."""
    models = ", ".join(f"`{model}` ({family})" for family, model in table["families"].items())
    lines = [
        "# Clients",
        "",
        f"Written by `make test-clients` on {datetime.date.today()}. Each cell is one test with the real client. Only",
        "`bk setup` configured it. In five steps the client reads a file, edits it, runs a command, meets an error and",
        "answers.",
        f"Replies are streamed. The models are {models}.",
        "The simulator replaces their providers and refuses what the real providers refuse.",
        "",
        "| Client | Package | Version | " + " | ".join(table["families"]) + " |",
        "|---|---|---|" + "---|" * len(table["families"]),
    ]
    for name, cells in results.items():
        client = table["clients"][name]
        shown = ["passes" if cell is None else f"fails: {cell}" for cell in cells.values()]
        lines.append(f"| `{name}` | `{client['package']}` | {version(client)} | {' | '.join(shown)} |")
    notes = [(name, table["clients"][name].get("note")) for name in results]
    lines += ["", *(f"- `{name}`: {note}" for name, note in notes if note)]
    lines += ["", "Cursor, Cline, Zed and Continue have no way to run without a window, and are not in the table."]
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="clients, separated by commas")
    parser.add_argument("--families", help="families of models, separated by commas")
    parser.add_argument("--table", type=Path, help="where the table goes")
    parser.add_argument("--port", type=int, default=9871)
    return parser.parse_args()


def main():
    options = arguments()
    table = json.loads((HERE / "clients.json").read_text())
    names = options.only.split(",") if options.only else list(table["clients"])
    families = options.families.split(",") if options.families else list(table["families"])
    given = [os.environ.get(name) for name in ("GATEWAY_URL", "GATEWAY_KEY", "SIMULATOR_URL")]
    stack = None if all(given) else Stack(options.port)
    gateway = stack.gateway if stack else Gateway(*given)
    results = {name: {} for name in names}
    try:
        for name in names:
            for family in families:
                began = time.monotonic()
                wrong = results[name][family] = Session(gateway, table, name, family).run()
                print(f"{name:28} {family:8} {time.monotonic() - began:5.1f} s  {wrong or 'passes'}", flush=True)
    finally:
        if stack:
            stack.close()
    if options.table:
        options.table.write_text(page(table, results))
    return 1 if any(wrong for cells in results.values() for wrong in cells.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
