"""The template after SAM's transform, made with SAM's own translator. CloudFormation would get the same."""

import json
import subprocess

import pytest
from conftest import PROJECT, PYTHON

PROGRAM = "import json, sys, plan; print(json.dumps(plan.translated(json.loads(sys.argv[1]))))"


def translated(**parameters):
    """The whole translated template."""
    command = [PYTHON, "-c", PROGRAM, json.dumps(parameters)]
    done = subprocess.run(command, cwd=PROJECT / "tools/deploy", capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def template():
    """With every parameter at its default."""
    return translated()


def of_type(template, kind):
    """The properties of the resources of a type, by logical id."""
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def test_every_address_is_the_aliases_and_open_by_both_permissions(template):
    urls = of_type(template, "AWS::Lambda::Url")
    aliases = {url["TargetFunctionArn"]["Ref"] for url in urls.values()}
    assert len(urls) == len(aliases) == 8 and {url["AuthType"] for url in urls.values()} == {"NONE"}
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    permissions = [each for each in permissions if each["Principal"] == "*"]
    assert aliases <= set(of_type(template, "AWS::Lambda::Alias"))
    for alias in aliases:
        granted = [each for each in permissions if each["FunctionName"] == {"Ref": alias}]
        assert sorted(granted, key=lambda each: each["Action"]) == [
            {"Action": "lambda:InvokeFunction", "FunctionName": {"Ref": alias}, "Principal": "*", "InvokedViaFunctionUrl": True},
            {
                "Action": "lambda:InvokeFunctionUrl",
                "FunctionName": {"Ref": alias},
                "Principal": "*",
                "FunctionUrlAuthType": "NONE",
            },
        ]
    assert len(permissions) == 2 * len(aliases)


def test_behind_the_api_every_integration_and_permission_is_an_aliases_and_a_changed_path_is_deployed(template):
    aliases = {url["TargetFunctionArn"]["Ref"] for url in of_type(template, "AWS::Lambda::Url").values()}
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    granted = [each["FunctionName"]["Ref"] for each in permissions if each["Principal"] == "apigateway.amazonaws.com"]
    assert sorted(granted) == sorted(aliases)
    (api,) = of_type(template, "AWS::ApiGateway::RestApi").values()
    text = json.dumps(api["Body"])
    assert all(f"${{{alias}}}" in text for alias in aliases)
    (stage,) = of_type(template, "AWS::ApiGateway::Stage").values()
    (deployment,) = of_type(template, "AWS::ApiGateway::Deployment")
    # Its name is made from the body, so that a changed body causes a new deployment.
    assert (
        stage["DeploymentId"] == {"Ref": deployment} and stage["StageName"] == "live" and len(deployment) > len("ApiDeployment")
    )


@pytest.mark.parametrize(
    ("front", "there"),
    [
        ("true", {"AWS::CloudFront::Distribution": 1, "AWS::Lambda::Url": 8, "AWS::Lambda::Permission": 16}),
        ("false", {"AWS::Lambda::Url": 8, "AWS::Lambda::Permission": 16}),
        ("api", {"AWS::ApiGateway::RestApi": 1, "AWS::Lambda::Permission": 8}),
    ],
)
def test_each_front_has_its_own_resources_and_none_of_the_others(front, there):
    program = "import json, sys, plan; print(json.dumps(plan.resources(json.loads(sys.argv[1]))))"
    command = [PYTHON, "-c", program, json.dumps({"WithEdge": front})]
    done = subprocess.run(command, cwd=PROJECT / "tools/deploy", capture_output=True, text=True, check=True)
    found = {kind: len(ids) for kind, ids in json.loads(done.stdout).items()}
    kinds = ["AWS::CloudFront::Distribution", "AWS::ApiGateway::RestApi", "AWS::Lambda::Url", "AWS::Lambda::Permission"]
    assert {kind: found[kind] for kind in kinds if kind in found} == there


def test_the_transform_adds_no_role_but_the_schedulers_which_may_run_reconcile_alone(template):
    roles = of_type(template, "AWS::IAM::Role")
    assert all("ManagedPolicyArns" not in role for role in roles.values())
    added = [name for name in roles if name.startswith("ReconcileFunction")]
    assert len(roles) == 10 and len(added) == 1
    statements = [each for policy in roles[added[0]]["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    alias = {"Ref": "ReconcileFunctionAliaslive"}
    assert statements == [{"Action": "lambda:InvokeFunction", "Effect": "Allow", "Resource": alias}]
    (schedule,) = of_type(template, "AWS::Scheduler::Schedule").values()
    assert schedule["Target"]["Arn"] == alias
    assert "Name" not in schedule, "a name would be taken for a second stack"


def test_a_new_revision_publishes_a_new_version_of_every_function():
    versions = [set(of_type(translated(Revision=each), "AWS::Lambda::Version")) for each in ("aaaaaaaaaa", "bbbbbbbbbb")]
    assert [len(each) for each in versions] == [9, 9] and versions[0].isdisjoint(versions[1])


def test_canaries_are_watched_by_the_alarms_and_are_not_there_unless_asked_for(template):
    assert not any("CodeDeploy" in each["Type"] for each in template["Resources"].values())
    canary = translated(Canary="true")
    groups = of_type(canary, "AWS::CodeDeploy::DeploymentGroup")
    assert len(groups) == 9
    for group in groups.values():
        condition, watching, _ = group["AlarmConfiguration"]["Fn::If"]
        watched = [alarm["Name"]["Ref"] for alarm in watching["Alarms"]]
        assert condition == "IsGradual"
        assert watched == [
            "FailuresOfDeploymentAlarm",
            "ServerErrorsAlarm",
            "SettlementsAlarm",
        ]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_what_is_translated_passes_the_linter_too(tmp_path):
    file = tmp_path / "template.json"
    file.write_text(json.dumps(translated(Canary="true")))
    # After the transform nothing refers to two of the parameters.
    command = [PROJECT / ".tools/sam/bin/cfn-lint", "--ignore-checks", "W2001", "--template", file]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
