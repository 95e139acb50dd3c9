"""The tools that deploy, against a mocked AWS account: each test has a project folder and an account of its own.

The mock does not know SAM's transform, so the project's template has the parameters of the real one and, as resources, what the
tools ask about. `sam deploy` itself is real.
"""

import json
import os
import shutil
import stat
import subprocess
import urllib.request
from pathlib import Path

import boto3
import pytest
import tomllib
from moto.cloudformation.models import ChangeSet
from moto.cloudformation.parsing import OutputMap
from moto.server import ThreadedMotoServer

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = PROJECT / ".tools/sam/bin/python"
REGION = "eu-central-1"

RESOURCES = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Action: sts:AssumeRole, Principal: {Service: lambda.amazonaws.com}}]}
  ChatCompletionsFunction:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Role: !GetAtt Role.Arn
      Code: {ZipFile: bm90aGluZw==}
      Environment:
        Variables:
          ORIGIN_SECRET: !Ref OriginSecret
          ORIGIN_SECRET_PREVIOUS: !Ref OriginSecretPrevious
          REASONING_SECRET: !Ref ReasoningSecret
          REASONING_SECRET_PREVIOUS: !Ref ReasoningSecretPrevious
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
Outputs:
  BaseUrl: {Value: "https://d111111abcdef8.cloudfront.net"}
  TableName: {Value: !Ref Table}
"""


@pytest.fixture(scope="session", autouse=True)
def outputs_of_change_sets():
    """Outputs are what a stack's newest template says; the mock keeps those of the empty one that a change set begins with."""
    apply = ChangeSet.apply

    def apply_and_refresh(self):
        apply(self)
        self.stack.output_map = OutputMap(self.stack.resource_map, self.template_dict, self.stack.stack_id)

    ChangeSet.apply = apply_and_refresh


@pytest.fixture(scope="session")
def server():
    """The mocked AWS. Its code takes template addresses apart by the name localhost."""
    mock = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    mock.start()
    _, port = mock.get_host_and_port()
    yield f"http://localhost:{port}"
    mock.stop()


class Account:
    """A mocked account. It contains only the bucket of the SAM CLI."""

    def __init__(self, url):
        self.url = url
        urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).read()
        bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "artefacts"}}
        template = {"Resources": {"Bucket": bucket}, "Outputs": {"SourceBucket": {"Value": {"Ref": "Bucket"}}}}
        self.client("cloudformation").create_stack(
            StackName="aws-sam-cli-managed-default",
            TemplateBody=json.dumps(template),
            Tags=[{"Key": "ManagedStackSource", "Value": "AwsSamCli"}],
        )

    def where(self):
        """How to reach the mock."""
        return {
            "endpoint_url": self.url,
            "region_name": REGION,
            "aws_access_key_id": "mocked",
            "aws_secret_access_key": "mocked",
        }

    def client(self, service):
        """A client of a service."""
        return boto3.client(service, **self.where())

    def stack(self, name="llm-gateway"):
        """A stack, as CloudFormation describes it."""
        return self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]

    def parameters(self):
        """The stack's parameters. The mock shows secret values, too."""
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stack()["Parameters"]}

    def table(self):
        """The table's name."""
        return next(each["OutputValue"] for each in self.stack()["Outputs"] if each["OutputKey"] == "TableName")


@pytest.fixture
def account(server):
    """An empty account."""
    return Account(server)


class Project:
    """A copy of the files that the tools use, so that they do not write into the project."""

    def __init__(self, folder, account):
        self.folder = folder
        shutil.copytree(PROJECT / "tools" / "deploy", folder / "tools" / "deploy")
        shutil.copy(PROJECT / "samconfig.toml", folder)
        shutil.copy(PROJECT / "rust-toolchain.toml", folder)
        parameters = (PROJECT / "template.yaml").read_text().split("\nConditions:\n")[0]
        transform = "Transform: AWS::Serverless-2016-10-31\n"
        assert transform in parameters
        (folder / "template.yaml").write_text(parameters.replace(transform, "") + RESOURCES)
        self.environment = {
            "PATH": f"{PROJECT / '.tools/sam/bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.1",
            "AWS_ENDPOINT_URL": account.url,
            "AWS_ACCESS_KEY_ID": "mocked",
            "AWS_SECRET_ACCESS_KEY": "mocked",
            "AWS_REGION": REGION,
            "YES": "1",
        }

    def run(self, script, *arguments, typed="", **variables):
        """Runs a tool with this input. A variable that is None is removed from the environment."""
        environment = {name: value for name, value in {**self.environment, **variables}.items() if value is not None}
        command = [PYTHON, self.folder / "tools/deploy" / script, *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, input=typed, capture_output=True, text=True, timeout=600)

    def succeed(self, script, *arguments, **variables):
        """Runs a tool, which must succeed. Returns its output."""
        done = self.run(script, *arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def refuse(self, script, *arguments, **variables):
        """Runs a tool, which must fail with one line of output. Returns the line."""
        done = self.run(script, *arguments, **variables)
        assert done.returncode == 1, done.stdout + done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr.strip()

    def answers(self):
        """The parameters in samconfig.toml."""
        document = tomllib.loads((self.folder / "samconfig.toml").read_text())
        return document["default"]["deploy"]["parameters"]["parameter_overrides"]

    def file(self, name, text):
        """A file in the project's folder."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def program(self, name, text):
        """An executable file in the project's folder."""
        path = self.file(name, text)
        Path(path).chmod(stat.S_IRWXU)
        return path


@pytest.fixture
def project(tmp_path, account):
    """A project that has not been deployed yet."""
    return Project(tmp_path, account)
