"""The part of `make doctor` that asks AWS: runs in the SAM CLI's environment, which has the SDK."""

import settings
import stack
from botocore.exceptions import BotoCoreError, ClientError
from doctor import Report

PURPOSE = "for make deploy"


def quota(report, current):
    """One stream is one environment for its whole length, so the quota is the number of streams at once."""
    limits = stack.concurrency(current)
    most = limits["ConcurrentExecutions"]
    report.line("streams at once", f"{most} ({limits['UnreservedConcurrentExecutions']} unreserved)", PURPOSE, "")
    if most < 1000:
        print(f"{'':8} {'':24} ask for more: Service Quotas, AWS Lambda, Concurrent executions")


def stored_secrets(report, current):
    """Whether the parameters that the answers name are there; their values are not read."""
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
    """What the answers put before the functions. Public URLs are what an organisation may forbid."""
    chosen = settings.saved_parameters().get("WithEdge", "true")
    report.line("front", FRONTS.get(chosen), PURPOSE, f"WithEdge is one of {', '.join(FRONTS)}")
    if chosen != "api":
        print(f"{'':8} {'':24} where Security Hub or a service control policy objects to public URLs: WithEdge=api")


def identity(report, current):
    """Whose credentials these are."""
    found = f"account {stack.account(current)}, region {current.region_name}"
    report.line("AWS credentials", found, PURPOSE, "")


def main():
    """Prints the checks of the account. One that AWS refuses does not hide the others."""
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
