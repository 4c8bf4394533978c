"""A bundle whose network never saw one source of photographs, to ask what teaching brings on that source.

    left_out.py --source trashnet --photos $PHOTOS --renders $RENDERS --work target/model/without-trashnet

The shipped recipe, shorter: the ImageNet weights, the photographs of the other sources, the renders. Thresholds and
statistics of embeddings come from these as well. The bundle is `bundle` in the work folder; `teach_report.py --left-out`
teaches it the source. Steps that are done are not done twice. Never: a composite, which could hold a photographed item.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from make import HERE, Step, carry_out


def without(source: str, split: Path, out: Path) -> int:
    """Writes the rows of `split` that are of other sources; returns how many."""
    with open(split, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].split("/")[0] != source]
    if not rows:
        raise SystemExit(f"left_out: without {source} nothing is left of {split}")
    with open(out, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def steps(args: argparse.Namespace, split: Path) -> list[Step]:
    """What makes the bundle, in order."""
    work, bundle = args.work, args.work / "bundle"
    head, tuned, int8 = work / "head.pt", work / "tuned.pt", work / "tuned.onnx"
    pictures = ["--photos", args.photos, "--split", split, "--renders", args.renders, "--cache", args.cache]

    def run(program: str, *rest: object) -> list[list[str]]:
        return [[sys.executable, str(HERE / program), *[str(r) for r in rest]]]

    tune = ("--epochs", 6, "--early-epochs", 4, "--early-size", 160, "--draws", 2400, "--render-share", 0.7, "--views", 1)
    # Always the same date: a step is done again when its command changes.
    named = ("--name", f"without-{args.source}", "--version", "1", "--created", "1970-01-01", "--notes", f"For teach_report.py: never saw {args.source}.")
    return [
        Step("head", head, run("fit.py", "head", *pictures, "--views", 1, "--out", head), 3),
        Step("tune", tuned, run("fit.py", "tune", *pictures, "--start", head, "--out", tuned, *tune), 12),
        Step("quantise", int8, run("quantise.py", *pictures, "--weights", tuned, "--list", work / "calibration.txt", "--draw", 12, "--out", int8), 1),
        Step("bundle", bundle / "manifest.toml", run("bundle.py", *pictures, "--model", int8, "--out", bundle, *named), 2),
        Step("statistics", bundle / "statistics.safetensors", run("statistics_file.py", *pictures, "--bundle", bundle), 1),
    ]


def main() -> None:
    """Does what is left to do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default="trashnet", help="first folder of the photographs' paths")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=HERE / "split.csv")
    parser.add_argument("--renders", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    args = parser.parse_args()
    args.cache = args.cache or args.work / "cache"
    args.work.mkdir(parents=True, exist_ok=True)
    split = args.work / "split.csv"
    print(f"left_out: {without(args.source, args.split, split)} photographs without {args.source}", flush=True)
    carry_out(steps(args, split), args.work, only_list=False)


if __name__ == "__main__":
    main()
