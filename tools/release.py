"""`make release VERSION=x.y.z`: checks that a release can be made, packs its files, and tags it. Pushes nothing.

tools/release.py check VERSION
tools/release.py pack VERSION BINARIES FUNCTION...
tools/release.py tag VERSION
"""

import hashlib
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

CHANGELOG = Path("CHANGELOG.md")
# The same sources make the same archive.
EPOCH = (1980, 1, 1, 0, 0, 0)


class Refused(Exception):
    """The release cannot be made; the message says what to do."""


def git(*arguments):
    """What a git command prints."""
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def notes(version, changelog):
    """The entry of a version in the changelog."""
    heading = re.compile(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", re.MULTILINE)
    found = heading.search(changelog)
    if not found:
        raise Refused(f"{CHANGELOG} has no entry for {version}: rename `## [Unreleased]` to `## [{version}] - YYYY-MM-DD`.")
    text = changelog[found.end() :].split("\n## ", 1)[0].strip()
    if not text:
        raise Refused(f"The entry for {version} in {CHANGELOG} is empty: describe the changes.")
    return text


def check(version):
    """Refuses a version that is not the workspace's, has no changelog entry or is tagged, and a work tree with changes."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise Refused("Give the version: make release VERSION=0.1.0")
    workspace = re.search(r'^version = "(.+)"$', Path("Cargo.toml").read_text(), re.MULTILINE).group(1)
    if workspace != version:
        raise Refused(f"Cargo.toml has version {workspace}: set it to {version}, run `cargo check`, and commit.")
    notes(version, CHANGELOG.read_text())
    if git("status", "--porcelain"):
        raise Refused("The work tree has changes: commit or stash them.")
    if git("tag", "--list", f"v{version}"):
        raise Refused(f"The tag v{version} exists: choose the next version.")


def archive(binary, target):
    """Writes a binary as Lambda requires it: a zip that contains `bootstrap`."""
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(target, "w") as file:
        file.writestr(entry, binary.read_bytes())


def pack(version, binaries, *functions):
    """Writes archives, bill of materials, notes and checksums to dist/VERSION."""
    folder = Path("dist") / version
    folder.mkdir(parents=True, exist_ok=True)
    for function in functions:
        archive(Path(binaries) / function, folder / f"{function}-{platform.machine()}.zip")
    sbom = subprocess.run([sys.executable, "tools/sbom.py"], check=True, capture_output=True, text=True).stdout
    (folder / "sbom.cdx.json").write_text(sbom)
    (folder / "NOTES.md").write_text(notes(version, CHANGELOG.read_text()) + "\n")
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))
    print(f"wrote {len(files)} files and SHA256SUMS to {folder}")


def tag(version):
    """Makes an annotated tag with the notes."""
    text = notes(version, CHANGELOG.read_text())
    git("tag", "--annotate", f"v{version}", "--cleanup=verbatim", "--message", f"Release {version}\n\n{text}")
    print(f"tagged v{version}. Next: git push origin v{version}, then attach dist/{version}/* to the release")


def main():
    """Runs a step. A refusal is one line on standard error."""
    steps = {"check": check, "pack": pack, "tag": tag}
    name, *arguments = sys.argv[1:] or [""]
    if name not in steps or not arguments:
        sys.exit(__doc__)
    try:
        steps[name](*arguments)
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
