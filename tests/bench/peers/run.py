"""Measures this gateway and others with the same simulated providers, and prints a table in Markdown.

    python3 tests/bench/peers/run.py --program target/debug/gateway-dev --binaries target/release --tools .tools/peers

Every gateway gets the same requests of 2 kB, one after another on one connection: replies of 20 words as JSON, and streams of
200 words. What counts is the processor time of its processes.
"""

import argparse
import datetime
import http.client
import json
import statistics
import sys
import time
from pathlib import Path

import processes
from gateways import FORWARDED, PEERS, TRANSLATED, Upstream
from own import Own, Stack
from relay import Relay

# Number of events of a JSON reply and of a stream.
REPLY, STREAM = 20, 200
# A just-in-time compiler makes the first hundreds of requests dearer than the later ones.
WARM_UP = 200
# The requests of a case are sent in so many parts by turns, so that other load on the machine affects all cases alike.
ROUNDS = 4
FORMS = (FORWARDED, TRANSLATED)
CASES = [(form, stream) for form in FORMS for stream in (False, True)]
NOT_POSSIBLE = "not possible"


def send(connection, gateway, form, stream):
    """Sends one request and reads the whole answer."""
    path, model, headers = gateway.target(form)
    text = f"{'word ' * 360} [[sim:long words={STREAM if stream else REPLY} bytes=5 pace=0]]"
    body = {"model": model, "stream": stream, "max_tokens": 1000, "messages": [{"role": "user", "content": text}]}
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json", **headers})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200 or (stream and answer.count(b"data:") < STREAM):
        raise OSError(f"{gateway.name}, {form}: {response.status} {answer[:500].decode(errors='replace')}")


def settled(gateway):
    """The processor time so far, when the work after the last answer is done."""
    time.sleep(0.05)
    return processes.processor(gateway.pids())


def part_of(gateway, case, requests):
    """The processor time of some requests on one connection."""
    before = settled(gateway)
    connection = http.client.HTTPConnection(gateway.address, timeout=60)
    for _ in range(requests):
        send(connection, gateway, *case)
    connection.close()
    return settled(gateway) - before


def measure(gateway, requests):
    """The mean processor time of a request of each case, in seconds. A case that fails is not in it."""
    used, failed = dict.fromkeys(CASES, 0.0), set()
    part = max(1, requests // ROUNDS)
    for turn in range(ROUNDS + 1):
        for case in CASES:
            try:
                if case not in failed:
                    seconds = part_of(gateway, case, part if turn else WARM_UP)
                    used[case] += seconds if turn else 0
            except (OSError, http.client.HTTPException) as error:
                print(f"failed: {error}", file=sys.stderr)
                failed.add(case)
    return {case: seconds / (ROUNDS * part) for case, seconds in used.items() if case not in failed}


def column(gateway, ready, used, peak):
    """The cells of a gateway, by row."""
    whole = {form: used.get((form, False)) for form in FORMS}
    streams = {form: used.get((form, True)) for form in FORMS}
    event = {form: (streams[form] - whole[form]) / (STREAM - REPLY) for form in FORMS if streams[form] and whole[form]}
    return {
        "CPU per JSON request, " + " / ".join(FORMS): pair(whole, 1e3, ".2f", "ms"),
        "CPU per streamed event, " + " / ".join(FORMS): pair(event, 1e6, ".1f", "µs"),
        "peak resident memory": f"{peak / 1e6:.1f} MB",
        "spawn to ready": f"{ready:.1f} s" if ready >= 1 else f"{ready * 1e3:.1f} ms",
    }


def pair(seconds, factor, digits, unit):
    """The figures of a forwarded and a translated request."""
    shown = [f"{seconds[form] * factor:{digits}} {unit}" if seconds.get(form) else NOT_POSSIBLE for form in FORMS]
    return " / ".join(shown).replace(f" {unit} / ", " / ")


def table(columns):
    """The cells of all gateways in Markdown."""
    rows = list(next(iter(columns.values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    lines += ["| " + " | ".join([row, *(cells[row] for cells in columns.values())]) + " |" for row in rows]
    return "\n".join(lines)


def measured(gateway, requests):
    """The column of a gateway. Another gateway is started several times, and measured the last time."""
    try:
        starts = []
        for _ in range(gateway.starts):
            gateway.stop()
            starts.append(gateway.start())
        used = measure(gateway, requests)
        return column(gateway, statistics.median(starts), used, gateway.peak())
    finally:
        gateway.stop()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="gateway-dev")
    parser.add_argument("--binaries", type=Path, required=True, help="folder of the functions' release builds")
    parser.add_argument("--tools", type=Path, required=True, help="folder of the installed gateways")
    parser.add_argument("--requests", type=int, default=200, help="requests of each case")
    return parser.parse_args()


def all_columns(stack, options):
    """The columns of this gateway and of every installed one, by name and version."""
    own = Own(stack)
    relay = Relay(stack.simulator, stack.account())
    upstream = Upstream(f"{stack.simulator}/api/v1", f"{relay.origin}/v1", stack.openrouter_key)
    installed = [peer for peer in PEERS if (options.tools / peer.package / "installed").exists()]
    columns = {}
    for gateway in [own, *(peer(options.tools, upstream) for peer in installed)]:
        print(f"measuring {gateway.name} ...", file=sys.stderr)
        try:
            columns[f"{gateway.name} {gateway.version()}".strip()] = measured(gateway, options.requests)
        except OSError as error:
            print(f"left out: {error}", file=sys.stderr)
    relay.close()
    return columns


def main():
    options = arguments()
    stack = Stack(options.program, options.binaries)
    try:
        columns = all_columns(stack, options)
    finally:
        stack.stop()
    print(f"{processes.machine()}, {datetime.date.today()}, {options.requests} requests of each kind.\n\n{table(columns)}\n")
    if any(NOT_POSSIBLE in cell for cells in columns.values() for cell in cells.values()):
        print(f"{NOT_POSSIBLE}: the gateway failed or has no setting for the simulator's address; its error is above.")


if __name__ == "__main__":
    main()
