"""The rendered training set: many items in many chambers, outside the repository.

    nice -n 15 blender -b -P models/render/dataset.py -- --out $RENDERS
    nice -n 15 blender -b -P models/render/dataset.py -- --out $PLACES --places 4 --each 30

Writes `<out>/<stream>/<seed>.jpg` (256x256) and `<out>/truth.csv` (path, stream, seed, split). Streams take turns,
so that a set stopped early is balanced; pictures that exist are not made again; `DONE` appears at the end. Several
processes may share the work (`--part 1/2`, `--part 2/2`). The split hangs on a hash of stream and seed alone; the
places of `unseen` have floors, lights and cameras that no other split has. Seeds below one million are this set's;
clips use others.

With `--places N` it renders many items in each of N unseen places that stay as they are, as a bin does, to measure what
teaching on site brings: `<out>/place<number>/<stream>/<seed>.jpg`, nine streams, `truth.csv` with the split `place<number>`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import setup_paths  # noqa: E402

setup_paths.make_importable()

import numpy as np  # noqa: E402

import chamber  # noqa: E402
import items  # noqa: E402
import picture  # noqa: E402

COUNTS = {"clear_pet": 270, "plastic": 270, "can": 270, "glass": 270, "paper": 270, "carton": 270, "film": 270, "foam": 270,
          "general": 270, "unknown": 200, "hand": 150, "empty": 110, "two_items": 110}
SPLITS = (("train", 76), ("validation", 8), ("test", 8), ("unseen", 8))


def split_of(stream: str, seed: int) -> str:
    """The split, by the shares of `SPLITS`, from the name alone."""
    number = int.from_bytes(hashlib.sha256(f"{stream}/{seed}".encode()).digest()[:4], "big") % 100
    for name, share in SPLITS:
        if number < share:
            return name
        number -= share
    raise AssertionError("shares add up to 100")


def plan(scale: float) -> list[tuple[str, int]]:
    """(stream, seed) in the order of rendering: each stream advances evenly."""
    jobs = []
    for stream, count in COUNTS.items():
        total = max(1, round(count * scale))
        jobs += [((seed + 0.5) / total, stream, seed) for seed in range(total)]
    return [(stream, seed) for _, stream, seed in sorted(jobs)]


PLACE_SEEDS = 2_000_000  # items of the places: none of the set's, none of the clips'


def places_plan(places: int, each: int) -> list[tuple[str, int, int]]:
    """(stream, seed, place) in the order of rendering: each place and stream advances evenly."""
    streams = list(COUNTS)[:9]
    return [(stream, PLACE_SEEDS + place * 10_000 + number, place) for number in range(each) for place in range(places) for stream in streams]


def one_in_place(stream: str, seed: int, place: int, path: Path) -> None:
    """Renders one item in a place that is the same for all of its items: rig, lamps, camera."""
    rig = chamber.varied_rig(np.random.default_rng([PLACE_SEEDS, place]), unseen=True)
    rng = np.random.default_rng([seed, items.STREAM_KEY[stream]])
    chamber.build(rig)
    items.make(stream, rng, view_dm=rig.view_dm)
    picture.save(picture.develop(picture.render(seed), rig.look, rng), path, rig.look.quality)


def say_how_far(made: int, of: int, start: float) -> bool:
    """Says every twentieth time, and at the end, how far it is and what is left; returns whether it did."""
    if made % 20 and made != of:
        return False
    each = (time.monotonic() - start) / made
    print(f"dataset: {made}/{of}, {each:.2f} s each, {each * (of - made) / 60:.0f} min left", flush=True)
    return True


def render_places(a: argparse.Namespace) -> None:
    """Renders what is missing of the places, and lists what exists."""
    named = [(f"place{p}/{s}/{n}.jpg", s, n, p) for s, n, p in places_plan(a.places, a.each)]
    todo = [job for job in named[a.part] if not (a.out / job[0]).exists()]
    start = time.monotonic()
    for number, (path, stream, seed, place) in enumerate(todo):
        if time.monotonic() - start > a.minutes * 60:
            break
        one_in_place(stream, seed, place, a.out / path)
        say_how_far(number + 1, len(todo), start)
    with (a.out / "truth.csv").open("w", newline="") as f:
        rows = [(path, s, n, f"place{p}") for path, s, n, p in named if (a.out / path).exists()]
        csv.writer(f).writerows([("path", "stream", "seed", "split"), *rows])
    print(f"dataset: {len(rows)} of {len(named)} pictures in {a.places} places", flush=True)


def write_truth(out: Path, jobs: list[tuple[str, int]]) -> int:
    """Lists what exists; written whole, then renamed."""
    rows = [(f"{s}/{n}.jpg", s, n, split_of(s, n)) for s, n in jobs if (out / s / f"{n}.jpg").exists()]
    part = out / f"truth.csv.{os.getpid()}"
    with part.open("w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["path", "stream", "seed", "split"])
        writer.writerows(rows)
    part.rename(out / "truth.csv")
    return len(rows)


def one(stream: str, seed: int, path: Path) -> None:
    """Renders one picture."""
    rng = np.random.default_rng([seed, items.STREAM_KEY[stream]])
    rig = chamber.varied_rig(rng, split_of(stream, seed) == "unseen")
    chamber.build(rig)
    items.make(stream, rng, view_dm=rig.view_dm)
    picture.save(picture.develop(picture.render(seed), rig.look, rng), path, rig.look.quality)


def parse(argv: list[str]) -> argparse.Namespace:
    """The command's arguments."""
    p = argparse.ArgumentParser(prog="dataset.py", description="render the training set")
    p.add_argument("--out", type=Path, default=setup_paths.REPO / "target" / "render-set", help="folder outside the repository's files")
    p.add_argument("--size", type=int, default=256)
    p.add_argument("--samples", type=int, default=4)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--scale", type=float, default=1.0, help="share of the full number of pictures")
    p.add_argument("--minutes", type=float, default=float("inf"), help="stop after this long, balanced as far as it came")
    p.add_argument("--places", type=int, default=0, help="render this many places that stay as they are, instead of the set")
    p.add_argument("--each", type=int, default=30, help="items of each stream in each place")
    p.add_argument("--part", default="1/1", metavar="K/N", help="render every Nth picture only, from the Kth")
    a = p.parse_args(argv)
    try:
        number, of = (int(text) for text in a.part.split("/"))
    except ValueError:
        number, of = 0, 0
    if not 1 <= number <= of:
        p.error(f"--part {a.part}: write K/N with K from 1 to N, for example 1/2")
    a.part = slice(number - 1, None, of)
    if a.size < 32 or a.samples < 1 or a.scale <= 0:
        p.error("--size must be at least 32, --samples at least 1, --scale above 0")
    return a


def main() -> None:
    """Renders what is missing."""
    a = parse(setup_paths.own_arguments())
    a.out.mkdir(parents=True, exist_ok=True)
    if a.places:
        picture.prepare(a.size, a.size, a.samples, a.threads)
        render_places(a)
        return
    (a.out / "DONE").unlink(missing_ok=True)
    jobs = plan(a.scale)
    todo = [(s, n) for s, n in jobs[a.part] if not (a.out / s / f"{n}.jpg").exists()]
    picture.prepare(a.size, a.size, a.samples, a.threads)
    start = time.monotonic()
    for number, (stream, seed) in enumerate(todo):
        spent = time.monotonic() - start
        if spent > a.minutes * 60:
            print(f"dataset: stopped after {a.minutes:g} min as asked, {number} made", flush=True)
            break
        one(stream, seed, a.out / stream / f"{seed}.jpg")
        if say_how_far(number + 1, len(todo), start):
            write_truth(a.out, jobs)
    made = write_truth(a.out, jobs)
    if made == len(jobs):
        (a.out / "DONE").write_text(f"{made} pictures\n")


if __name__ == "__main__":
    main()
