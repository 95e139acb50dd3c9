"""The cost tables of the deployment page are those that the script computes."""

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_the_pages_tables_of_costs_are_those_of_the_script():
    command = [sys.executable, PROJECT / "tools/deploy/cost.py"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    page = (PROJECT / "tools/deploy/README.md").read_text()
    for table in printed.split("\n\n"):
        assert table in page, f"the page must say:\n{table}"


def test_the_bill_of_materials_names_what_is_linked_and_nothing_that_only_tests_need():
    printed = subprocess.run([sys.executable, "tools/sbom.py"], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    document = json.loads(printed)
    names = {component["name"] for component in document["components"]}
    assert {"gateway", "health", "lambda_runtime", "aws-sdk-dynamodb", "rustls", "ring"} <= names
    assert not {"axum", "insta", "gateway-dev", "clap"} & names
    assert all("purl" in component for component in document["components"] if component["name"] == "ring")
