"""The parts of the template that SAM's local containers use."""

import json
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = PROJECT / ".tools/sam/bin/python"

# What `sam local invoke` runs, by SAM's own reader of templates.
PROVIDED = """
import json, sys
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1], parameter_overrides={"Architecture": sys.argv[2]})
functions = SamFunctionProvider(stacks).get_all()
print(json.dumps({function.name: {
    "layers": [str(layer) for layer in function.layers],
    "handler": function.handler,
    "architectures": function.architectures,
    "runtime": function.runtime,
    "variables": sorted(function.environment["Variables"]),
} for function in functions}))
"""


def local_template(project):
    """The folder that the containers are started from, with empty files for binaries."""
    project.file("functions.env", "TABLE_NAME='gateway-local'\nAWS_ENDPOINT_URL_DYNAMODB='http://127.0.0.1:8000'\n")
    for function in (PROJECT / "functions").iterdir():
        project.file(f"binaries/{function.name}", "")
    project.file("template.real", (PROJECT / "template.yaml").read_text())
    names = ("template.real", "binaries", "functions.env", "local")
    files = [str(project.folder / name) for name in names]
    subprocess.run([PYTHON, PROJECT / "tools/sam_template.py", *files], check=True)
    return project.folder / "local"


def test_local_containers_get_every_local_variable(project):
    values = json.loads((local_template(project) / "variables.json").read_text())["Parameters"]
    assert values == {"TABLE_NAME": "gateway-local", "AWS_ENDPOINT_URL_DYNAMODB": "http://host.docker.internal:8000"}


def test_sam_reads_every_function_with_its_handler_and_without_layers(project):
    folder = local_template(project)
    command = [PYTHON, "-c", PROVIDED, folder / "template.yaml", "x86_64"]
    environment = {"AWS_DEFAULT_REGION": "us-east-1", "PATH": "/usr/bin:/bin", "SAM_CLI_TELEMETRY": "0"}
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    functions = json.loads(printed.splitlines()[-1])
    assert sorted(functions) == [
        "ChatCompletionsFunction",
        "CountTokensFunction",
        "DashboardFunction",
        "HealthFunction",
        "MessagesFunction",
        "ModelsFunction",
        "ReconcileFunction",
        "ResponsesFunction",
        "UsageFunction",
    ]
    for name, function in functions.items():
        assert (function["layers"], function["handler"]) == ([], "bootstrap"), name
        assert (function["architectures"], function["runtime"]) == (["x86_64"], "provided.al2023"), name
        assert {"TABLE_NAME", "AWS_ENDPOINT_URL_DYNAMODB", "OPENROUTER_BASE_URL"} <= set(function["variables"]), name
        assert (folder / name / "bootstrap").exists(), name
