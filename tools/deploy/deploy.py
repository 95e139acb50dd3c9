"""`make deploy`: SAM's own deployment, with the parameters of three sources, and secrets kept out of sight."""

import os
import secrets
import subprocess
import sys
import tempfile

import parameters
import plan
import settings
import stack
import tomlkit
from botocore.exceptions import ClientError

GENERATED = "made for this deployment"


def revision():
    """Another text for each deployment, so that the functions' alias follows it (template.yaml says why)."""
    return secrets.token_hex(5)


def origin_secrets(values, present):
    """What this deployment changes about the origin secret; `present` is the one in use, or none."""
    if values.get("WithEdge", "true") != "true":
        return {}
    if not present:
        return {"OriginSecret": secrets.token_urlsafe(32), "OriginSecretPrevious": ""}
    if os.environ.get("ROTATE_ORIGIN") == "1":
        return {"OriginSecret": secrets.token_urlsafe(32), "OriginSecretPrevious": present}
    # One deployment after a rotation the previous value has served its turn.
    return {"OriginSecretPrevious": ""}


def reasoning_secrets(present):
    """What this deployment changes about the secret of the clients' thoughts; `present` is the one in use, or none."""
    if not present:
        return {"ReasoningSecret": secrets.token_urlsafe(32), "ReasoningSecretPrevious": ""}
    if os.environ.get("ROTATE_REASONING") == "1":
        return {"ReasoningSecret": secrets.token_urlsafe(32), "ReasoningSecretPrevious": present}
    # Sessions go on for days: the previous value counts until the next rotation.
    return {}


def present_variables(current):
    """The variables that the functions have now; none if there are no functions yet."""
    name = stack.physical_id(current, "ChatCompletionsFunction")
    if name is None:
        return {}
    configuration = current.client("lambda").get_function_configuration(FunctionName=name)
    return configuration["Environment"]["Variables"]


def made(given, variables):
    """What is made for this deployment, given what the functions have now."""
    origin = origin_secrets(given, variables.get("ORIGIN_SECRET"))
    return {"Revision": revision(), **origin, **reasoning_secrets(variables.get("REASONING_SECRET"))}


def measured(values, current):
    """What the account decides, unless it is given: an alarm above the quota would never be raised."""
    if "ConcurrencyAlarmAt" in values:
        return {}
    try:
        return {"ConcurrencyAlarmAt": str(stack.concurrency(current)["ConcurrentExecutions"] * 8 // 10)}
    except ClientError as error:
        print(f"the quota of concurrent executions is not known, so ConcurrencyAlarmAt stays as it is: {error}")
        return {}


def configuration(values):
    """samconfig.toml with these parameters, as text."""
    document = settings.read()
    answers = settings.deploy_answers(document)
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


def dry_run(found):
    """Prints what a deployment would do."""
    parameters.refuse_halves(parameters.merged(found))
    plan.show([*found, (GENERATED, made(parameters.merged(found), {}))], settings.stack_name())


def check(found, current):
    """Says where a deployment would go to, or fails if there could be none."""
    print(f"account {stack.account(current)}, region {current.region_name}, stack {settings.stack_name()}")
    stack.deployable(current)
    # What nobody names keeps the stack's value.
    kept = {**parameters.merged(found[:1]), **stack.parameters(current)}
    parameters.refuse_halves({**kept, **parameters.merged(found[1:])})
    parameters.remember_architecture(found)


def deploy():
    """Deploys, or prints what a deployment would do (DRY_RUN=1), or only whether it could (CHECK=1)."""
    found = parameters.checked(parameters.sources())
    if os.environ.get("DRY_RUN") == "1":
        return dry_run(found)
    current = stack.session()
    if os.environ.get("CHECK") == "1":
        return check(found, current)
    # Parameters that neither samconfig.toml nor the command line names keep their values in CloudFormation.
    given = parameters.merged(found[1:])
    generated = made(given, present_variables(current))
    sam_deploy({**given, **measured(given, current), **generated})
    # A change set that was declined is no failure to SAM.
    if stack.parameters(current).get("Revision") != generated["Revision"]:
        raise settings.WrongUsage("nothing was deployed: the change set was not executed")
    return stack.show_outputs()


if __name__ == "__main__":
    sys.exit(stack.run(deploy))
