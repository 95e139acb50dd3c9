"""Computes what a deployment would create, on this machine only. Sends nothing and needs no account."""

import logging
from collections import defaultdict

import settings
from boto3 import Session
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def template():
    """The template, with CloudFormation's short forms expanded."""
    return yaml_parse(settings.TEMPLATE.read_text())


def defaults():
    """The parameters' default values."""
    return {name: str(parameter["Default"]) for name, parameter in template()["Parameters"].items()}


def hidden():
    """The parameters whose values are never shown."""
    return {name for name, parameter in template()["Parameters"].items() if parameter.get("NoEcho")}


def holds(condition, conditions, parameters):
    """Whether a condition is true with these parameters."""
    ((function, argument),) = condition.items()

    def value(part):
        return parameters[part["Ref"]] if isinstance(part, dict) else str(part)

    def true(part):
        return holds(part, conditions, parameters)

    if function == "Condition":
        return true(conditions[argument])
    if function == "Fn::Equals":
        return value(argument[0]) == value(argument[1])
    if function == "Fn::Not":
        return not true(argument[0])
    if function == "Fn::And":
        return all(map(true, argument))
    if function == "Fn::Or":
        return any(map(true, argument))
    raise settings.WrongUsage(f"the dry run does not support the template function {function}")


def broken_rules(parameters):
    """The messages of the template's rules that these parameters violate."""
    source = template()
    conditions = source.get("Conditions", {})
    for rule in source.get("Rules", {}).values():
        if holds(rule["RuleCondition"], conditions, parameters):
            for assertion in rule["Assertions"]:
                if not holds(assertion["Assert"], conditions, parameters):
                    yield assertion["AssertDescription"]


def translated(parameters):
    """The template after SAM's transform: plain CloudFormation, including everything conditional."""
    source = template()
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # Packaging puts the address here, and the transform requires one.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    logging.disable(logging.WARNING)
    # The region is only for endpoints that are never called.
    translator = Translator({}, Parser(), boto_session=Session(region_name="us-east-1"))
    return translator.translate(source, {**defaults(), **parameters})


def resources(parameters):
    """The logical ids that would exist, by resource type."""
    values = {**defaults(), **parameters}
    result = translated(parameters)
    conditions = result.get("Conditions", {})
    by_type = defaultdict(list)
    for logical_id, resource in result["Resources"].items():
        condition = resource.get("Condition")
        if condition is None or holds(conditions[condition], conditions, values):
            by_type[resource["Type"]].append(logical_id)
    return {kind: sorted(ids) for kind, ids in sorted(by_type.items())}


def built():
    """The binaries that `make build` built, with their sizes in bytes."""
    folder = settings.ROOT / ".aws-sam" / "build"
    return {file.parent.name: file.stat().st_size for file in sorted(folder.glob("*/bootstrap"))}


def show(sources, stack):
    """Prints the plan. `sources` are the parameters by source. Later ones take precedence."""
    values, origins = {}, {}
    for origin, parameters in sources:
        values.update(parameters)
        origins.update(dict.fromkeys(parameters, origin))
    secret = hidden()
    print(f"dry run: nothing is sent. The stack {stack} would be deployed with")
    print("(if the stack exists, it keeps its own values of the parameters whose source here is the template)\n")
    for name, value in values.items():
        shown = "*****" if name in secret and value else value or '""'
        print(f"  {name:28} {shown:32} {origins[name]}")
    kinds = resources(values)
    print(f"\nand would consist of {sum(map(len, kinds.values()))} resources\n")
    for kind, ids in kinds.items():
        print(f"  {len(ids):3} {kind}\n      {' '.join(ids)}")
    artefacts = built()
    print(
        "\nbuilt by `make build`: "
        + (", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in artefacts.items()) or "nothing yet")
    )
    print("\ncommands: sam build, sam deploy (asks before it changes anything), make outputs")
