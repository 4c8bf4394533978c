"""Two pictures for the documents: rendered items by stream, and the settled frame of each clip.

    target/render-venv/bin/python models/render/overview.py --set $RENDERS

Plain Python with Pillow, no Blender. Writes `docs/render-contact-sheet.jpg` and `docs/clips.jpg`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

REPO = Path(__file__).resolve().parents[2]
LABEL = 18


def grid(tiles: list[tuple[str, Image.Image]], columns: int, size: tuple[int, int]) -> Image.Image:
    """Tiles with their names under them, row by row."""
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * size[0], rows * (size[1] + LABEL)), (24, 24, 26))
    pen = ImageDraw.Draw(sheet)
    for number, (name, tile) in enumerate(tiles):
        x, y = number % columns * size[0], number // columns * (size[1] + LABEL)
        sheet.paste(tile.resize(size, Image.Resampling.LANCZOS), (x, y))
        pen.text((x + 4, y + size[1] + 2), name, font=ImageFont.load_default(13), fill=(230, 230, 230))
    return sheet


def from_set(folder: Path, columns: int) -> list[tuple[str, Image.Image]]:
    """The first pictures of each stream."""
    tiles = []
    for stream in sorted(p for p in folder.iterdir() if p.is_dir()):
        found = sorted(stream.glob("*.jpg"), key=lambda p: int(p.stem))[:columns]
        tiles += [(stream.name, Image.open(p).convert("RGB")) for p in found]
        tiles += [("", Image.new("RGB", (8, 8)))] * (columns - len(found))
    return tiles


def settled_frame(clip: Path) -> Path:
    """The stored frame that is held longest while the item is in view (or the middle one)."""
    frames = sorted(clip.glob("*.jpg"))
    text = (clip / "clip.toml").read_text()
    first, last = re.search(r"first_frame = (\d+)", text), re.search(r"last_frame = (\d+)", text)
    if not first or not last:
        return frames[len(frames) // 2]
    seen = [f for f in frames if int(first[1]) <= int(f.stem) <= int(last[1])]
    held = [(int(b.stem) - int(a.stem), a) for a, b in zip(seen[:-1], seen[1:])]
    return max(held)[1]


def main() -> None:
    """Writes what it has the pictures for."""
    p = argparse.ArgumentParser(description="contact sheets of the rendered set and the clips")
    p.add_argument("--set", type=Path, help="the rendered training set")
    p.add_argument("--clips", type=Path, default=REPO / "tests" / "data" / "clips")
    p.add_argument("--out", type=Path, default=REPO / "docs")
    p.add_argument("--columns", type=int, default=10)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    if a.set is not None:
        if not a.set.is_dir():
            sys.exit(f"overview: no folder {a.set}; render it with dataset.py, or leave --set out")
        grid(from_set(a.set, a.columns), a.columns, (112, 112)).save(a.out / "render-contact-sheet.jpg", quality=80, optimize=True)
    if not a.clips.is_dir():
        sys.exit(f"overview: no folder {a.clips}; render the clips with clips.py")
    clips = sorted(c.parent for c in a.clips.glob("*/clip.toml"))
    grid([(c.name, Image.open(settled_frame(c))) for c in clips], 5, (256, 192)).save(a.out / "clips.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    main()
