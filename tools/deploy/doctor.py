"""`make doctor`: shows which tools are installed, which are missing, and how to install them. Needs only Python."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"


def output(*command):
    """The output of a command, or None if it cannot run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


class Report:
    """Prints a line per check and records whether something necessary is missing."""

    def __init__(self):
        self.complete = True

    def line(self, name, found, purpose, advice):
        """`found` is a description, or None if it is missing. `purpose` says what needs it."""
        needed = purpose == "needed"
        self.complete &= found is not None or not needed
        mark = "ok" if found is not None else ("MISSING" if needed else "missing")
        print(f"{mark:8} {name:24} {found if found is not None else f'{purpose}: {advice}'}")


def version(text):
    """The first version number in a text."""
    match = re.search(r"\d+(\.\d+)+", text or "")
    return match.group() if match else None


def development(report):
    """Checks the tools for `make dev` and `make test`."""
    wanted = re.search(r'channel = "([^"]+)"', (ROOT / "rust-toolchain.toml").read_text()).group(1)
    advice = f"install Rust {wanted}: https://rustup.rs"
    report.line("rustc", version(output("rustc", "--version")), "needed", advice)
    report.line("cargo", version(output("cargo", "--version")), "needed", advice)
    report.line("make", version(output("make", "--version")), "needed", "install GNU make by your system's package manager")
    recent = sys.version_info >= (3, 10)
    report.line("python3", sys.version.split()[0] if recent else None, "needed", "install Python 3.10 or newer")
    venv = "yes" if output(sys.executable, "-c", "import venv, ensurepip; print(1)") else None
    report.line("python3 venv", venv, "needed", "install python3-venv by your system's package manager")
    nextest = version(output("cargo", "nextest", "--version"))
    report.line("cargo-nextest", nextest, "optional", "faster tests: https://nexte.st")


def deployment(report):
    """Checks the tools for `make deploy`. make installs most of them into .tools on first use."""
    by_make = "made by `make tools`"
    for name, path in (("sam", "sam/bin/sam"), ("cargo-lambda", "lambda/bin/cargo-lambda"), ("zig", "lambda/bin/python-zig")):
        report.line(name, "in .tools" if (TOOLS / path).exists() else None, "for make deploy", by_make)
    sysroot = output("rustc", "--print", "sysroot")
    arm = sysroot and (Path(sysroot) / "lib/rustlib/aarch64-unknown-linux-gnu").exists()
    advice = "rustup target add aarch64-unknown-linux-gnu, or build with ARCH=x86_64"
    report.line("arm64 standard library", "yes" if arm else None, "for make deploy", advice)
    docker = version(output("docker", "info", "--format", "{{.ServerVersion}}"))
    report.line("docker", docker, "optional", "only make sam-invoke and make sam-api use it: https://docs.docker.com/get-docker")


def account(report):
    """Checks credentials, region, the quota that limits streams, and the secrets that samconfig.toml names."""
    python = TOOLS / "sam/bin/python"
    if not python.exists():
        return report.line("AWS account", None, "for make deploy", "checked once `make tools` has installed the SAM CLI")
    sys.stdout.flush()
    subprocess.run([python, Path(__file__).with_name("doctor_account.py")])
    return None


def main():
    """Prints every check. Fails if a tool is missing that every command needs."""
    report = Report()
    development(report)
    deployment(report)
    account(report)
    sys.exit(0 if report.complete else 1)


if __name__ == "__main__":
    main()
