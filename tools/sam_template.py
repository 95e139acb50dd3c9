"""Writes a template for SAM's containers: template.yaml with built binaries and the local gateway's variables.

sam_template.py TEMPLATE BINARIES ENVIRONMENT FOLDER writes FOLDER/template.yaml, a folder for each function's bootstrap, and
FOLDER/variables.json for `--env-vars`.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse


def variables(file):
    """The variables of `make dev`'s functions, with the address of loopback inside containers."""
    lines = (line.split("=", 1) for line in Path(file).read_text().splitlines())
    return {name: value.strip("'").replace("127.0.0.1", "host.docker.internal") for name, value in lines}


def binary(folder, name):
    """A function's binary: built by cargo, or by cargo lambda."""
    lambdas = Path(folder) / name / "bootstrap"
    return lambdas if lambdas.exists() else Path(folder) / name


def place(source, target):
    """Puts a binary where a container mounts it, without a copy if possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def main(source, binaries, environment, folder):
    """Writes the folder."""
    values, folder = variables(environment), Path(folder)
    template = yaml_parse(Path(source).read_text())
    declared = template["Globals"]["Function"]["Environment"]["Variables"]
    # SAM gives a container only variables that the template declares.
    declared.update({name: "" for name in values if name not in declared})
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            place(binary(binaries, Path(resource["Properties"]["CodeUri"]).name), folder / logical_id / "bootstrap")
            resource["Properties"]["CodeUri"] = logical_id
            resource.pop("Metadata", None)
    (folder / "template.yaml").write_text(yaml_dump(template))
    (folder / "variables.json").write_text(json.dumps({"Parameters": values}))


if __name__ == "__main__":
    main(*sys.argv[1:])
