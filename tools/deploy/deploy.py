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
    """A different text for each deployment, so that the functions' alias follows it (see Revision in template.yaml)."""
    return secrets.token_hex(5)


def origin_secrets(values, present):
    """The origin secret's parameters for this deployment. `present` is the current secret, if there is one."""
    if values.get("WithEdge", "true") != "true":
        return {}
    if not present:
        return {"OriginSecret": secrets.token_urlsafe(32), "OriginSecretPrevious": ""}
    if os.environ.get("ROTATE_ORIGIN") == "1":
        return {"OriginSecret": secrets.token_urlsafe(32), "OriginSecretPrevious": present}
    # One deployment after a rotation, the previous value is no longer needed.
    return {"OriginSecretPrevious": ""}


def reasoning_secrets(present):
    """The parameters of the reasoning secret for this deployment. `present` is the current secret, if there is one."""
    if not present:
        return {"ReasoningSecret": secrets.token_urlsafe(32), "ReasoningSecretPrevious": ""}
    if os.environ.get("ROTATE_REASONING") == "1":
        return {"ReasoningSecret": secrets.token_urlsafe(32), "ReasoningSecretPrevious": present}
    # Conversations last for days, so the previous value stays valid until the next rotation.
    return {}


def present_variables(current):
    """The functions' current variables. Empty if there are no functions yet."""
    name = stack.physical_id(current, "ChatCompletionsFunction")
    if name is None:
        return {}
    configuration = current.client("lambda").get_function_configuration(FunctionName=name)
    return configuration["Environment"]["Variables"]


def made(given, variables):
    """The generated parameters of this deployment, from the functions' current variables."""
    origin = origin_secrets(given, variables.get("ORIGIN_SECRET"))
    return {"Revision": revision(), **origin, **reasoning_secrets(variables.get("REASONING_SECRET"))}


def measured(values, current):
    """The parameters that depend on the account's quota, unless given. An alarm above the quota would never be raised."""
    if "ConcurrencyAlarmAt" in values:
        return {}
    try:
        return {"ConcurrencyAlarmAt": str(stack.concurrency(current)["ConcurrentExecutions"] * 8 // 10)}
    except ClientError as error:
        print(f"the quota of concurrent executions is not known, so ConcurrencyAlarmAt stays as it is: {error}")
        return {}


def configuration(values):
    """Returns samconfig.toml with these parameters, as text."""
    document = settings.read()
    answers = settings.deploy_answers(document)
    answers["parameter_overrides"] = dict(sorted(values.items()))
    if os.environ.get("YES") == "1":
        answers["confirm_changeset"] = False
    return tomlkit.dumps(document)


def sam_deploy(values):
    """Runs `sam deploy`. The parameters are in a file, because every user of this machine can read a command line."""
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
    """Prints the account and region of a deployment, or fails if a deployment is not possible."""
    print(f"account {stack.account(current)}, region {current.region_name}, stack {settings.stack_name()}")
    stack.deployable(current)
    # Parameters without a new value keep the stack's value.
    kept = {**parameters.merged(found[:1]), **stack.parameters(current)}
    parameters.refuse_halves({**kept, **parameters.merged(found[1:])})
    parameters.remember_architecture(found)


def deploy():
    """Deploys. With DRY_RUN=1, prints what a deployment would do; with CHECK=1, whether it is possible."""
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
    # If you decline a change set, SAM does not fail.
    if stack.parameters(current).get("Revision") != generated["Revision"]:
        raise settings.WrongUsage("nothing was deployed: the change set was not executed")
    return stack.show_outputs()


if __name__ == "__main__":
    sys.exit(stack.run(deploy))
