"""`make deploy`: SAM's own deployment, with the parameters of three sources, and secrets kept out of sight."""

import os
import secrets
import subprocess
import sys
import tempfile

import plan
import settings
import stack
import tomlkit

GENERATED = "made for this deployment"


def merged(sources):
    """The parameters of all sources; later ones win."""
    values = {}
    for _, parameters in sources:
        values.update(parameters)
    return values


def revision():
    """Another text for each deployment, so that the functions' alias follows it (template.yaml says why)."""
    return secrets.token_hex(5)


def origin_secrets(values, present):
    """What this deployment changes about the origin secret; `present` is the one in use, or none."""
    if values.get("WithEdge", "true") != "true" or "OriginSecret" in values:
        return {}
    if not present:
        return {"OriginSecret": secrets.token_urlsafe(32), "OriginSecretPrevious": ""}
    if os.environ.get("ROTATE_ORIGIN") == "1":
        return {"OriginSecret": secrets.token_urlsafe(32), "OriginSecretPrevious": present}
    # One deployment after a rotation the previous value has served its turn.
    return {"OriginSecretPrevious": ""}


def present_secret(current):
    """The secret that the functions accept now; none if there are no functions yet."""
    name = stack.physical_id(current, "ChatCompletionsFunction")
    if name is None:
        return None
    configuration = current.client("lambda").get_function_configuration(FunctionName=name)
    return configuration["Environment"]["Variables"].get("ORIGIN_SECRET")


def sources():
    """Where parameters come from, the weakest first."""
    return [
        ("template", plan.defaults()),
        ("samconfig.toml", settings.saved_parameters()),
        ("command line", settings.given_parameters()),
    ]


def checked(found):
    """The sources, if they name parameters of the template only."""
    known = plan.defaults()
    for origin, parameters in found:
        for name in parameters:
            if name not in known:
                raise settings.WrongUsage(f"{origin}: the template has no parameter {name}; there are {', '.join(sorted(known))}")
    return found


def configuration(values):
    """samconfig.toml with these parameters, as text."""
    document = settings.read()
    answers = settings.deploy_answers(document)
    answers["stack_name"] = settings.stack_name()
    answers["parameter_overrides"] = dict(sorted(values.items()))
    if os.environ.get("YES") == "1":
        answers["confirm_changeset"] = False
    return tomlkit.dumps(document)


def sam_deploy(values):
    """Runs `sam deploy`. The parameters go through a file of our own: anybody on this machine can read a command line."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="samconfig-") as file:
        file.write(configuration(values))
        file.flush()
        command = [os.environ.get("SAM", "sam"), "deploy", "--config-file", file.name, "--no-fail-on-empty-changeset"]
        if subprocess.run(command, cwd=settings.ROOT).returncode != 0:
            raise settings.WrongUsage("sam deploy stopped: what it printed above says why")


def deploy():
    """Deploys, or prints what a deployment would do (DRY_RUN=1), or only whether it could (CHECK=1)."""
    found = checked(sources())
    # Parameters that neither samconfig.toml nor the command line names keep their values in CloudFormation.
    given = merged(found[1:])
    if os.environ.get("DRY_RUN") == "1":
        generated = {"Revision": revision(), **origin_secrets(given, None)}
        return plan.show([*found, (GENERATED, generated)], settings.stack_name())
    current = stack.session()
    if os.environ.get("CHECK") == "1":
        print(f"account {stack.account(current)}, region {current.region_name}, stack {settings.stack_name()}")
        return stack.deployable(current)
    sam_deploy({**given, "Revision": revision(), **origin_secrets(given, present_secret(current))})
    return stack.show_outputs()


if __name__ == "__main__":
    sys.exit(stack.run(deploy))
