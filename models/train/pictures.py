"""Read the photographs and the rendered pictures once, squash them to squares, and keep them as bytes on disk.

Training then works on one array in memory: decoding picture by picture in the loop was four times slower. The
evaluation size is squashed from the original picture, not from the training size, because that is what a bin does.

Never: aspect kept or padded (the runtime squashes, so training must), or `check_only` pictures in a training split.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from labels import label_index

TRAIN_SIZE = 256
MODEL_SIZE = 224


@dataclass
class Pictures:
    """Pictures of one origin.

    Attributes:
        paths: name of each picture, relative to its folder.
        labels: label index of each, int64 [N].
        splits: `train`, `validation`, `test` or `check` of each.
        large: uint8 [N, 256, 256, 3], RGB, what augmentation crops from.
        exact: uint8 [N, 224, 224, 3], RGB, what the model sees in evaluation.
        rendered: bool [N], True for rendered pictures.
    """

    paths: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    large: np.ndarray
    exact: np.ndarray
    rendered: np.ndarray

    def where(self, mask: np.ndarray) -> "Pictures":
        """The pictures for which `mask` (bool [N] or indices) holds."""
        return Pictures(
            self.paths[mask], self.labels[mask], self.splits[mask], self.large[mask], self.exact[mask], self.rendered[mask]
        )

    def split(self, name: str) -> "Pictures":
        """The pictures of one split."""
        return self.where(self.splits == name)

    def __len__(self) -> int:
        return len(self.paths)


def join(parts: list[Pictures]) -> Pictures:
    """One set out of several."""
    fields = ("paths", "labels", "splits", "large", "exact", "rendered")
    return Pictures(*(np.concatenate([getattr(part, field) for part in parts]) for field in fields))


def squash(path: Path, size: int) -> np.ndarray:
    """Decode a picture and squash it to `size` x `size`, antialiased; uint8 [size, size, 3], RGB."""
    with Image.open(path) as image:
        image = image.convert("RGB")
        if image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(image, np.uint8)


def _load(folder: Path, rows: list[tuple[str, str, str]], rendered: bool, cache: Path | None) -> Pictures:
    """Pictures for rows of (path, stream, split), through a cache keyed by folder and list."""
    key = hashlib.sha256(repr((str(folder), [row[0] for row in rows], TRAIN_SIZE, MODEL_SIZE)).encode()).hexdigest()[:16]
    large_file = None if cache is None else cache / f"{key}-large.npy"
    exact_file = None if cache is None else cache / f"{key}-exact.npy"
    if large_file is not None and exact_file is not None and large_file.exists() and exact_file.exists():
        large, exact = np.load(large_file), np.load(exact_file)
    else:
        large = np.zeros((len(rows), TRAIN_SIZE, TRAIN_SIZE, 3), np.uint8)
        exact = np.zeros((len(rows), MODEL_SIZE, MODEL_SIZE, 3), np.uint8)
        for index, (path, _, _) in enumerate(rows):
            large[index] = squash(folder / path, TRAIN_SIZE)
            exact[index] = squash(folder / path, MODEL_SIZE)
        if large_file is not None and exact_file is not None:
            large_file.parent.mkdir(parents=True, exist_ok=True)
            np.save(large_file, large)
            np.save(exact_file, exact)
    return Pictures(
        paths=np.array([row[0] for row in rows], dtype=object),
        labels=np.array([label_index(row[1]) for row in rows], np.int64),
        splits=np.array([row[2] for row in rows], dtype=object),
        large=large,
        exact=exact,
        rendered=np.full(len(rows), rendered),
    )


def photographs(folder: Path, split_file: Path, cache: Path | None = None) -> Pictures:
    """The photographs named in `split.csv`."""
    with open(split_file, newline="") as file:
        rows = [(row["path"], row["stream"], row["split"]) for row in csv.DictReader(file)]
    return _load(folder, rows, False, cache)


def elsewhere(folder: Path, cache: Path | None = None) -> Pictures:
    """The `check_only` photographs from other places: for looking at, never for training or choosing."""
    with open(folder / "manifest.csv", newline="") as file:
        rows = [(row["path"], row["stream"], "check") for row in csv.DictReader(file) if row["use"] == "check_only"]
    return _load(folder, rows, False, cache)


def renders(folder: Path, cache: Path | None = None) -> Pictures:
    """The rendered pictures of `truth.csv` (path, stream, seed, split) that exist now."""
    with open(folder / "truth.csv", newline="") as file:
        rows = [(row["path"], row["stream"], row["split"]) for row in csv.DictReader(file)]
    rows = [row for row in rows if (folder / row[0]).is_file()]
    return _load(folder, rows, True, cache)
