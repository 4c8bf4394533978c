"""Prints for the items, drawn by the helper process from `prints_draw.py`. Same generator state, same print."""

from __future__ import annotations

import colorsys

import numpy as np

import setup_paths
from helper import Helper

Generator = np.random.Generator
HELPER = Helper(setup_paths.venv_python())


def vivid(rng: Generator, value: tuple[float, float] = (0.35, 0.95), saturation: tuple[float, float] = (0.6, 1.0),
          ) -> tuple[int, int, int]:
    """A strong colour, 0..255 sRGB."""
    c = colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))
    return tuple(int(255 * x) for x in c)


def _draw(kind: str, rng: Generator) -> np.ndarray:
    return HELPER.draw(kind, int(rng.integers(2**62)))


def label(rng: Generator) -> np.ndarray:
    """A bottle's sleeve."""
    return _draw("label", rng)


def can_body(rng: Generator) -> np.ndarray:
    """A can's body."""
    return _draw("can_body", rng)


def carton_sides(rng: Generator) -> np.ndarray:
    """Four sides of a drink carton next to each other."""
    return _draw("carton_sides", rng)


def snack(rng: Generator) -> np.ndarray:
    """The front of a snack or noodle bag."""
    return _draw("snack", rng)


def tub(rng: Generator) -> np.ndarray:
    """A print around a tub, tin or detergent bottle."""
    return _draw("tub", rng)


def news(rng: Generator) -> np.ndarray:
    """A newspaper's page."""
    return _draw("news", rng)


def document(rng: Generator) -> np.ndarray:
    """An office sheet or leaflet."""
    return _draw("document", rng)


def cardboard(rng: Generator) -> np.ndarray:
    """Printed kraft board."""
    return _draw("cardboard", rng)


def wrapped_box(rng: Generator) -> np.ndarray:
    """A printed paper box."""
    return _draw("wrapped_box", rng)
