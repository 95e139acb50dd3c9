"""The built template with the local gateway's variables: SAM gives a container only variables that the template declares."""

import json
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse


def variables(file):
    """The variables of `make dev`'s functions, with loopback as containers know it."""
    lines = (line.split("=", 1) for line in Path(file).read_text().splitlines())
    return {name: value.strip("'").replace("127.0.0.1", "host.docker.internal") for name, value in lines}


def main(built, environment, target, overrides):
    """Writes the template `target` beside the one that was built, and the values for `sam local invoke --env-vars`."""
    values = variables(environment)
    template = yaml_parse(Path(built).read_text())
    declared = template["Globals"]["Function"]["Environment"]["Variables"]
    declared.update({name: "" for name in values if name not in declared})
    Path(target).write_text(yaml_dump(template))
    Path(overrides).write_text(json.dumps({"Parameters": values}))


if __name__ == "__main__":
    main(*sys.argv[1:])
