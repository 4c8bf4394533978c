"""Machines made of photographs: each has one camera, one lamp and one view, which every picture of it goes through.

They stand in for real machines nobody has pictures of: what a machine does to all of its pictures alike is what
teaching can learn, what it takes away (focus, noise, a crop) is lost. Same picture, same machine: same bytes.
Never used in training.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter


@dataclass(frozen=True)
class Machine:
    """One machine: gains per channel, exposure, blur (share of the longer side), noise (of 255), zoom, angle, lamp."""

    gain: tuple[float, float, float]
    exposure: float
    blur: float
    noise: float
    zoom: float
    angle: float
    lamp: tuple[float, float]


MACHINES = {
    "teal chute": Machine((0.62, 1.0, 0.98), 0.45, 0.006, 4.0, 0.62, 15.0, (0.3, 0.6)),
    "bright box": Machine((1.0, 0.88, 0.62), 1.5, 0.0, 2.0, 1.0, 0.0, (0.5, 0.4)),
    "soft lens, on its side": Machine((0.85, 0.95, 1.0), 0.8, 0.01, 8.0, 0.75, 90.0, (0.7, 0.3)),
    "dim cellar": Machine((1.0, 0.95, 0.9), 0.3, 0.004, 6.0, 0.8, -30.0, (0.4, 0.7)),
}


def seen_by(machine: Machine, picture: Image.Image, name: str) -> Image.Image:
    """The picture as the machine's camera sees it; `name` seeds what differs from item to item."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), int(1000 * machine.exposure)])
    dark = tuple(int(v * 0.3) for v in np.asarray(picture.resize((1, 1)))[0, 0])
    if machine.angle:
        picture = picture.rotate(machine.angle + rng.normal() * 3, Image.Resampling.BILINEAR, fillcolor=dark)
    width, height = picture.size
    wide, high = width * machine.zoom, height * machine.zoom
    shift = rng.uniform(-0.05, 0.05, 2)
    left = min(max((width - wide) / 2 + shift[0] * width, 0), width - wide)
    top = min(max((height - high) / 2 + shift[1] * height, 0), height - high)
    picture = picture.crop((int(left), int(top), int(left + wide), int(top + high)))
    if machine.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(machine.blur * max(picture.size)))
    x = np.asarray(picture, np.float32)
    yy, xx = np.mgrid[: x.shape[0], : x.shape[1]]
    far = np.hypot(xx / x.shape[1] - machine.lamp[0], yy / x.shape[0] - machine.lamp[1])
    x = x * machine.exposure * np.array(machine.gain) * (1 - 0.5 * far)[..., None] + rng.normal(0, machine.noise, x.shape)
    return Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))


def make(machine: Machine, rows: list[tuple[Path, str, str]], folder: Path) -> list[tuple[Path, str, str]]:
    """(file, label, name) of the rows' pictures as the machine sees them; those that exist are not made again."""
    made = []
    for path, label, name in rows:
        file = folder / label / f"{zlib.crc32(name.encode()):08x}.jpg"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as picture:
                part = file.with_suffix(".part")
                seen_by(machine, picture.convert("RGB"), name).save(part, "JPEG", quality=92)
                part.rename(file)
        made.append((file, label, name))
    return made
