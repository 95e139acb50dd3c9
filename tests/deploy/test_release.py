"""`make release`: what it refuses, what it packs, and the tag."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ENTRY = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-11-27\n\n- First.\n\n## [0.0.1] - 2026-11-22\n\n- Older.\n"


class Repository:
    """A folder under git with the files that a release reads."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tools").mkdir()
        (folder / "tools/sbom.py").write_text("print('{}')\n")
        (folder / "Cargo.toml").write_text('[workspace.package]\nversion = "0.1.0"\n')
        (folder / "CHANGELOG.md").write_text(ENTRY)
        (folder / ".gitignore").write_text("/dist\n/binaries\n")
        self.git("init", "--quiet")
        self.commit()

    def git(self, *arguments):
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        done = subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change")

    def release(self, *arguments):
        environment = {"GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@example.com", "PATH": "/usr/bin:/bin"}
        command = [sys.executable, PROJECT / "tools/release.py", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=environment)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


@pytest.mark.parametrize(
    ("version", "files", "words"),
    [
        ("", {}, "Give the version: make release VERSION=0.1.0"),
        ("v0.1.0", {}, "Give the version"),
        ("0.2.0", {}, "Cargo.toml has version 0.1.0: set it to 0.2.0"),
        ("0.1.0", {"CHANGELOG.md": "## [Unreleased]\n"}, "CHANGELOG.md has no entry for 0.1.0"),
        ("0.1.0", {"CHANGELOG.md": "## [0.1.0] - 2026-11-27\n\n## [0.0.1] - 2026-11-22\n"}, "is empty"),
    ],
)
def test_a_release_that_cannot_be_made_is_refused_with_the_next_step(repository, version, files, words):
    for name, text in files.items():
        (repository.folder / name).write_text(text)
    repository.commit()
    refused = repository.release("check", version)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert words in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_changes_that_are_not_committed_and_an_existing_tag_are_refused(repository):
    assert repository.release("check", "0.1.0").returncode == 0
    (repository.folder / "new").write_text("")
    assert "commit or stash" in repository.release("check", "0.1.0").stderr
    repository.commit()
    assert repository.release("tag", "0.1.0").returncode == 0
    assert "The tag v0.1.0 exists" in repository.release("check", "0.1.0").stderr


def test_the_tag_carries_the_notes_of_its_version_alone(repository):
    printed = repository.release("tag", "0.1.0").stdout
    assert "git push origin v0.1.0" in printed
    assert repository.git("tag", "--list", "--format=%(contents)", "v0.1.0").strip() == "Release 0.1.0\n\n- First."


def test_archives_are_reproducible_and_every_file_has_its_checksum(repository):
    binaries = repository.folder / "binaries"
    binaries.mkdir()
    (binaries / "health").write_bytes(b"\x7fELF")
    sums = []
    for _ in range(2):
        assert repository.release("pack", "0.1.0", binaries, "health").returncode == 0
        sums.append((repository.folder / "dist/0.1.0/SHA256SUMS").read_text())
    assert sums[0] == sums[1]
    files = dict(reversed(line.split("  ")) for line in sums[0].splitlines())
    assert {name.split("-")[0] for name in files} == {"NOTES.md", "health", "sbom.cdx.json"}
    for name, digest in files.items():
        assert hashlib.sha256((repository.folder / "dist/0.1.0" / name).read_bytes()).hexdigest() == digest
    (zipped,) = (repository.folder / "dist/0.1.0").glob("health-*.zip")
    with zipfile.ZipFile(zipped) as archive:
        assert archive.read("bootstrap") == b"\x7fELF"
        assert archive.getinfo("bootstrap").external_attr >> 16 == 0o755
    assert json.loads((repository.folder / "dist/0.1.0/sbom.cdx.json").read_text()) == {}
