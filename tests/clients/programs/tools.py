"""The tools that each program in Python offers its model, and what it is asked. A failure is told in words, as a result."""

import subprocess
from pathlib import Path


def read_file(path: str) -> str:
    """Read a file.

    Args:
        path: The file's path.
    """
    try:
        return Path(path).read_text()
    except OSError as error:
        return f"error: {error}"


def edit_file(path: str, old: str, new: str) -> str:
    """Replace a text in a file.

    Args:
        path: The file's path.
        old: The text to be replaced.
        new: The text in its place.
    """
    file = Path(path)
    file.write_text(file.read_text().replace(old, new))
    return "edited"


def run_command(command: str) -> str:
    """Run a shell command.

    Args:
        command: The command.
    """
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"


TOOLS = {function.__name__: function for function in (read_file, edit_file, run_command)}


def schema(function):
    """The JSON schema of a tool's arguments: all of them are texts."""
    names = [name for name in function.__annotations__ if name != "return"]
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
