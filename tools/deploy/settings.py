"""The answers in samconfig.toml, and the parameters that a command line adds to them."""

import os
import shlex
from pathlib import Path

import tomlkit

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"


class WrongUsage(Exception):
    """What was asked for cannot be done as asked; the message says how."""


def path():
    """The file of answers: SAM_CONFIG, or samconfig.toml."""
    return Path(os.environ.get("SAM_CONFIG") or ROOT / "samconfig.toml")


def read():
    """The whole file, with its comments."""
    return tomlkit.parse(path().read_text())


def deploy_answers(document):
    """The table that `sam deploy` reads."""
    return document["default"]["deploy"]["parameters"]


def stack_name():
    """STACK, or the name in the file."""
    return os.environ.get("STACK") or str(deploy_answers(read())["stack_name"])


def pairs(texts):
    """["A=b"] as {"A": "b"}."""
    found = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise WrongUsage(f"{text!r} is no parameter: write Name=value")
        found[name] = value
    return found


def saved_parameters():
    """The parameters in the file."""
    return pairs(str(text) for text in deploy_answers(read()).get("parameter_overrides", []))


def given_parameters():
    """The parameters of the command line: PARAMETERS="A=b C=d"."""
    return pairs(shlex.split(os.environ.get("PARAMETERS", "")))


def remember(parameters):
    """Writes parameters into the file and leaves the rest of it alone."""
    document = read()
    answers = deploy_answers(document)
    merged = {**saved_parameters(), **parameters}
    lines = tomlkit.array()
    lines.extend(f"{name}={value}" for name, value in sorted(merged.items()))
    answers["parameter_overrides"] = lines.multiline(True)
    path().write_text(tomlkit.dumps(document))
