"""Prints a CycloneDX bill of materials (specification 1.6) of the functions, from cargo's metadata."""

import json
import subprocess

FUNCTIONS = {"chat-completions", "messages", "responses", "count-tokens", "models", "usage", "dashboard", "health", "reconcile"}


def metadata():
    """The packages of Cargo.lock and their dependencies, for the default build."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def built(nodes):
    """The ids of all packages in the functions, without those that only tests or build scripts need."""
    waiting = [node for node in nodes.values() if is_function(node["id"])]
    found = set()
    while waiting:
        node = waiting.pop()
        if node["id"] not in found:
            found.add(node["id"])
            normal = (link["pkg"] for link in node["deps"] if any(kind["kind"] is None for kind in link["dep_kinds"]))
            waiting.extend(nodes[link] for link in normal)
    return found


def is_function(package):
    """Whether a package's id is a function's: a folder of that name."""
    return package.split("#")[0].rstrip("/").split("/")[-1] in FUNCTIONS


def component(package):
    """A package as a component."""
    name, version = package["name"], package["version"]
    entry = {"type": "library", "name": name, "version": version}
    if package["source"]:
        entry["purl"] = f"pkg:cargo/{name}@{version}"
    if package["license"]:
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    return entry


def main():
    """Prints the document. The same sources give the same document."""
    read = metadata()
    ids = built({node["id"]: node for node in read["resolve"]["nodes"]})
    packages = sorted((package for package in read["packages"] if package["id"] in ids), key=lambda p: (p["name"], p["version"]))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [component(package) for package in packages],
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
