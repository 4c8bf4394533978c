"""Divide the photographs into train, validation and test by a hash of their names, and write the split down.

Pictures that show the same thing share one key, so that they can never sit on both sides: the shop photographs are
keyed by product (the test cartons are products never trained on), and the bottle photographs by runs of consecutive
message numbers. TrashNet's numbering is shuffled, so its pictures are keyed by their own names.

Only rows with `use=train` are split. Never: a split that depends on the order of the manifest or on chance.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
from pathlib import Path

TRAIN_BELOW = 70
VALIDATION_BELOW = 80


def bucket(key: str) -> str:
    """`train`, `validation` or `test` for a key, from the first eight bytes of its SHA-256."""
    value = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 100
    if value < TRAIN_BELOW:
        return "train"
    return "validation" if value < VALIDATION_BELOW else "test"


def keys_of(paths: list[str]) -> dict[str, str]:
    """The key of each picture: what must stay together has the same key."""
    keys: dict[str, str] = {}
    numbered: list[tuple[str, int, str]] = []
    for path in paths:
        name = Path(path).name
        product = re.fullmatch(r"(?:train|val|test)_(.+)_\d+\.\w+", name)
        message = re.fullmatch(r"(msg-\d+)-(\d+)\.\w+", name)
        if path.startswith("grocery_store/") and product:
            keys[path] = product.group(1)
        elif message:
            numbered.append((message.group(1), int(message.group(2)), path))
        else:
            keys[path] = name
    previous: tuple[str, int] | None = None
    key = ""
    for series, number, path in sorted(numbered):
        if previous != (series, number - 1):
            key = Path(path).name
        keys[path] = key
        previous = (series, number)
    return keys


def main() -> None:
    """Write `split.csv` (path, stream, split) from the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "split.csv")
    args = parser.parse_args()

    with open(args.photos / "manifest.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["use"] == "train"]
    rows.sort(key=lambda row: row["path"])
    keys = keys_of([row["path"] for row in rows])
    counts: dict[tuple[str, str], int] = {}
    with open(args.out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "stream", "split"])
        for row in rows:
            split = bucket(keys[row["path"]])
            writer.writerow([row["path"], row["stream"], split])
            counts[row["stream"], split] = counts.get((row["stream"], split), 0) + 1
    for (stream, split), count in sorted(counts.items()):
        print(f"{stream:10} {split:10} {count:5}")


if __name__ == "__main__":
    main()
