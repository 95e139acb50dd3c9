"""The settings in samconfig.toml, and the parameters that a command line adds."""

import os
import shlex
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"


class WrongUsage(Exception):
    """The request cannot be done as given. The message says what to do."""


def path():
    """The settings file: SAM_CONFIG, or samconfig.toml."""
    return Path(os.environ.get("SAM_CONFIG") or ROOT / "samconfig.toml")


def read():
    """The whole file, with its comments."""
    try:
        return tomlkit.parse(path().read_text())
    except TOMLKitError as error:
        raise WrongUsage(f"{path()}: {error}") from None


def deploy_answers(document):
    """The table that `sam deploy` reads."""
    try:
        return document["default"]["deploy"]["parameters"]
    except KeyError:
        raise WrongUsage(f"{path()} has no table [default.deploy.parameters]") from None


def stack_name():
    """The stack's name."""
    return str(deploy_answers(read())["stack_name"])


def saved_parameters():
    """The parameters in the file, without changing it."""
    saved = deploy_answers(read()).get("parameter_overrides", {})
    return {str(name): text(value) for name, value in saved.items()}


def text(value):
    """A value of the file in CloudFormation's format."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def given_parameters():
    """The parameters of the command line: PARAMETERS="A=b C=d", and ARCH."""
    found = {}
    for pair in shlex.split(os.environ.get("PARAMETERS", "")):
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise WrongUsage(f"{pair!r} is not a parameter: write Name=value")
        found[name] = value
    if "Architecture" in found:
        raise WrongUsage("Architecture also decides what is built: write ARCH=x86_64 or ARCH=arm64")
    if os.environ.get("ARCH"):
        found["Architecture"] = os.environ["ARCH"]
    return found


def remember(parameters):
    """Writes parameters into the file without changing the rest."""
    document = read()
    deploy_answers(document).setdefault("parameter_overrides", tomlkit.table()).update(parameters)
    path().write_text(tomlkit.dumps(document))
