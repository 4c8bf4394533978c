#!/usr/bin/env python3
"""Takes the ONNX Runtime library out of its pinned PyPI wheel, checking both hashes.

The Rust crate `ort` loads it at run time. Its own download host is no package registry, the wheel's is.
Usage: onnxruntime.py FOLDER [MACHINE]   (leaves FOLDER/libonnxruntime.so and its licence and notices, which travel with every
copy of it; does nothing when they are there; MACHINE is this one unless named: x86_64 or aarch64)
"""

import hashlib
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "1.31.1"
MEMBER = f"onnxruntime/capi/libonnxruntime.so.{VERSION}"
NOTICES = ("LICENSE", "ThirdPartyNotices.txt")
# machine: (platform tag, sha256 of the wheel for CPython 3.12, sha256 of the library in it)
PINNED = {
    "x86_64": (
        "manylinux_2_28_x86_64",
        "1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536",
        "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    ),
    "aarch64": (
        "manylinux_2_28_aarch64",
        "0b9a492176886992e0e875f06bc0367e333f5fff11711a2d642e18b02f3009cc",
        "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
    ),
}


def sha256(data: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(data).hexdigest()


def fail(message: str) -> None:
    """Ends with one line."""
    sys.exit(f"setup: ONNX Runtime: {message}")


def fetch(tag: str, wheel_sha256: str) -> bytes:
    """The wheel's bytes, from whatever index pip is set up with."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--platform", tag, "--python-version", "3.12", "--dest", folder, f"onnxruntime=={VERSION}"]
        got = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if got.returncode != 0 or len(wheels) != 1:
            reason = (got.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            fail(f"pip could not fetch onnxruntime {VERSION} for {tag}: {reason}")
        data = wheels[0].read_bytes()
    if sha256(data) != wheel_sha256:
        fail(f"the wheel has sha256 {sha256(data)}, expected {wheel_sha256}: not the pinned file, nothing was installed")
    return data


def main() -> None:
    """Entry point."""
    if len(sys.argv) not in (2, 3):
        fail("usage: onnxruntime.py FOLDER [MACHINE]")
    machine = sys.argv[2] if len(sys.argv) == 3 else platform.machine()
    if machine not in PINNED:
        fail(f"there is no library for {machine}, only for {', '.join(PINNED)}")
    tag, wheel_sha256, library_sha256 = PINNED[machine]
    library = Path(sys.argv[1]) / "libonnxruntime.so"
    notices = [library.with_name(name) for name in NOTICES]
    if all(file.is_file() for file in [library, *notices]) and sha256(library.read_bytes()) == library_sha256:
        return
    print(f"setup: ONNX Runtime {VERSION}: runs the network; the library out of the PyPI wheel for {tag}")
    wheel = fetch(tag, wheel_sha256)
    with tempfile.NamedTemporaryFile() as file:
        file.write(wheel)
        file.flush()
        with zipfile.ZipFile(file.name) as archive:
            data = archive.read(MEMBER)
            words = [archive.read(f"onnxruntime/{name}") for name in NOTICES]
    if sha256(data) != library_sha256:
        fail(f"the library has sha256 {sha256(data)}, expected {library_sha256}: nothing was installed")
    library.parent.mkdir(parents=True, exist_ok=True)
    for file, text in zip(notices, words):
        file.write_bytes(text)
    # Renamed into place: an interrupted run leaves no half a library.
    partial = library.with_suffix(".partial")
    partial.write_bytes(data)
    partial.rename(library)


main()
