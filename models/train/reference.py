"""Reference pictures for a bundle's self-test: rendered ones that nothing was trained on, a few of each stream.

`bunri model reference` chooses the surest of each answer among them and writes them into the bundle.

    python models/train/reference.py --binary target/release/bunri --renders target/model/renders --bundle models/bunri-lite0
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

EACH = 8  # candidates of each stream
MOST = 12  # pictures in the bundle


def candidates(renders: Path) -> list[Path]:
    """Some rendered pictures of the test split, evenly over the streams."""
    of_stream: dict[str, list[Path]] = defaultdict(list)
    with open(renders / "truth.csv", newline="") as file:
        for row in csv.DictReader(file):
            path = renders / row["path"]
            if row["split"] == "test" and len(of_stream[row["stream"]]) < EACH and path.exists():
                of_stream[row["stream"]].append(path)
    return [path for paths in of_stream.values() for path in paths]


def main() -> None:
    """Gives them names of their own and hands them to the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, required=True, help="the bunri program")
    parser.add_argument("--renders", type=Path, required=True, help="folder with truth.csv")
    parser.add_argument("--bundle", type=Path, required=True, help="its folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        named = []
        for path in candidates(args.renders):
            named.append(Path(folder) / f"{path.parent.name}-{path.name}")
            named[-1].write_bytes(path.read_bytes())
        command = [str(args.binary), "model", "reference", "--most", str(MOST), str(args.bundle), *map(str, named)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
