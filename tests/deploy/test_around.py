"""The other commands of a deployment: secrets, bk, destroy and doctor."""

import json

import pytest

SERVICE_ACCOUNT = {"type": "service_account", "project_id": "my-project", "private_key": "canary-key"}


def parameter(account, name):
    """A stored parameter, decrypted."""
    return account.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]


def test_secrets_are_stored_encrypted_and_only_their_names_are_kept_and_printed(project, account):
    openrouter = project.file("key", "sk-or-canary\n")
    google = project.file("google.json", json.dumps(SERVICE_ACCOUNT, indent=2))
    printed = project.succeed("store_secrets.py", OPENROUTER_KEY_FILE=openrouter, GOOGLE_CREDENTIALS_FILE=google)
    stored = parameter(account, "/llm-gateway/openrouter")
    assert (stored["Value"], stored["Type"]) == ("sk-or-canary", "SecureString")
    stored = parameter(account, "/llm-gateway/google")
    assert (json.loads(stored["Value"]), stored["Type"]) == (SERVICE_ACCOUNT, "SecureString")
    assert project.answers() == {
        "OpenRouterApiKeyParameter": "/llm-gateway/openrouter",
        "GoogleCredentialsParameter": "/llm-gateway/google",
        "VertexProject": "my-project",
    }
    assert "canary" not in printed
    text = (project.folder / "samconfig.toml").read_text()
    assert text.startswith("# The answers of `make deploy`.") and "canary" not in text


def test_secret_that_is_stored_again_replaces_the_old_one(project, account):
    for key in ("sk-or-first", "sk-or-second"):
        project.succeed("store_secrets.py", OPENROUTER_KEY_FILE=project.file("key", key))
    assert parameter(account, "/llm-gateway/openrouter")["Value"] == "sk-or-second"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "is not JSON"),
        ('{"type": "authorized_user"}', '"type" must be service_account or external_account'),
        ('{"type": "external_account"}', "which Google Cloud project? Set VERTEX_PROJECT"),
        (json.dumps({**SERVICE_ACCOUNT, "padding": "x" * 4096}), "a standard parameter holds 4096"),
    ],
)
def test_credentials_that_cannot_work_are_refused_and_nothing_is_stored(project, account, text, words):
    assert words in project.refuse("store_secrets.py", GOOGLE_CREDENTIALS_FILE=project.file("google.json", text))
    assert account.client("ssm").describe_parameters()["Parameters"] == [] and project.answers() == {}


def test_nothing_given_is_said_with_the_way_to_give_it(project):
    assert "OPENROUTER_KEY_FILE=file GOOGLE_CREDENTIALS_FILE=file" in project.refuse("store_secrets.py")


def test_bk_gets_the_table_and_credentials_of_a_profile(project, account):
    project.succeed("deploy.py")
    (project.folder / ".aws").mkdir()
    project.file(
        ".aws/credentials", "[work]\naws_access_key_id = of-profile\naws_secret_access_key = secret\naws_session_token = token\n"
    )
    bk = project.program(
        "bk", '#!/bin/sh\necho "$TABLE_NAME $AWS_REGION $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN $*"\n'
    )
    without = {"AWS_REGION": None, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    printed = project.succeed("bk.py", "keys", "list", BK=bk, AWS_PROFILE="work", **without)
    assert printed == f"{account.table()} eu-central-1 of-profile secret token keys list\n"


def test_bk_works_on_another_table_if_one_is_named(project):
    project.succeed("deploy.py")
    bk = project.program("bk", '#!/bin/sh\necho "$TABLE_NAME"\n')
    assert project.succeed("bk.py", BK=bk, TABLE_NAME="restored") == "restored\n"


def test_bk_without_a_deployment_says_what_to_do(project):
    assert "run `make outputs`" in project.refuse("bk.py", "keys", "list")


def exists(account, table):
    """Whether a table is there."""
    return table in account.client("dynamodb").list_tables()["TableNames"]


def test_destroy_asks_for_the_name_and_does_nothing_without_it(project, account):
    project.succeed("deploy.py")
    for variables in ({}, {"CONFIRM": "yes"}, {"CONFIRM": "llm-gateway", "TABLE": "1"}):
        assert project.refuse("stack.py", "destroy", **variables).startswith("nothing was deleted. To go on without a terminal:")
    assert account.stack()["StackStatus"] == "CREATE_COMPLETE"


def test_destroy_deletes_the_stack_and_says_how_to_use_its_table_again(project, account):
    project.succeed("deploy.py")
    table = account.table()
    printed = project.succeed("stack.py", "destroy", CONFIRM="llm-gateway")
    assert f"make deploy PARAMETERS=ExistingTable={table}" in printed
    assert "there is no stack llm-gateway in eu-central-1: run `make deploy`" in project.refuse("stack.py", "outputs")


def test_destroy_with_the_table_deletes_a_protected_table_too(project, account):
    project.succeed("deploy.py")
    # The mock deletes the stack's own table with it, as if it were not retained.
    tables = account.client("dynamodb")
    tables.create_table(
        TableName="kept",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        DeletionProtectionEnabled=True,
    )
    template = project.folder / "template.yaml"
    template.write_text(template.read_text().replace("TableName: {Value: !Ref Table}", "TableName: {Value: kept}"))
    project.succeed("deploy.py")
    printed = project.succeed("stack.py", "destroy", TABLE="1", CONFIRM="kept")
    assert printed.endswith("deleted the table kept\n") and not exists(account, "kept")


def test_doctor_prints_the_account_and_whether_the_named_secrets_are_there(project):
    project.succeed("store_secrets.py", OPENROUTER_KEY_FILE=project.file("key", "sk-or-canary"))
    lines = project.succeed("doctor_account.py").splitlines()
    assert "ok       AWS credentials          account 123456789012, region eu-central-1" in lines
    assert "ok       /llm-gateway/openrouter  stored" in lines


@pytest.mark.parametrize(
    ("chosen", "line", "advice"),
    [
        ("", "CloudFront, before public function URLs", True),
        ('WithEdge = "false"\n', "none: a public URL for each function", True),
        ('WithEdge = "api"\n', "API Gateway, without public function URLs", False),
    ],
)
def test_doctor_says_what_stands_before_the_functions_and_how_to_have_no_public_url(project, chosen, line, advice):
    file = project.folder / "samconfig.toml"
    file.write_text(file.read_text() + chosen)
    printed = project.succeed("doctor_account.py")
    assert line in printed and ("policy objects to public URLs: WithEdge=api" in printed) == advice


def test_doctor_says_how_to_get_credentials_and_does_not_fail(project):
    without = {"AWS_REGION": None, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    assert "missing  AWS credentials          for make deploy: no region: export AWS_REGION" in project.succeed(
        "doctor_account.py", **without
    )


def test_doctor_names_an_unknown_profile_in_one_line(project):
    without = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    printed = project.succeed("doctor_account.py", AWS_PROFILE="anyones", **without)
    assert printed.splitlines() == [
        "missing  AWS credentials          for make deploy: The config profile (anyones) could not be found"
    ]
