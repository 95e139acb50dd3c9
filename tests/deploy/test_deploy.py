"""`make deploy`: a first deployment, further ones, a rotation, and what stops it."""

import socket

import pytest


def secrets(account, name):
    """The current and the previous value of a secret in the functions' environment."""
    functions = account.client("lambda")
    function = functions.list_functions()["Functions"][0]["FunctionName"]
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    return variables[name], variables[f"{name}_PREVIOUS"]


def origin(account):
    """The secrets that the functions accept from an edge."""
    return secrets(account, "ORIGIN_SECRET")


def reasoning(account):
    """The secrets with which the functions sign reasoning."""
    return secrets(account, "REASONING_SECRET")


def test_first_deployment_makes_an_origin_secret_that_is_nowhere_printed(project, account):
    printed = project.succeed("deploy.py")
    current, previous = origin(account)
    assert (len(current) >= 32, previous) == (True, "")
    assert current not in printed and "*****" in printed
    assert project.answers() == {}


def test_first_deployment_makes_a_secret_for_thoughts_and_later_ones_keep_it(project, account):
    printed = project.succeed("deploy.py", PARAMETERS="WithEdge=false")
    current, previous = reasoning(account)
    assert (len(current) >= 32, previous) == (True, "")
    assert current not in printed
    project.succeed("deploy.py")
    assert reasoning(account) == (current, "")


def test_rotation_of_the_secret_for_thoughts_accepts_the_old_one_until_the_next_rotation(project, account):
    project.succeed("deploy.py")
    first = reasoning(account)[0]
    project.succeed("deploy.py", ROTATE_REASONING="1")
    second, previous = reasoning(account)
    assert second != first and previous == first
    project.succeed("deploy.py", ROTATE_ORIGIN="1")
    assert reasoning(account) == (second, first)


def test_outputs_are_written_for_the_tools_that_come_after(project, account):
    project.succeed("deploy.py")
    file = project.folder / ".deploy/llm-gateway.env"
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert lines == {
        "TABLE_NAME": account.table(),
        "AWS_REGION": "eu-central-1",
        "GATEWAY_URL": "https://d111111abcdef8.cloudfront.net",
    }
    assert file.stat().st_mode & 0o777 == 0o600


def test_second_deployment_keeps_the_secret_and_what_is_not_named_again(project, account):
    project.succeed("deploy.py", PARAMETERS="InferenceMemory=512 'CorsAllowedOrigins=https://a.example,https://b.example'")
    first, before = origin(account)[0], account.parameters()
    project.succeed("deploy.py", PARAMETERS="LogRetentionDays=7")
    after = account.parameters()
    assert origin(account) == (first, "")
    assert (after["InferenceMemory"], after["LogRetentionDays"]) == ("512", "7")
    assert after["CorsAllowedOrigins"] == "https://a.example,https://b.example"
    assert after["Revision"] != before["Revision"], "without a new revision the alias would go on serving the old version"


def test_rotation_accepts_the_old_secret_until_the_deployment_after_it(project, account):
    project.succeed("deploy.py")
    first = origin(account)[0]
    project.succeed("deploy.py", ROTATE_ORIGIN="1")
    second, previous = origin(account)
    assert second != first and previous == first
    project.succeed("deploy.py")
    assert origin(account) == (second, "")


def test_edge_that_comes_later_gets_a_secret(project, account):
    project.succeed("deploy.py", PARAMETERS="WithEdge=false")
    assert origin(account) == ("", "")
    project.succeed("deploy.py", PARAMETERS="WithEdge=true")
    assert len(origin(account)[0]) >= 32


def test_api_gateway_needs_no_secret_and_takes_the_edges_away(project, account):
    project.succeed("deploy.py")
    assert len(origin(account)[0]) >= 32
    project.succeed("deploy.py", PARAMETERS="WithEdge=api")
    assert account.parameters()["WithEdge"] == "api"
    for parameter in (
        "DomainName=a.example CertificateArn=arn:aws:acm:us-east-1:123456789012:certificate/a",
        "WebAclArn=arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b",
    ):
        words = project.refuse("deploy.py", PARAMETERS=f"WithEdge=api {parameter}", DRY_RUN="1")
        assert "needs WithEdge=true, because" in words


def test_change_set_that_is_declined_is_said_to_be_no_deployment(project, account):
    declined = project.run("deploy.py", typed="n\n", YES=None)
    assert declined.returncode == 1 and declined.stderr.endswith("nothing was deployed: the change set was not executed\n")
    assert account.stack()["StackStatus"] == "REVIEW_IN_PROGRESS"


def test_rotation_that_is_declined_changes_nothing(project, account):
    project.succeed("deploy.py")
    before = account.parameters()
    declined = project.run("deploy.py", typed="n\n", YES=None, ROTATE_ORIGIN="1")
    assert declined.returncode == 1 and declined.stderr.endswith("nothing was deployed: the change set was not executed\n")
    assert account.parameters() == before
    project.succeed("deploy.py", typed="y\n", YES=None)


def test_answers_of_samconfig_are_deployed_and_the_command_line_wins(project, account):
    file = project.folder / "samconfig.toml"
    file.write_text(file.read_text() + 'LogRetentionDays = 7\nWithEdge = false\nEndpointMemory = "256"\n')
    project.succeed("deploy.py", PARAMETERS="EndpointMemory=512")
    parameters = account.parameters()
    assert (parameters["LogRetentionDays"], parameters["WithEdge"], parameters["EndpointMemory"]) == ("7", "false", "512")


def test_second_stack_has_answers_of_its_own(project, account):
    text = (project.folder / "samconfig.toml").read_text()
    staging = project.file("staging.toml", text.replace('"llm-gateway"', '"staging"'))
    project.succeed("deploy.py", SAM_CONFIG=staging, PARAMETERS="LogRetentionDays=7")
    assert account.stack("staging")["StackStatus"] == "CREATE_COMPLETE"
    assert (project.folder / ".deploy/staging.env").exists() and project.answers() == {}
    assert project.succeed("stack.py", "name", SAM_CONFIG=staging) == "staging\n"


def test_architecture_is_remembered_because_code_and_functions_have_to_agree(project):
    printed = project.succeed("deploy.py", CHECK="1", ARCH="x86_64")
    assert printed.endswith("samconfig.toml has Architecture = x86_64 from now on\n")
    assert project.answers() == {"Architecture": "x86_64"}
    assert "from now on" not in project.succeed("deploy.py", CHECK="1", ARCH="x86_64")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_REGION": None}, "export AWS_REGION"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_EC2_METADATA_DISABLED": "true"}, "no AWS credentials: run `aws configure`"),
        ({"PARAMETERS": "Memory=1"}, "command line: the template has no parameter Memory; there are AlarmEmail, "),
        ({"PARAMETERS": "Memory"}, "'Memory' is not a parameter: write Name=value"),
        ({"PARAMETERS": "Architecture=x86_64"}, "write ARCH=x86_64 or ARCH=arm64"),
        (
            {"PARAMETERS": "OriginSecret=" + "x" * 40},
            "OriginSecret is created by `make deploy` and never shown; ROTATE_ORIGIN=1 replaces it",
        ),
        (
            {"PARAMETERS": "ReasoningSecret=" + "x" * 40},
            "ReasoningSecret is created by `make deploy` and never shown; ROTATE_REASONING=1 replaces it",
        ),
        ({"PARAMETERS": "Canary=yes"}, "command line: Canary=yes is not possible: it is one of true, false"),
        ({"PARAMETERS": "EdgeReadTimeout=999"}, "EdgeReadTimeout=999 is not possible: it is between 30 and 180"),
        ({"PARAMETERS": "InferenceMemory=1GB"}, "InferenceMemory=1GB is not possible: it is not a number"),
        ({"PARAMETERS": "CertificateArn=nonsense DomainName=a.example"}, "it does not have the form ^(arn:"),
        (
            {"PARAMETERS": "DomainName=a.example", "DRY_RUN": "1"},
            "DomainName needs CertificateArn, a certificate of that domain in us-east-1.",
        ),
        ({"SAM_CONFIG": "/nowhere/samconfig.toml"}, "No such file or directory: '/nowhere/samconfig.toml'"),
        ({"SAM_CONFIG": "/dev/null"}, "/dev/null has no table [default.deploy.parameters]"),
    ],
)
def test_what_is_missing_is_named_with_the_way_out(project, variables, words):
    assert words in project.refuse("deploy.py", **variables)


def test_other_half_of_a_parameter_may_be_the_stacks_own(project):
    certificate = "CertificateArn=arn:aws:acm:us-east-1:123456789012:certificate/a"
    project.succeed("deploy.py", PARAMETERS=f"DomainName=a.example {certificate}")
    project.succeed("deploy.py", CHECK="1", PARAMETERS="HostedZoneId=Z1")
    refused = project.run("deploy.py", CHECK="1", PARAMETERS="WithEdge=false")
    assert refused.stderr == "DomainName needs WithEdge=true, because it is the name of the CloudFront distribution.\n"


def test_check_says_where_it_would_deploy_and_deploys_nothing(project, account):
    assert project.succeed("deploy.py", CHECK="1") == "account 123456789012, region eu-central-1, stack llm-gateway\n"
    assert len(account.client("cloudformation").describe_stacks()["Stacks"]) == 1


def test_dry_run_needs_no_account_and_opens_no_connection(project):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    without = {"AWS_REGION": None, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    printed = project.succeed("deploy.py", DRY_RUN="1", PARAMETERS="EndpointMemory=256", AWS_ENDPOINT_URL=url, **without)
    assert printed.startswith("dry run: nothing is sent. The stack llm-gateway would be deployed with\n")
    lines = [line.split() for line in printed.splitlines()]
    assert ["EndpointMemory", "256", "command", "line"] in lines
    assert ["OriginSecret", "*****", "made", "for", "this", "deployment"] in lines
    with pytest.raises(TimeoutError):
        listener.accept()
