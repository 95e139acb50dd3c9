"""The parameters of a deployment: their sources, and whether they can work, which CloudFormation says only after the build."""

import os
import re

import plan
import settings


def sources():
    """Where parameters come from, the weakest first."""
    return [
        ("template", plan.defaults()),
        (settings.path().name, settings.saved_parameters()),
        ("command line", settings.given_parameters()),
    ]


def merged(found):
    """The parameters of these sources; later ones win."""
    values = {}
    for _, parameters in found:
        values.update(parameters)
    return values


def checked(found):
    """The sources, if every value that they name can be one of that parameter."""
    declared = plan.template()["Parameters"]
    for origin, parameters in found[1:]:
        for name, value in parameters.items():
            if name not in declared:
                known = ", ".join(sorted(declared))
                raise settings.WrongUsage(f"{origin}: the template has no parameter {name}; there are {known}")
            if declared[name].get("NoEcho"):
                rotation = "ROTATE_REASONING" if name.startswith("Reasoning") else "ROTATE_ORIGIN"
                raise settings.WrongUsage(f"{origin}: {name} is created by `make deploy` and never shown; {rotation}=1 replaces it")
            reason = refusal(declared[name], value)
            if reason:
                raise settings.WrongUsage(f"{origin}: {name}={value} is not possible: {reason}")
    return found


def refuse_halves(values):
    """Fails if a parameter would be ignored without another one. `values` are those of all parameters."""
    for reason in plan.broken_rules(values):
        raise settings.WrongUsage(reason)


def refusal(declared, value):
    """Why a value is none of a parameter's, or None if it is one."""
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
    """Keeps ARCH, when it was given, for the deployments that come after: code and functions have to agree."""
    arch = os.environ.get("ARCH")
    if arch and arch != merged(found[:2])["Architecture"]:
        settings.remember({"Architecture": arch})
        print(f"{settings.path().name} has Architecture = {arch} from now on")
