"""The parameters of a deployment: their sources, and their validation, which CloudFormation does only after the build."""

import os
import re

import plan
import settings


def sources():
    """The sources of parameters. Later ones take precedence."""
    return [
        ("template", plan.defaults()),
        (settings.path().name, settings.saved_parameters()),
        ("command line", settings.given_parameters()),
    ]


def merged(found):
    """The parameters of these sources. Later ones take precedence."""
    values = {}
    for _, parameters in found:
        values.update(parameters)
    return values


def checked(found):
    """The sources, if all their values are valid."""
    declared = plan.template()["Parameters"]
    for origin, parameters in found[1:]:
        for name, value in parameters.items():
            if name not in declared:
                known = ", ".join(sorted(declared))
                raise settings.WrongUsage(f"{origin}: the template has no parameter {name}; there are {known}")
            if declared[name].get("NoEcho"):
                rotation = "ROTATE_REASONING" if name.startswith("Reasoning") else "ROTATE_ORIGIN"
                raise settings.WrongUsage(
                    f"{origin}: {name} is created by `make deploy` and never shown; {rotation}=1 replaces it"
                )
            reason = refusal(declared[name], value)
            if reason:
                raise settings.WrongUsage(f"{origin}: {name}={value} is not possible: {reason}")
    return found


def refuse_halves(values):
    """Fails if a parameter would be ignored because another one is missing. `values` are the values of all parameters."""
    for reason in plan.broken_rules(values):
        raise settings.WrongUsage(reason)


def refusal(declared, value):
    """Why a value of a parameter is invalid, or None if it is valid."""
    allowed = [str(each) for each in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"it is one of {', '.join(allowed)}"
    if not re.search(declared.get("AllowedPattern", ""), value):
        return f"it does not have the form {declared['AllowedPattern']}"
    if declared["Type"] == "Number":
        least, most = declared.get("MinValue", float("-inf")), declared.get("MaxValue", float("inf"))
        if not value.isdecimal():
            return "it is not a number"
        if not least <= int(value) <= most:
            return f"it is at least {least}" if most == float("inf") else f"it is between {least} and {most}"
    return None


def remember_architecture(found):
    """Stores ARCH, if it was given, for later deployments: binaries and functions must have the same architecture."""
    arch = os.environ.get("ARCH")
    if arch and arch != merged(found[:2])["Architecture"]:
        settings.remember({"Architecture": arch})
        print(f"{settings.path().name} has Architecture = {arch} from now on")
