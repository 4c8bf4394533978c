"""How close the bin should look: the room around an item in the square that the network sees (`MARGIN` in
`src/daemon/sorter.rs`).

    margin.py --bundle ../bunri-lite0 --photos $PHOTOS --renders $RENDERS --places $PLACES

Two kinds of items in chambers: photographed ones of the validation split, cut out and laid into rendered empty places
(`composites.py`), and rendered ones in places that stay as they are (`dataset.py --places`), found by their difference from
the place's median picture. Each is looked at through squares of several margins. Never: a photograph of the test split.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np

import composites
from labels import KNOWN, LABELS, label_index
from measure import run
from pictures import MODEL_SIZE, Pictures
from teach_heads import softmax

# By how much the square's side is longer than the item's; the last shows the whole picture, whatever the item's size.
MARGINS = (1.25, 1.4, 1.6, 1.75, 2.0, 99.0)
# As in src/daemon/sorter.rs: the square's side as a share of the region's shorter side, at least.
LEAST_SHARE = 0.35
# A camera's picture has more pixels than a rendered one.
PHOTO_SIZE = 512
DRAWS = 4
Box = tuple[float, float, float, float]


def square(picture: np.ndarray, box: Box, margin: float) -> np.ndarray:
    """What the network sees of an item: uint8 [MODEL_SIZE, MODEL_SIZE, 3]."""
    size = picture.shape[0]
    left, top, right, bottom = box
    side = int(min(size, max(LEAST_SHARE * size, margin * max(right - left, bottom - top))))
    x, y = (int(min(max((low + high - side) / 2, 0), size - side)) for low, high in ((left, right), (top, bottom)))
    return cv2.resize(picture[y : y + side, x : x + side], (MODEL_SIZE, MODEL_SIZE), interpolation=cv2.INTER_AREA if side > MODEL_SIZE else cv2.INTER_LINEAR)


def photographed(args: argparse.Namespace) -> list[tuple[np.ndarray, Box, int]]:
    """(picture, box, label) of photographed items in rendered empty places."""
    rng = np.random.default_rng(1)
    composites.SIZE = PHOTO_SIZE
    with open(args.renders / "truth.csv", newline="") as file:
        empty = [composites.squashed(composites.read(args.renders / row["path"])) for row in csv.DictReader(file) if row["stream"] == "empty"]
    rows = composites.listed(args.split, "validation")
    rng.shuffle(rows)
    out = []
    for stream, items in composites.cut_all(args.photos, rows, 60, rng).items.items():
        for picture, mask in items * DRAWS if label_index(stream) in KNOWN else []:
            laid, alpha = composites.lay(picture, mask, empty[int(rng.integers(len(empty)))], rng)
            rows_in, columns_in = np.nonzero(alpha > 0.5)
            out.append((laid, (columns_in.min(), rows_in.min(), columns_in.max(), rows_in.max()), label_index(stream)))
    return out


def rendered(places: Path) -> list[tuple[np.ndarray, Box, int]]:
    """The same of rendered items, found by how they differ from their place."""
    out = []
    for place in sorted(places.glob("place*")):
        files = sorted(file for stream in place.iterdir() if stream.name in LABELS for file in stream.glob("*.jpg"))
        pictures = [composites.read(file) for file in files]
        median = np.median(pictures[::2], axis=0)
        for file, picture in zip(files, pictures):
            gain = np.median((picture.mean(2) + 1) / (median.mean(2) + 1))
            differs = (np.abs(picture / gain - median).max(2) > 30).astype(np.float32)
            rows, columns = np.nonzero(cv2.blur(differs, (9, 9)) > 0.35)
            # The outermost hundredth is left out: specks of the light.
            box = tuple(float(np.percentile(axis, q)) for q in (1, 99) for axis in (columns, rows)) if len(rows) > 40 else (0, 0, *picture.shape[1::-1])
            out.append((picture, box, label_index(file.parent.name)))
    return out


def main() -> None:
    """Prints a table of the share found and the mean loss for each margin."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--renders", type=Path, required=True, help="the rendered set: its empty places")
    parser.add_argument("--places", type=Path, required=True, help="rendered places that stay as they are")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print("| items | pictures | " + " | ".join("whole" if margin == MARGINS[-1] else f"{margin:g}" for margin in MARGINS) + " |\n|---|---:|" + "---:|" * len(MARGINS))
    for name, items in (("photographed", photographed(args)), ("rendered", rendered(args.places))):
        labels, cells = np.array([label for *_, label in items]), []
        for margin in MARGINS:
            exact = np.stack([square(picture, box, margin)[..., ::-1] for picture, box, _ in items])
            shown = Pictures(np.array([""] * len(items), object), labels, np.array([""] * len(items), object), exact, exact, np.zeros(len(items), bool))
            likely = softmax(run(args.bundle / "model.onnx", shown, args.threads))
            found = (likely[:, list(KNOWN)].argmax(1) == np.searchsorted(KNOWN, labels)).mean()
            loss = -np.log(np.maximum(likely[np.arange(len(labels)), labels], 1e-6)).mean()
            cells.append(f"{100 * found:.1f} % ({loss:.3f})")
        print(f"| {name} | {len(items)} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
