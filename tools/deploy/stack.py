"""The deployed stack: its name, its outputs, and its deletion."""

import os
import sys

import boto3
import settings
from botocore.exceptions import BotoCoreError, ClientError


def environment_file():
    """The file in which scripts and bk find the deployed gateway, one per stack."""
    return settings.ROOT / ".deploy" / f"{settings.stack_name()}.env"


def session():
    """Credentials and region of the environment, or an error that says how to get them."""
    # Most of AWS's SDKs read AWS_REGION, but this one reads AWS_DEFAULT_REGION, which `sam` inherits from here.
    if "AWS_REGION" in os.environ:
        os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"]
    current = boto3.Session()
    if not current.region_name:
        raise settings.WrongUsage("no region: export AWS_REGION=eu-central-1, or the region that you use")
    if not current.get_credentials():
        raise settings.WrongUsage("no AWS credentials: run `aws configure` or `aws sso login`, or export AWS_PROFILE")
    return current


def account(current):
    """The account's number. Calls AWS, so it also checks the credentials."""
    return current.client("sts").get_caller_identity()["Account"]


def described(current):
    """The stack, or None if there is none."""
    try:
        return current.client("cloudformation").describe_stacks(StackName=settings.stack_name())["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def outputs(stack):
    """The stack's outputs by name."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def parameters(current):
    """The values of the stack's parameters. Empty if there is no stack."""
    found = (described(current) or {}).get("Parameters", [])
    return {each["ParameterKey"]: each["ParameterValue"] for each in found}


def concurrency(current):
    """The region's limits of concurrent executions."""
    return current.client("lambda").get_account_settings()["AccountLimit"]


def physical_id(current, logical_id):
    """The name that CloudFormation gave to a resource, or None if there is no such resource (yet)."""
    stacks = current.client("cloudformation")
    try:
        found = stacks.describe_stack_resource(StackName=settings.stack_name(), LogicalResourceId=logical_id)
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return found["StackResourceDetail"].get("PhysicalResourceId") or None


def deployable(current):
    """Fails if CloudFormation would reject a deployment, and says what to do."""
    status = (described(current) or {}).get("StackStatus", "")
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        raise settings.WrongUsage(f"the stack is {status}, which can only be deleted: run `make destroy`, then deploy again")
    if status == "UPDATE_ROLLBACK_FAILED":
        way = f"run `aws cloudformation continue-update-rollback --stack-name {settings.stack_name()}` first"
        raise settings.WrongUsage(f"the stack is {status}: {way}")
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        raise settings.WrongUsage(f"the stack is {status}: wait for its end")


def existing(current):
    """The stack, which must exist."""
    stack = described(current)
    if stack is None:
        raise settings.WrongUsage(f"there is no stack {settings.stack_name()} in {current.region_name}: run `make deploy`")
    return stack


def show_outputs():
    """Prints the outputs, and writes for scripts and `bk` where the gateway and its table are."""
    current = session()
    found = outputs(existing(current))
    for name, value in sorted(found.items()):
        print(f"{name:20} {value}", file=sys.stderr)
    lines = {"TABLE_NAME": found["TableName"], "AWS_REGION": current.region_name}
    if "BaseUrl" in found:
        lines["GATEWAY_URL"] = found["BaseUrl"]
    file = environment_file()
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    file.chmod(0o600)
    print(f"\nwritten to {file.relative_to(settings.ROOT)}. Next: make key USD=25", file=sys.stderr)


def confirmed(question, answer):
    """Whether the operator confirmed, by typing or with CONFIRM."""
    given = os.environ.get("CONFIRM")
    if given is None and sys.stdin.isatty():
        given = input(f"{question} Type {answer} to go on: ")
    return given == answer


def destroy():
    """Deletes the stack. Keeps the table, unless TABLE=1 is given."""
    current, name = session(), settings.stack_name()
    # A stack that was never created completely may have none.
    table = outputs(existing(current)).get("TableName") or physical_id(current, "Table")
    if os.environ.get("TABLE") != "1":
        kept = f" The table {table} stays: keys, balances and records outlive the stack." if table else ""
        if not confirmed(f"This deletes the stack {name} and its logs.{kept}", name):
            raise settings.WrongUsage(f"nothing was deleted. To go on without a terminal: make destroy CONFIRM={name}")
        delete_stack(current, name)
        if table:
            print(f"to use its table again: make deploy PARAMETERS=ExistingTable={table}")
        return
    if table is None:
        raise settings.WrongUsage(f"the stack {name} has no table: run `make destroy` without TABLE=1")
    if not confirmed(f"This deletes the stack {name} and the table {table}, with every key and record.", table):
        raise settings.WrongUsage(f"nothing was deleted. To go on without a terminal: make destroy TABLE=1 CONFIRM={table}")
    delete_stack(current, name)
    delete_table(current, table)


def delete_stack(current, name):
    """Deletes the stack and waits until it is gone."""
    stacks = current.client("cloudformation")
    stacks.delete_stack(StackName=name)
    print(f"deleting {name}; the distribution takes some minutes")
    stacks.get_waiter("stack_delete_complete").wait(StackName=name)
    print(f"deleted the stack {name}. What it did not make stays: provider credentials in SSM under /{name}/, artefacts in S3")


def delete_table(current, table):
    """Removes the deletion protection of the table and deletes it."""
    tables = current.client("dynamodb")
    tables.update_table(TableName=table, DeletionProtectionEnabled=False)
    # It can be deleted after the change has taken effect.
    tables.get_waiter("table_exists").wait(TableName=table)
    tables.delete_table(TableName=table)
    print(f"deleted the table {table}")


def run(command):
    """Runs a command. If it fails, prints the reason in one line."""
    try:
        command()
    except (settings.WrongUsage, OSError) as error:
        sys.exit(f"{error}")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS: {error}")


if __name__ == "__main__":
    run({"name": lambda: print(settings.stack_name()), "outputs": show_outputs, "destroy": destroy}[sys.argv[1]])
