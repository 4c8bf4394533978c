#!/usr/bin/env python3
"""Says what is inside a package: an SBOM (CycloneDX) and the licences of everything that is not this project's own.

Usage: inventory.py MACHINE FOLDER   (needs FOLDER/libonnxruntime.so and FOLDER/bundle; leaves FOLDER/bunri.cdx.json and
FOLDER/licences.txt)

cargo-cyclonedx lists the crates that cargo links; this adds what cargo knows nothing of: ONNX Runtime, the model, and the SQLite that
a crate carries within. Licence texts come out of the crates' own archives.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

NAMES = re.compile(r"(?i)^(un)?licen[cs]e|^copying|^notice|^copyright")
CYCLONEDX = [".cache/tools/bin/cargo-cyclonedx", "cyclonedx"]


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def crates(triple: str) -> list[dict]:
    """Every crate that the program is linked from, as cargo describes it."""
    out = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={triple}"],
        check=True, capture_output=True, text=True,
    )
    metadata = json.loads(out.stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(id_ for id_, package in packages.items() if package["name"] == "bunri")
    found, waiting = {root}, [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            # Neither what only tests nor what only builds need is in the program.
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return sorted((packages[id_] for id_ in found - {root}), key=lambda package: (package["name"], package["version"]))


def texts(package: dict) -> list[str]:
    """The licence files of a crate; some keep them in a folder."""
    folder = Path(package["manifest_path"]).parent
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and NAMES.match(path.name)]
    for inner in sorted(folder.iterdir()):
        if inner.is_dir() and NAMES.match(inner.name):
            files += sorted(path for path in inner.iterdir() if path.is_file())
    return [path.read_text(errors="replace").strip() for path in files]


def licences(packages: list[dict], runtime: Path) -> str:
    """One text: who is inside under which licence, then each licence's words once, with whom they belong to."""
    rows, bare, words = [], [], {}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        own = texts(package)
        rows.append(f"{name:<44} {package['license'] or 'see its text'}")
        for text in own:
            words.setdefault(text, []).append(name)
        if not own:
            bare.append(f"{name}: {package['license']}; {', '.join(package['authors']) or 'its authors are not named'}")
    for file in ("LICENSE", "ThirdPartyNotices.txt"):
        words[(runtime / file).read_text(errors="replace").strip()] = [f"ONNX Runtime ({file})"]
    parts = ["What is inside bunri that is not its own, each with its licence.\n", *rows]
    parts.append("ONNX Runtime (libonnxruntime.so), MIT, with the notices at the end of this file")
    parts.append("SQLite (within libsqlite3-sys), public domain")
    parts.append("The model bundle: /usr/share/bunri/bundle/MODEL_CARD.md, Licences")
    if bare:
        parts.append("\nThese carry no licence file; they are under the named licences, whose words stand below:\n")
        parts += bare
    for text, names in words.items():
        parts.append(f"\n{'=' * 100}\n{', '.join(names)}\n{'-' * 100}\n{text}")
    return "\n".join(parts) + "\n"


def sqlite_version(packages: list[dict]) -> str:
    """Of the SQLite inside libsqlite3-sys."""
    crate = next(package for package in packages if package["name"] == "libsqlite3-sys")
    header = (Path(crate["manifest_path"]).parent / "sqlite3/sqlite3.h").read_text()
    return re.search(r'#define SQLITE_VERSION\s+"([^"]+)"', header)[1]


def bill(triple: str, packages: list[dict], folder: Path) -> dict:
    """The SBOM: cargo's part, and what is beside it."""
    name = "bunri-inventory"
    made = [Path(f"{name}.json"), Path(f"hub/{name}.json")]
    options = ["--format=json", "--spec-version=1.5", "--no-build-deps", "--quiet", f"--target={triple}"]
    try:
        subprocess.run([*CYCLONEDX, *options, f"--override-filename={name}"], check=True)
        text = made[0].read_text()
    finally:
        for file in made:
            file.unlink(missing_ok=True)
    # Where it was built is nobody's business, and differs from machine to machine.
    bom = json.loads(text.replace(f"path+file://{Path.cwd()}", "bunri").replace("?download_url=file://.", ""))
    bom.pop("serialNumber", None)
    with (folder / "bundle/manifest.toml").open("rb") as file:
        manifest = tomllib.load(file)
    version = re.search(r'^VERSION = "([^"]+)"', Path("scripts/onnxruntime.py").read_text(), re.M)[1]

    def component(kind, name, version, licence, **more):
        return {
            "type": kind, "bom-ref": f"{name}@{version}", "name": name, "version": version, "scope": "required",
            "licenses": [{"expression": licence}], **more,
        }

    def digest(path):
        return [{"alg": "SHA-256", "content": sha256(path)}]

    added = [
        component("library", "onnxruntime", version, "MIT", purl=f"pkg:pypi/onnxruntime@{version}",
                  hashes=digest(folder / "libonnxruntime.so"), description="libonnxruntime.so of the PyPI wheel"),
        component("library", "sqlite", sqlite_version(packages), "blessing", description="compiled in by libsqlite3-sys"),
        component("machine-learning-model", manifest["name"], manifest["version"], "Apache-2.0 AND MIT AND CC-BY-4.0",
                  hashes=digest(folder / "bundle" / manifest["model"]["file"]),
                  description="the factory's bundle; where its weights and pictures come from: MODEL_CARD.md beside it"),
    ]
    root = bom["metadata"]["component"]["bom-ref"]
    bom["components"] += added
    for entry in bom["dependencies"]:
        if entry["ref"] == root:
            entry["dependsOn"] = entry.get("dependsOn", []) + [part["bom-ref"] for part in added]
    return bom


def main() -> None:
    """Entry point."""
    machine, folder = sys.argv[1], Path(sys.argv[2])
    triple = f"{machine}-unknown-linux-gnu"
    packages = crates(triple)
    (folder / "licences.txt").write_text(licences(packages, folder))
    bom = bill(triple, packages, folder)
    listed = {(part["name"], part["version"]) for part in bom["components"]}
    missing = [package["name"] for package in packages if (package["name"], package["version"]) not in listed]
    if missing:
        sys.exit(f"deb: the SBOM lacks what the program is linked from: {', '.join(missing)}")
    (folder / "bunri.cdx.json").write_text(json.dumps(bom, indent=1) + "\n")


main()
