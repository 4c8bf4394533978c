"""What teaching on site brings: TEACH.md and its plot, from `bunri teach` and `bunri classify --site` alone.

    teach_report.py --binary ../../target/release/bunri --bundle ../bunri-lite0 --photos $PHOTOS --places $PLACES \
      --left-out $WORK/without-trashnet/bundle --work $CACHE/teach

Chambers: machines made of photographs the network was not trained on (`machines.py`), those photographs as they are,
rendered places that were in no training set and stay as they are (`dataset.py --places`), and a source of photographs,
judged by a network that never saw it (`left_out.py`). In each, some items are taught and all others are judged.
Never: an item judged that was taught, or a figure that the binary did not give.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

from judge import STREAMS, Verdicts, classify
from machines import MACHINES, make
from report import rows_of, sample

matplotlib.use("Agg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bunri", "font.size": 8})
from matplotlib import pyplot  # noqa: E402

Rows = list[tuple[Path, str, str]]
COUNTS = (1, 5, 10, 20)
LEFT = 5  # items of a stream that must be left to judge by, else it is not taught


@dataclass
class Outcome:
    """One teaching: the answers about what was not taught, before and after, and what `bunri teach` said."""

    before: Verdicts
    after: Verdicts
    taught: set[str]
    said: dict
    megabytes: float

    def recall(self, taught: bool) -> tuple[float, float]:
        """Mean share found of the streams that were taught, or of those that were not, before and after."""
        out = []
        for v in (self.before, self.after):
            true = v.true_stream
            streams = [s for s in STREAMS if (s in self.taught) == taught and (true == s).sum() >= LEFT]
            out.append(float(np.mean([v.right[true == s].mean() for s in streams])) if streams else np.nan)
        return out[0], out[1]


class Teacher:
    """The binary, teaching and judging one bundle."""

    def __init__(self, binary: Path, bundle: Path, work: Path) -> None:
        self.binary, self.bundle, self.work = binary.resolve(), bundle.resolve(), work
        self.known: dict[str, Verdicts] = {}

    def judge(self, rows: Rows, site: Path | None = None) -> Verdicts:
        """The binary's answers, with a site head or without."""
        return classify(self.binary, self.bundle, [row[0].resolve() for row in rows], [row[1] for row in rows], site)

    def __call__(self, chamber: str, rows: Rows, count: int, seed: int, choose=None, mislabel: bool = False) -> Outcome | None:
        """Teaches `count` items of each stream (of those that `choose` picks) and judges the rest; `None`: too few items."""
        streams = [s for s in STREAMS if sum(row[1] == s for row in rows) >= count + LEFT]
        streams = choose(streams) if choose else streams
        if len(streams) < 2:
            return None
        order = sorted(rows, key=lambda row: hashlib.sha256(f"{seed}/{row[2]}".encode()).digest())
        shown = [row for s in streams for row in [row for row in order if row[1] == s][:count]]
        rest = [row for row in order if row not in shown]
        folder = self.work / "shown"
        shutil.rmtree(folder, ignore_errors=True)
        for number, (path, label, _) in enumerate(shown):
            if mislabel and number == 0:
                label = streams[1]
            (folder / label).mkdir(parents=True, exist_ok=True)
            os.symlink(path.resolve(), folder / label / f"{number:04}{path.suffix}")
        site = self.work / "street.site"
        site.unlink(missing_ok=True)
        command = [str(self.binary), "teach", "--json", "--bundle", str(self.bundle), "--from", str(folder), "--out", str(site)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2], check=False)
        if not done.stdout:
            raise SystemExit(f"teach_report: {chamber}: {done.stderr.strip()[-400:]}")
        if chamber not in self.known:
            self.known[chamber] = self.judge(sorted(rows))
        place = {row: number for number, row in enumerate(sorted(rows))}
        before = self.known[chamber].where(np.array([place[row] for row in rest]))
        applied = site.exists()  # what is worse is refused, and then nothing changes
        after = self.judge(rest, site) if applied else before
        return Outcome(before, after, set(streams), json.loads(done.stdout), site.stat().st_size / 1e6 if applied else 0.0)


def half(streams: list[str]) -> list[str]:
    """Every second stream, beginning with the second: the others are the ones nobody taught."""
    return streams[1::2] if len(streams) >= 4 else streams[:0]


def chambers(args: argparse.Namespace) -> dict[str, Rows]:
    """Name and pictures of each chamber."""
    unseen = {"split": {"test", "validation"}}
    photos = [row for row in rows_of(args.split, args.photos, unseen) if row[1] != "unknown"]
    photos = sample(photos, args.each)
    found = {f"photographs: {name}": make(machine, photos, args.work / name.replace(" ", "-")) for name, machine in MACHINES.items()}
    found["photographs as they are"] = photos
    for folder in args.places or []:
        with open(folder / "truth.csv", newline="") as file:
            places = sorted({row["split"] for row in csv.DictReader(file)})
        for place in places:
            found[f"rendered: {place}"] = rows_of(folder / "truth.csv", folder, {"split": {place}})
    return found


def left_out(bundle: Path, args: argparse.Namespace) -> tuple[str, Rows]:
    """Name and pictures of the source that `left_out.py` kept from a bundle's network."""
    source = bundle_says(bundle, "name").removeprefix("without-")
    rows = [row for row in rows_of(args.split, args.photos, {}) if row[2].split("/")[0] == source and row[1] != "unknown"]
    return f"photographs of {source}, left out of training", sample(rows, args.each)


def said_of(bundles: list[Path]) -> str:
    """A paragraph on the networks that never saw a source."""
    if not bundles:
        return " No source was left out of training."
    pictures = [[line.split(" = ")[1] for line in (b / "manifest.toml").read_text().splitlines() if line.split(" = ")[0] in ("pictures", "rendered")] for b in bundles]
    trained = "; ".join(f"{bundle_says(b, 'name')}: {photos} photographs, {rendered} renders" for b, (photos, rendered) in zip(bundles, pictures))
    return (f"\n\n\"Left out of training\" is another network, made by `left_out.py` with a shorter recipe, which never saw that source\n({trained}). "
            "The other sources have one stream each, and a stream alone has nothing\nto be told apart from. What a network gets out of the same source that is "
            "trained on nothing else stands in [REPORT.md](REPORT.md)\nunder \"TrashNet alone\".")


def bundle_says(bundle: Path, key: str) -> str:
    """The first value of that key in a bundle's manifest."""
    manifest = (bundle / "manifest.toml").read_text()
    return next(line.split('"')[1] for line in manifest.splitlines() if line.split(" = ")[0] == key)


def mean(values: list[float]) -> float:
    """Mean of the numbers among them."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan


def percent(value: float) -> str:
    """A share in per cent, or a dash."""
    return f"{100 * value:.1f}" if np.isfinite(value) else "-"


def measure(teacher: Teacher, name: str, rows: Rows, seeds: int) -> dict[str, float]:
    """Every figure of one chamber."""
    figures: dict[str, float] = {}
    for count in COUNTS:
        all_taught = [o for seed in range(seeds) if (o := teacher(name, rows, count, seed))]
        if not all_taught:
            continue
        figures[f"before {count}"] = mean([o.recall(True)[0] for o in all_taught])
        figures[f"after {count}"] = mean([o.recall(True)[1] for o in all_taught])
        figures[f"said {count}"] = mean([o.said["accuracy_after"] for o in all_taught])
        figures[f"accepted {count}"] = mean([float(o.after.accepted.mean()) for o in all_taught])
        figures[f"pure {count}"] = mean([float(o.after.right[o.after.accepted].mean()) for o in all_taught])
        figures["megabytes"] = max(o.megabytes for o in all_taught)
        some = [o for seed in range(seeds) if (o := teacher(name, rows, count, seed, half))]
        figures[f"untaught {count}"] = mean([o.recall(False)[1] - o.recall(False)[0] for o in some])
    for count in (20, 10):
        pairs = [(teacher(name, rows, count, seed), teacher(name, rows, count, seed, mislabel=True)) for seed in range(seeds)]
        if all(right and wrong for right, wrong in pairs):
            figures["mislabelled costs"] = mean([r.recall(True)[1] - w.recall(True)[1] for r, w in pairs])
            figures["mislabelled named"] = mean([float(any(s["item"].endswith("/0000.jpg") for s in w.said["look_again"])) for _, w in pairs])
            break
    print(f"teach_report: {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)
    return figures


def table(all_figures: dict[str, dict[str, float]]) -> list[str]:
    """The main table: share found of the streams taught."""
    lines = ["| chamber | network alone | " + " | ".join(f"{c} taught" for c in COUNTS) + " | untaught streams, change (1, 5, 10, 20) |",
             "|---|---:|" + "---:|" * len(COUNTS) + "---|"]
    for name, f in all_figures.items():
        change = ", ".join(f"{100 * f[f'untaught {c}']:+.1f}" if np.isfinite(f.get(f"untaught {c}", np.nan)) else "-" for c in COUNTS)
        cells = " | ".join(f"{percent(f.get(f'after {c}', np.nan))} (from {percent(f.get(f'before {c}', np.nan))})" for c in COUNTS)
        lines.append(f"| {name} | {percent(f.get('before 5', f.get('before 1', np.nan)))} | {cells} | {change} |")
    return lines


def rest_table(all_figures: dict[str, dict[str, float]]) -> list[str]:
    """Acceptance, what the report says, the mislabelled item."""
    lines = ["| chamber | accepted at 20 (10) | of those right | report's own figure | a mislabelled item costs | is named |", "|---|---:|---:|---:|---:|---:|"]
    for name, f in all_figures.items():
        count = max((c for c in COUNTS if f"after {c}" in f), default=1)
        cells = [f.get(f"accepted {count}", np.nan), f.get(f"pure {count}", np.nan), f.get(f"said {count}", np.nan),
                 f.get("mislabelled costs", np.nan), f.get("mislabelled named", np.nan)]
        lines.append(f"| {name} | " + " | ".join(percent(cell) for cell in cells) + " |")
    return lines


def draw(all_figures: dict[str, dict[str, float]], out: Path) -> None:
    """Share found against items taught, one line a chamber."""
    figure, axes = pyplot.subplots(figsize=(7, 4.2))
    for name, f in all_figures.items():
        counts = [c for c in COUNTS if f"after {c}" in f]
        axes.plot([0, *counts], [f[f"before {counts[0]}"], *(f[f"after {c}"] for c in counts)], marker="o", markersize=3, label=name)
    axes.set_xlabel("items taught of each stream")
    axes.set_ylabel("share found, mean of the streams taught")
    axes.axhline(0.93, color="grey", linewidth=0.7, linestyle=":")
    axes.legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    """Measures and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--places", type=Path, nargs="*", help="folders of rendered places")
    parser.add_argument("--left-out", type=Path, nargs="*", default=[], help="bundles of left_out.py")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--each", type=int, default=60, help="photographs of a stream at most")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(args.binary, args.bundle, args.work)
    figures = {name: measure(teacher, name, rows, args.seeds) for name, rows in chambers(args).items()}
    for bundle in args.left_out:
        name, rows = left_out(bundle, args)
        figures[name] = measure(Teacher(args.binary, bundle, args.work), name, rows, args.seeds)
    figures = {name: f for name, f in figures.items() if f}
    sizes = max(f["megabytes"] for f in figures.values())
    comparison = args.bundle / "teach_heads.md"
    text = (Path(__file__).parent / "teach.md.in").read_text()
    fill = {"NAME": args.bundle.resolve().name, "VERSION": bundle_says(args.bundle, "version"), "SEEDS": str(args.seeds), "EACH": str(args.each),
            "TABLE": "\n".join(table(figures)), "REST": "\n".join(rest_table(figures)), "SIZE": f"{sizes:.2f}", "LEFT_OUT": said_of(args.left_out),
            "HEADS": comparison.read_text().strip() if comparison.exists() else "Not yet measured."}
    for key, value in fill.items():
        text = text.replace(f"@{key}@", value)
    (args.bundle / "TEACH.md").write_text(text)
    draw(figures, args.bundle / "teach.svg")
    print("\n".join(table(figures)))


if __name__ == "__main__":
    main()
