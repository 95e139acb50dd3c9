"""Prints the cost tables of tools/deploy/README.md from the list prices and request sizes in cost.json.

Arithmetic is decimal: the tables must come out the same everywhere.
"""

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

DATA = json.loads((Path(__file__).parent / "cost.json").read_text(), parse_float=Decimal)
PRICES = {name: Decimal(price) for name, price in DATA["prices"].items()}
REQUEST = DATA["a_request"]
MILLION = 1_000_000
SECONDS = (10, 30)


def gigabytes(size):
    """A million times this many bytes, in GB."""
    return Decimal(size) * MILLION / 1_000_000_000


def memory(megabytes, seconds):
    """The cost of a million streams of this length with this memory, and of their requests."""
    gb_seconds = Decimal(megabytes) / 1024 * seconds * MILLION
    return gb_seconds * PRICES["lambda_gb_second"] + PRICES["lambda_million_requests"]


def units(in_flight):
    """The cost of the table's units with this many concurrent requests of a key."""
    reads = Decimal(REQUEST["read_units"]) * PRICES["dynamodb_million_read_units"]
    return REQUEST["write_units"][in_flight] * PRICES["dynamodb_million_write_units"] + reads


def storage():
    """The cost of a million records per month, for the months that they are kept, with point-in-time recovery."""
    months = Decimal(REQUEST["days_stored"]) / 30
    price = PRICES["dynamodb_gb_month"] + PRICES["dynamodb_recovery_gb_month"]
    return gigabytes(REQUEST["stored_bytes"]) * months * price


def streamed(seconds):
    """The bytes of streams of this length, in GB."""
    return gigabytes(REQUEST["streamed_bytes_a_second"] * seconds)


def cloudfront():
    """The cost of CloudFront: its requests, the replies to clients, and the requests to the functions."""
    sent = gigabytes(REQUEST["body_bytes"]) * PRICES["cloudfront_gb_to_origin"]
    return [
        ("CloudFront: requests", [PRICES["cloudfront_million_requests"]] * 2),
        ("CloudFront: replies to clients", [streamed(seconds) * PRICES["cloudfront_gb_out"] for seconds in SECONDS]),
        ("CloudFront: requests to the functions", [sent] * 2),
    ]


def fronts():
    """The lines of the table of fronts. Without CloudFront, replies have the region's price for outgoing data."""
    out = [streamed(seconds) * PRICES["region_gb_out"] for seconds in SECONDS]
    return [
        ("The functions' own URLs (`false`)", out),
        ("CloudFront (`true`)", [sum(amounts) for amounts in zip(*(amounts for _, amounts in cloudfront()), strict=True)]),
        ("API Gateway (`api`)", [PRICES["apigateway_million_requests"] + amount for amount in out]),
    ]


def lines():
    """The lines of the first table: each item, for each stream length."""
    sent = gigabytes(REQUEST["body_bytes"])
    traced = Decimal(REQUEST["traced"]) * PRICES["xray_million_traces"]
    return [
        ("Lambda at 128 MB", [memory(128, seconds) for seconds in SECONDS]),
        ("DynamoDB: six write units and a read", [units("15")] * 2),
        ("DynamoDB: the records, with point-in-time recovery", [storage()] * 2),
        *cloudfront(),
        ("Lambda: requests to the providers", [sent * PRICES["region_gb_out"]] * 2),
        ("Logs", [gigabytes(REQUEST["log_bytes"][str(seconds)]) * PRICES["logs_gb"] for seconds in SECONDS]),
        ("X-Ray, which samples one request in twenty", [traced] * 2),
    ]


def cents(amount):
    """An amount with two decimals."""
    return str(amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def row(name, amounts):
    """A line of a table."""
    return f"| {name} | {' | '.join(cents(amount) for amount in amounts)} |"


def tables():
    """The tables as the page contains them."""
    known = lines()
    total = [sum(amounts[at] for _, amounts in known) for at in range(len(SECONDS))]
    more = [memory(256, seconds) - memory(128, seconds) for seconds in SECONDS]
    first = ["| | 10 s streams | 30 s streams |", "|---|---|---|", *(row(*line) for line in known)]
    first += [row("**Together, at 128 MB**", total), row("Added at 256 MB (the default)", more)]
    second = ["| Requests of one key in flight, up to | Write units, in USD |", "|---|---|"]
    second += [row(in_flight, [units(in_flight)]) for in_flight in REQUEST["write_units"]]
    third = ["| What is in front | 10 s streams | 30 s streams |", "|---|---|---|", *(row(*line) for line in fronts())]
    return "\n".join(first), "\n".join(second), "\n".join(third)


if __name__ == "__main__":
    print("\n\n".join(tables()))
