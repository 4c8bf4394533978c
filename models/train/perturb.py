"""The perturbation suite of the report: eight troubles at three strengths, each made from a picture's bytes.

Files are written as JPEG at quality 95 so that the product's own binary reads them as it reads any picture. Same
picture, same trouble, same strength: same bytes. Never used in training.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

Trouble = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
STRENGTHS = ("mild", "medium", "strong")


def dark(x: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """Less light: 60, 40 and 22 % of the values, with the noise that comes with it."""
    return x * (0.6, 0.4, 0.22)[level] + rng.normal(0, (1.5, 3.0, 5.0)[level], x.shape)


def glare(x: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """A lamp's reflection: a soft white spot somewhere in the middle half."""
    height, width = x.shape[:2]
    cy, cx = rng.uniform(0.3, 0.7) * height, rng.uniform(0.3, 0.7) * width
    radius = (0.1, 0.18, 0.28)[level] * max(height, width)
    yy, xx = np.mgrid[:height, :width]
    spot = np.exp(-(((yy - cy) ** 2 + (xx - cx) ** 2) / (2 * radius**2)))[..., None]
    return x + (255 - x) * np.clip(1.25 * spot, 0, 1)


def blur(x: np.ndarray, level: int, _: np.random.Generator) -> np.ndarray:
    """Out of focus: Gaussian, sigma 0.4, 0.9 and 1.8 % of the longer side."""
    sigma = (0.004, 0.009, 0.018)[level] * max(x.shape[:2])
    return np.asarray(Image.fromarray(x.astype(np.uint8)).filter(ImageFilter.GaussianBlur(sigma)), np.float32)


def noise(x: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """Sensor noise of 8, 16 and 32 of 255."""
    return x + rng.normal(0, (8, 16, 32)[level], x.shape)


def colour_cast(x: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """Teal, yellow or blue light: one or two channels lose 12, 25 or 40 %."""
    loss = (0.12, 0.25, 0.4)[level]
    gains = ((1 - loss, 1, 1), (1, 1 - loss / 3, 1 - loss), (1 - loss, 1 - loss / 2, 1))[int(rng.integers(3))]
    return x * np.array(gains)


def compression(x: np.ndarray, level: int, _: np.random.Generator) -> np.ndarray:
    """JPEG at quality 40, 20 and 8."""
    stream = io.BytesIO()
    Image.fromarray(x.astype(np.uint8)).save(stream, "JPEG", quality=(40, 20, 8)[level])
    return np.asarray(Image.open(stream).convert("RGB"), np.float32)


def rotation(x: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """Turned by 15, 45 or 90 to 180 degrees; the corners are filled with the border's mean colour."""
    angle = (15.0, 45.0, rng.uniform(90, 180))[level] * (1 if rng.uniform() < 0.5 else -1)
    border = np.concatenate([x[0], x[-1], x[:, 0], x[:, -1]]).mean(0)
    turned = Image.fromarray(x.astype(np.uint8)).rotate(angle, Image.Resampling.BICUBIC, fillcolor=tuple(int(v) for v in border))
    return np.asarray(turned, np.float32)


def occlusion(x: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """A grey rectangle over 8, 18 and 32 % of the picture."""
    height, width = x.shape[:2]
    share = (0.08, 0.18, 0.32)[level]
    h, w = int(height * share**0.5), int(width * share**0.5)
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    x = x.copy()
    x[top : top + h, left : left + w] = rng.uniform(40, 160)
    return x


SUITE: dict[str, Trouble] = {
    "dark": dark,
    "glare": glare,
    "blur": blur,
    "noise": noise,
    "colour cast": colour_cast,
    "compression": compression,
    "rotation": rotation,
    "occlusion": occlusion,
}


def perturbed(picture: Image.Image, trouble: str, level: int, name: str) -> Image.Image:
    """The picture with one trouble at strength 0, 1 or 2; `name` seeds what is random in it."""
    rng = np.random.default_rng(zlib.crc32(f"{name}/{trouble}".encode()))
    x = SUITE[trouble](np.asarray(picture.convert("RGB"), np.float32), level, rng)
    return Image.fromarray(np.clip(x + 0.5, 0, 255).astype(np.uint8))
