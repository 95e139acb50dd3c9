"""The part of `make doctor` that calls AWS. It runs in the SAM CLI's environment, which has the SDK."""

import settings
import stack
from botocore.exceptions import BotoCoreError, ClientError
from doctor import Report

PURPOSE = "for make deploy"


def quota(report, current):
    """Checks the quota. Each stream needs one environment, so the quota is the maximum number of concurrent streams."""
    limits = stack.concurrency(current)
    most = limits["ConcurrentExecutions"]
    report.line("streams at once", f"{most} ({limits['UnreservedConcurrentExecutions']} unreserved)", PURPOSE, "")
    if most < 1000:
        print(f"{'':8} {'':24} ask for more: Service Quotas, AWS Lambda, Concurrent executions")


def stored_secrets(report, current):
    """Checks that the parameters that samconfig.toml names exist. Does not read their values."""
    saved = settings.saved_parameters()
    names = [saved[name] for name in ("OpenRouterApiKeyParameter", "GoogleCredentialsParameter") if saved.get(name)]
    if not names:
        return report.line("provider credentials", None, PURPOSE, "make secrets")
    found = current.client("ssm").describe_parameters(ParameterFilters=[{"Key": "Name", "Values": names}])["Parameters"]
    there = {parameter["Name"] for parameter in found}
    for name in names:
        report.line(name, "stored" if name in there else None, PURPOSE, "make secrets")
    return None


FRONTS = {
    "true": "CloudFront, before public function URLs",
    "api": "API Gateway, without public function URLs",
    "false": "none: a public URL for each function",
}


def front(report, _):
    """Checks the front that samconfig.toml selects. An organisation may forbid public URLs."""
    chosen = settings.saved_parameters().get("WithEdge", "true")
    report.line("front", FRONTS.get(chosen), PURPOSE, f"WithEdge is one of {', '.join(FRONTS)}")
    if chosen != "api":
        print(f"{'':8} {'':24} where Security Hub or a service control policy objects to public URLs: WithEdge=api")


def identity(report, current):
    """Checks whose credentials these are."""
    found = f"account {stack.account(current)}, region {current.region_name}"
    report.line("AWS credentials", found, PURPOSE, "")


def main():
    """Prints the checks of the account. If AWS rejects one, the others are still printed."""
    report = Report()
    try:
        current = stack.session()
    except (BotoCoreError, settings.WrongUsage) as error:
        return report.line("AWS credentials", None, PURPOSE, str(error))
    checks = (
        ("AWS credentials", identity),
        ("streams at once", quota),
        ("front", front),
        ("provider credentials", stored_secrets),
    )
    for name, check in checks:
        try:
            check(report, current)
        except (BotoCoreError, ClientError) as error:
            report.line(name, None, PURPOSE, f"AWS says: {' '.join(str(error).split())[:200]}")
    return None


if __name__ == "__main__":
    main()
