"""`tools/deploy/bk ...`: runs bk on the deployed table, with the SDK's credentials: profiles, single sign-on, roles."""

import os
import sys
from pathlib import Path

import settings
import stack


def environment():
    """The variables that bk reads: table and region of the deployment, and valid credentials."""
    file = stack.environment_file()
    if not file.exists():
        raise settings.WrongUsage(f"the address of the stack {settings.stack_name()} is unknown: run `make outputs`")
    deployed = dict(line.split("=", 1) for line in file.read_text().splitlines())
    # You can name another table, such as a restored one.
    table = os.environ.get("TABLE_NAME") or deployed["TABLE_NAME"]
    os.environ.update({**deployed, "TABLE_NAME": table})
    credentials = stack.session().get_credentials().get_frozen_credentials()
    found = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
    }
    found.pop("AWS_SESSION_TOKEN", None)
    if credentials.token:
        found["AWS_SESSION_TOKEN"] = credentials.token
    return found


def run():
    """Replaces this process with bk."""
    variables = environment()
    program = Path(os.environ.get("BK") or settings.ROOT / "target" / "debug" / "bk")
    if not program.exists():
        raise settings.WrongUsage("bk is not built: run `make bk`")
    os.execve(program, ["bk", *sys.argv[1:]], variables)


if __name__ == "__main__":
    stack.run(run)
