"""`make secrets`: stores the providers' credentials in SSM and their names in samconfig.toml. A secret is never an argument."""

import getpass
import json
import os
import sys
from pathlib import Path

import settings
import stack

# Maximum size of a standard parameter, which is free.
LONGEST = 4096


def secret_from(variable, question):
    """A secret from the file that a variable names (- is standard input), or typed without echo. Empty keeps the old value."""
    file = os.environ.get(variable)
    if file == "-":
        return sys.stdin.read().strip()
    if file:
        return Path(file).read_text(encoding="utf-8").strip()
    return getpass.getpass(question).strip() if sys.stdin.isatty() else ""


def google_credentials():
    """Google's JSON from the named file, if there is one."""
    file = os.environ.get("GOOGLE_CREDENTIALS_FILE")
    if not file and sys.stdin.isatty():
        file = input("File with Google's credentials JSON (empty: leave it as it is): ").strip()
    if not file:
        return None
    text = Path(file).expanduser().read_text(encoding="utf-8")
    try:
        credentials = json.loads(text)
    except ValueError:
        raise settings.WrongUsage(f"{file} is not JSON") from None
    if not isinstance(credentials, dict) or credentials.get("type") not in ("service_account", "external_account"):
        raise settings.WrongUsage(f'{file}: "type" must be service_account or external_account')
    # White space is removed so that larger files fit.
    return json.dumps(credentials, separators=(",", ":"))


def project(credentials):
    """The Google Cloud project: the service account's own, VERTEX_PROJECT, or the answer to a question."""
    found = os.environ.get("VERTEX_PROJECT") or json.loads(credentials).get("project_id")
    if not found and sys.stdin.isatty():
        found = input("Google Cloud project: ").strip()
    if not found:
        raise settings.WrongUsage("which Google Cloud project? Set VERTEX_PROJECT")
    return found


def put(client, name, value):
    """Stores a secret, encrypted with the account's key aws/ssm."""
    if len(value.encode()) > LONGEST:
        raise settings.WrongUsage(f"{name}: {len(value.encode())} bytes, but a standard parameter holds {LONGEST}")
    client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    print(f"stored {name}")


def store():
    """Asks for the secrets and stores them."""
    client = stack.session().client("ssm")
    prefix, names = f"/{settings.stack_name()}", {}
    openrouter = secret_from("OPENROUTER_KEY_FILE", "OpenRouter's API key (empty: leave it as it is): ")
    google = google_credentials()
    if openrouter:
        put(client, f"{prefix}/openrouter", openrouter)
        names["OpenRouterApiKeyParameter"] = f"{prefix}/openrouter"
    if google:
        names["VertexProject"] = project(google)
        put(client, f"{prefix}/google", google)
        names["GoogleCredentialsParameter"] = f"{prefix}/google"
    if not names:
        raise settings.WrongUsage("nothing was given. Without a terminal: OPENROUTER_KEY_FILE=file GOOGLE_CREDENTIALS_FILE=file")
    settings.remember(names)
    print(f"{settings.path().name} names them now. Next: make deploy")


if __name__ == "__main__":
    stack.run(store)
