"""A process beside Blender's that denoises renders and draws prints.

Intel's denoiser brings its own TBB and Pillow's text its own FreeType; inside Blender's process both clash with
Blender's copies and crash. So Blender starts this script with the virtual environment's Python and speaks over its
pipes. Requests: `D` (or `F`: quick and rougher), width, height, then colour, albedo and normal as float32 RGB; the answer is one such
picture. Or `P`, the print's kind (16 bytes, padded), a seed; the answer is width, height and uint8 RGB. Integers
are little-endian: uint32 for sizes, uint64 for the seed. Ends when its input ends. Never imports bpy.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np


def _serve() -> None:
    import pyoidn

    import prints_draw

    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while command := source.read(1):
        if command in b"DF":
            width, height = struct.unpack("<II", source.read(8))
            size = width * height * 3
            colour, albedo, normal = (np.frombuffer(source.read(size * 4), dtype=np.float32).reshape(height, width, 3).copy() for _ in range(3))
            clean = pyoidn.denoise(colour, albedo=albedo, normal=normal, hdr=True, quality="fast" if command == b"F" else "high")
            sink.write(np.ascontiguousarray(clean, dtype=np.float32).tobytes())
        else:
            kind, seed = source.read(16).decode().strip(), struct.unpack("<Q", source.read(8))[0]
            pixels = np.ascontiguousarray(getattr(prints_draw, kind)(np.random.default_rng(seed)), dtype=np.uint8)
            sink.write(struct.pack("<II", pixels.shape[1], pixels.shape[0]) + pixels.tobytes())
        sink.flush()


class Helper:
    """The other end: starts the process when first used."""

    def __init__(self, python: Path):
        self._python = python
        self._child: subprocess.Popen[bytes] | None = None

    def _send(self, *parts: bytes) -> None:
        if self._child is None:
            self._child = subprocess.Popen([str(self._python), str(Path(__file__).resolve())], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE)
        assert self._child.stdin is not None
        for part in parts:
            self._child.stdin.write(part)
        self._child.stdin.flush()

    def _receive(self, size: int) -> bytes:
        assert self._child is not None and self._child.stdout is not None
        answer = self._child.stdout.read(size)
        if len(answer) != size:
            raise RuntimeError(f"helper process ended early (exit {self._child.poll()}); are numpy, pillow and pyoidn installed for {self._python}?")
        return answer

    def denoise(self, colour: np.ndarray, albedo: np.ndarray, normal: np.ndarray, fast: bool = False) -> np.ndarray:
        """Denoises linear light, (height, width, 3) float32; raises `RuntimeError` if the process died."""
        height, width = colour.shape[:2]
        planes = (np.ascontiguousarray(p, dtype=np.float32).tobytes() for p in (colour, albedo, normal))
        self._send(b"F" if fast else b"D", struct.pack("<II", width, height), *planes)
        return np.frombuffer(self._receive(height * width * 12), dtype=np.float32).reshape(height, width, 3).copy()

    def draw(self, kind: str, seed: int) -> np.ndarray:
        """A print of `prints_draw`, (height, width, 3) uint8; raises `RuntimeError` if the process died."""
        self._send(b"P", kind.ljust(16).encode(), struct.pack("<Q", seed))
        width, height = struct.unpack("<II", self._receive(8))
        return np.frombuffer(self._receive(width * height * 3), dtype=np.uint8).reshape(height, width, 3)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    _serve()
