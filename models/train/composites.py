"""Cut items out of the training photographs and lay them on other grounds: rendered empty places, bare patches of photographs,
and made-up surfaces.

A photograph's background gives its label away (white boards, shop shelves; the outdoor photographs are all of clear
PET, so that a model calls asphalt clear PET). The item is found by GrabCut, started from TrashNet's boxes where they
say anything and from the middle of the picture otherwise; a cut that cannot be an item is left out, and counted. A bare
patch is a window of the original photograph without the item; some patches are kept as they are, as pictures of
nothing. Writes `<out>/<stream>/<name>.jpg` and `<out>/truth.csv`, in the form of the rendered set, all of it of one split.

Never: a photograph or an empty place of another split than that one.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from grounds import SIZE, ground as made_up

CUT_SIZE = 128  # GrabCut's own size: four times quicker, and the edge is softened anyway
SEED = 20261122
VIEWS_MOST = 7  # of one photograph's item: more would be learnt by heart
BARE_PICTURES = 160  # patches kept as they are
MADE_UP, PATCHES = 0.4, 0.3  # shares of the grounds; the rest are rendered places
# Where a bare patch is truly bare, and how many a photograph gives: outdoors no two are alike, a board is a board. The
# shop's shelves are full of other goods; a cut of a sheet of paper leaves paper.
BARE_SOURCES = {"bottles_bhaktapur": 4, "trashnet": 1}


def boxes(path: Path) -> dict[str, tuple[float, float, float, float]]:
    """TrashNet's boxes by file name, as fractions (left, top, right, bottom); none where there is no such file."""
    if not path.is_file():
        return {}
    with open(path, newline="") as file:
        rows = csv.DictReader(file)
        return {row["filename"]: (float(row["xmin"]), float(row["ymin"]), float(row["xmax"]), float(row["ymax"])) for row in rows}


def cut(picture: np.ndarray, box: tuple[float, float, float, float] | None) -> np.ndarray | None:
    """Mask of the item, float32 [SIZE, SIZE] in 0..1, or None where the cut cannot be an item."""
    left, top, right, bottom = box or (0.14, 0.1, 0.86, 0.92)
    inset = 0.02  # GrabCut needs some background to learn from
    left, top, right, bottom = max(left, inset), max(top, inset), min(right, 1 - inset), min(bottom, 1 - inset)
    columns, rows = (slice(int(low * CUT_SIZE), int(high * CUT_SIZE)) for low, high in ((left, right), (top, bottom)))
    rectangle = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    mask = np.zeros((CUT_SIZE, CUT_SIZE), np.uint8)
    small = cv2.resize(picture, (CUT_SIZE, CUT_SIZE), interpolation=cv2.INTER_AREA)
    cv2.setRNGSeed(SEED)
    cv2.grabCut(small, mask, rectangle, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_RECT)
    item = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    item = cv2.morphologyEx(item, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts, figures, _ = cv2.connectedComponentsWithStats(item)
    if count < 2:
        return None
    item = (parts == 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    outline = cv2.findContours(item, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    cv2.drawContours(item, outline, -1, 1, cv2.FILLED)
    solid = float(item.sum()) / max(cv2.contourArea(cv2.convexHull(np.concatenate(outline))), 1.0)
    if not 0.05 < item.mean() < 0.8 or solid < 0.72 or item[rows, columns].mean() < 0.25:
        return None
    whole = cv2.resize(item.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return np.clip((cv2.GaussianBlur(whole, (0, 0), 1.2) - 0.5) * 2, 0, 1)


def lay(picture: np.ndarray, mask: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The item, turned, scaled and lit to fit, with a soft shadow, in the place: uint8 [SIZE, SIZE, 3], and how much of each
    pixel is the item, float32 [SIZE, SIZE] in 0..1."""
    rows, columns = np.nonzero(mask > 0.5)
    middle = (float(columns.mean()), float(rows.mean()))
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    scale = float(np.exp(rng.uniform(np.log(0.25), np.log(0.9)))) * SIZE / extent
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(0, 360), scale)
    room = max(0.09, 0.4 * (1 - scale * extent / SIZE))  # a small item may lie anywhere
    turn[:, 2] += (SIZE / 2 - np.array(middle)) + np.clip(rng.normal(size=2) * 0.6, -1, 1) * room * SIZE
    item = cv2.warpAffine(picture, turn, (SIZE, SIZE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    alpha = np.clip(cv2.warpAffine(mask, turn, (SIZE, SIZE)), 0, 1)[..., None]
    ground = cv2.rotate(place, int(rng.integers(3))) if rng.uniform() < 0.75 else place
    ground = ground.astype(np.float32)
    drop = rng.normal(size=2) * 5
    shadow = cv2.GaussianBlur(np.roll(alpha[..., 0], drop.astype(int), (0, 1)), (0, 0), rng.uniform(2, 7))[..., None]
    ground *= 1 - rng.uniform(0.2, 0.6) * shadow
    # Half way to the light and the tint of the place.
    tone = np.clip(ground.mean((0, 1)) / np.maximum(place.mean(), 1.0), 0.7, 1.4)
    item *= tone**0.5 * float(np.exp(rng.normal() * 0.12)) * (np.clip(place.mean() / 128, 0.5, 1.3) ** 0.4)
    return np.clip(item * alpha + ground * (1 - alpha), 0, 255).astype(np.uint8), alpha[..., 0]


def bare(picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A square window of the original picture without the item, uint8 [SIZE, SIZE, 3]; None where none is found."""
    height, width = picture.shape[:2]
    for _ in range(30):
        side = rng.uniform(0.28, 0.6) * min(height, width)
        left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
        rows, columns = (slice(int(low / full * SIZE), int((low + side) / full * SIZE)) for low, full in ((top, height), (left, width)))
        if mask[rows, columns].mean() < 0.004:
            window = picture[int(top) : int(top + side), int(left) : int(left + side)]
            return cv2.resize(window, (SIZE, SIZE), interpolation=cv2.INTER_AREA if side > SIZE else cv2.INTER_CUBIC)
    return None


def read(path: Path) -> np.ndarray:
    """A picture, BGR."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"composites: cannot read {path}: fetch it again or take it out of its list")
    return picture


def squashed(picture: np.ndarray) -> np.ndarray:
    """Squashed to SIZE x SIZE, as the bin does."""
    return cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def listed(path: Path, split: str) -> list[dict[str, str]]:
    """The rows of one split in a CSV."""
    with open(path, newline="") as file:
        return [row for row in csv.DictReader(file) if row["split"] == split]


@dataclass
class Cuts:
    """What the photographs gave.

    Attributes:
        items: (picture, mask) of each cut by stream.
        patches: bare patches by source.
        refused: cuts that could not be an item, by stream.
    """

    items: dict[str, list[tuple[np.ndarray, np.ndarray]]]
    patches: dict[str, list[np.ndarray]]
    refused: Counter[str]


def cut_all(photos: Path, rows: list[dict[str, str]], most: int, rng: np.random.Generator) -> Cuts:
    """Cuts at most `most` items of each stream."""
    known = boxes(photos / "trashnet_boxes.csv")
    cuts = Cuts({}, {}, Counter())
    for number, row in enumerate(rows):
        stream, path = row["stream"], Path(row["path"])
        mine = cuts.items.setdefault(stream, [])
        if len(mine) >= most:
            continue
        original = read(photos / path)
        picture = squashed(original)
        mask = cut(picture, known.get(path.name))
        if mask is None:
            cuts.refused[stream] += 1
            continue
        mine.append((picture, mask))
        source = path.parts[0]
        for _ in range(BARE_SOURCES.get(source, 0) if stream != "paper" else 0):
            patch = bare(original, mask, rng)
            if patch is not None:
                cuts.patches.setdefault(source, []).append(patch)
        if number % 200 == 199:
            print(f"composites: {number + 1} of {len(rows)} photographs looked at", flush=True)
    return cuts


def main() -> None:
    """Makes the composites."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--renders", type=Path, nargs="+", required=True, help="rendered sets: their empty places are grounds")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", choices=("train", "validation"), default="train", help="whose photographs and empty places")
    parser.add_argument("--most", type=int, default=350, help="composites of one stream, at most")
    args = parser.parse_args()
    rng = np.random.default_rng(SEED)
    empty = [
        squashed(read(folder / row["path"]))
        for folder in args.renders
        for row in listed(folder / "truth.csv", args.part)
        if row["stream"] == "empty"
    ]
    if not empty:
        raise SystemExit(f"composites: the rendered sets have no empty places for {args.part} yet: render more of them")
    rows = listed(args.split, args.part)
    rng.shuffle(rows)
    cuts = cut_all(args.photos, rows, args.most, rng)
    truth: list[tuple[str, str, int, str]] = []

    def keep(stream: str, picture: np.ndarray) -> None:
        name = f"{stream}/{len(truth)}.jpg"
        (args.out / stream).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(args.out / name), picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 95))])
        truth.append((name, stream, len(truth), args.part))

    sources = sorted(cuts.patches)

    def place() -> np.ndarray:
        kind = rng.uniform()
        if kind < MADE_UP:
            return made_up(rng)
        grounds = cuts.patches[str(rng.choice(sources))] if sources and kind < MADE_UP + PATCHES else empty
        return grounds[int(rng.integers(len(grounds)))]

    for stream, items in sorted(cuts.items.items()):
        count = min(args.most, VIEWS_MOST * len(items))
        for number in range(count):
            picture, mask = items[number % len(items)]
            keep(stream, lay(picture, mask, place(), rng)[0])
        print(f"composites: {stream}: {count} of {len(items)} items, {cuts.refused[stream]} cuts refused", flush=True)
    for source in sources:
        for number in rng.permutation(len(cuts.patches[source]))[: BARE_PICTURES // len(sources)]:
            keep("empty", cuts.patches[source][int(number)])
    with open(args.out / "truth.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "stream", "seed", "split"), *truth])
    print(f"composites: {len(truth)} made, {sum(map(len, cuts.patches.values()))} bare patches")


if __name__ == "__main__":
    main()
