"""Made-up grounds to lay items on: a tone, a grain, perhaps joints or slats, and uneven light.

No rendered place and no photograph's patch looks like the floor of the next machine; what all of them teach together is
that the ground says nothing about the item. Drawn only from the generator given.
"""

from __future__ import annotations

import cv2
import numpy as np

SIZE = 256


def smooth(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Noise of `rows` x `columns` soft spots, float32 [SIZE, SIZE], about -1 to 1."""
    spots = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return cv2.resize(spots, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def tone(rng: np.random.Generator) -> np.ndarray:
    """A colour, BGR float32 [3]: mostly greys and browns, sometimes a painted one."""
    saturation = rng.uniform(0, 0.2) if rng.uniform() < 0.75 else rng.uniform(0.2, 0.8)
    hsv = np.array([[[rng.uniform(0, 360), saturation, rng.uniform(0.12, 0.95)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0]


def grain(rng: np.random.Generator) -> np.ndarray:
    """Relative brightness of a surface, float32 [SIZE, SIZE] around 1: stone, brushed metal, cloth, or hardly anything."""
    fine = rng.normal(0, 1, (SIZE, SIZE)).astype(np.float32)
    strength = rng.uniform(0.01, 0.2)
    match rng.integers(4):
        case 0:
            field = cv2.GaussianBlur(fine, (0, 0), rng.uniform(0.6, 3)) * 2
        case 1:
            field = cv2.GaussianBlur(fine, (0, 0), sigmaX=rng.uniform(8, 40), sigmaY=0.6) * 4
        case 2:
            step = int(rng.integers(2, 12))
            field = np.sin(np.arange(SIZE) * 2 * np.pi / step)[None] * np.sin(np.arange(SIZE) * 2 * np.pi / step)[:, None] + fine * 0.3
        case _:
            field = fine * 0.3
    octaves = sum(smooth(rng, 2**n, 2**n) / n for n in range(2, 7))
    return (1 + strength * field + rng.uniform(0, 0.25) * octaves).astype(np.float32)


def joints(rng: np.random.Generator) -> np.ndarray:
    """Dark or light lines of tiles, planks or slats, float32 [SIZE, SIZE], 1 between them."""
    lines = np.ones((SIZE, SIZE), np.float32)
    shade = rng.uniform(0.3, 0.8) if rng.uniform() < 0.7 else rng.uniform(1.1, 1.5)
    across = int(rng.integers(24, 160))
    along = int(rng.integers(40, 200)) if rng.uniform() < 0.5 else 2 * SIZE
    width = int(rng.integers(1, 8))
    for start in range(int(rng.integers(across)), SIZE, across):
        lines[:, start : start + width] = shade
    for start in range(int(rng.integers(along)), SIZE, along):
        lines[start : start + width] = shade
    return cv2.GaussianBlur(lines, (0, 0), rng.uniform(0.4, 2))


def ground(rng: np.random.Generator) -> np.ndarray:
    """One ground; uint8 [SIZE, SIZE, 3], BGR."""
    surface = grain(rng)
    if rng.uniform() < 0.45:
        surface = surface * joints(rng)
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), rng.uniform(0, 360), rng.uniform(1, 1.6))
    surface = cv2.warpAffine(surface, turn, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
    stain = np.clip(smooth(rng, 5, 5) - 0.3, 0, 1)[..., None] * (rng.uniform() < 0.4)
    picture = tone(rng) * surface[..., None] * (1 - stain) + tone(rng) * stain
    rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    slope = 1 + rng.normal(0, 0.2) * rows + rng.normal(0, 0.2) * columns
    away = (rows - rng.uniform(-1, 1)) ** 2 + (columns - rng.uniform(-1, 1)) ** 2
    lamp = 1 + rng.uniform(-0.5, 0.8) * np.exp(-away / rng.uniform(0.1, 1.5))
    return np.clip(picture * (slope * lamp)[..., None] * 255, 0, 255).astype(np.uint8)
