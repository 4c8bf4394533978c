"""Side questions about the recipe, each a small training of its own: sources left out, TrashNet alone, other backbones.

    trials.py sources   --photos $PHOTOS --renders $RENDERS $COMPOSITES --out sources.json
    trials.py trashnet  --photos $PHOTOS --out trashnet.json
    trials.py backbones --photos $PHOTOS --renders $RENDERS --out backbones.json

Every network starts from the ImageNet weights and is judged as int8, unless it says float. Results are written after
each training, and those that are there are not made again. `report.py --trials` puts them into REPORT.md.
Never: weights of the shipped bundle as a start, for they have seen every source.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Generator

import fit
from graph import float_model
from labels import LABELS
from measure import right, run
from network import VARIANTS, Lite, pretrained
from pictures import Pictures, join, photographs, renders, squash
from quantise import quantise

# The six classes of TrashNet in its authors' order.
SIX = ("glass", "paper", "cardboard", "plastic", "metal", "trash")
SEEDS = (1, 2, 3, 4, 5)
# Thumbnails of 32 x 32 greys that correlate more than this show the same thing.
SAME = 0.95


class Results:
    """A JSON file of figures by name, written whole after each one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.figures: dict = json.loads(path.read_text()) if path.exists() else {}

    def want(self, name: str) -> bool:
        """Whether it is still to be made."""
        if name in self.figures:
            print(f"trials: {name} is there already", flush=True)
        return name not in self.figures

    def keep(self, name: str, figures: object) -> None:
        """Writes it down."""
        self.figures[name] = figures
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.figures, indent=1) + "\n")
        part.rename(self.path)
        print(f"trials: {name}: {json.dumps(figures)}", flush=True)


def train(pictures: Pictures, sets: dict[str, Pictures], args: argparse.Namespace, seed: int, variant: str = "lite0", **changed: object) -> Lite:
    """The last layer first, then everything gently: the shipped recipe with fewer draws. The settings are `fit.py`'s."""
    settings = fit.arguments().parse_args(["tune", "--photos", str(args.photos), "--out", str(args.out.with_suffix(".pt"))])
    vars(settings).update(threads=args.threads, views=1, seed=seed, **changed)
    torch.manual_seed(seed)
    generator = Generator().manual_seed(seed)
    network = pretrained(len(LABELS), variant)
    fit.fit_head(network, pictures, settings, generator)
    return fit.tune(network, pictures, sets, settings, generator)


def int8_logits(network: Lite, calibration: np.ndarray, pictures: Pictures, file: Path, threads: int) -> np.ndarray:
    """Quantised with those calibration pictures and run; float32 [N, labels]. The model stays in `file`."""
    onnx.save(quantise(float_model(network, calibration.shape[1]), calibration, "minmax"), file)
    return run(file, pictures, threads)


def float_logits(network: Lite, pictures: Pictures) -> np.ndarray:
    """float32 [N, labels] of the float network."""
    with torch.inference_mode():
        return network.last(fit.embed_exact(network, pictures)).numpy()


def drawn(pictures: Pictures, each: int = 12) -> np.ndarray:
    """Calibration pictures: `each` of a label, uint8 [N, size, size, 3]."""
    random = np.random.default_rng(1)
    chosen = [random.permutation(np.flatnonzero(pictures.labels == label))[:each] for label in np.unique(pictures.labels)]
    return pictures.exact[np.concatenate(chosen)]


def trashnet(args: argparse.Namespace) -> None:
    """Six classes, five seeds. Split by a hash of the name; training pictures that look like a test picture are left out."""
    with open(args.photos / "manifest.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith("trashnet/") and row["use"] == "train"]
    exact = np.stack([squash(args.photos / row["path"], 224) for row in rows])
    large = np.stack([squash(args.photos / row["path"], 256) for row in rows])
    buckets = [int.from_bytes(hashlib.sha256(Path(row["path"]).name.encode()).digest()[:8], "big") % 100 for row in rows]
    pictures = Pictures(
        paths=np.array([row["path"] for row in rows], object),
        labels=np.array([SIX.index(row["original_class"]) for row in rows], np.int64),
        splits=np.array(["test" if bucket < 20 else "train" for bucket in buckets], object),
        large=large,
        exact=exact,
        rendered=np.zeros(len(rows), bool),
    )
    grey = exact.mean(3).reshape(len(rows), 32, 7, 32, 7).mean((2, 4)).reshape(len(rows), -1)
    grey = (grey - grey.mean(1, keepdims=True)) / (grey.std(1, keepdims=True) + 1e-6)
    test, training = pictures.split("test"), pictures.splits == "train"
    alike = (grey[training] @ grey[~training].T / grey.shape[1]).max(1) > SAME
    chosen = pictures.where(np.flatnonzero(training)[~alike])
    results = Results(args.out)
    results.figures["pictures"] = {
        "train": len(chosen), "test": len(test), "near duplicates left out": int(alike.sum()),
        "test by class": {name: int((test.labels == index).sum()) for index, name in enumerate(SIX)},
    }
    for seed in SEEDS:
        if results.want(f"seed {seed}"):
            network = train(chosen, {}, args, seed, gentle=True, frozen=3, epochs=args.epochs, early_epochs=args.epochs - 4, early_size=192, rate=6e-4)
            full = float_logits(network, test)
            small = int8_logits(network, drawn(chosen), test, args.out.with_suffix(".onnx"), args.threads)
            figures = {"int8": float((small.argmax(1) == test.labels).mean()), "float": float((full.argmax(1) == test.labels).mean())}
            results.keep(f"seed {seed}", figures)


def sources(args: argparse.Namespace) -> None:
    """Each source of photographs left out in turn, with and without the rendered set, judged on the streams that another source has."""
    photos = photographs(args.photos, args.split, args.cache)
    rendered = join([renders(folder, args.cache) for folder in args.renders])
    names = np.array([path.split("/")[0] for path in photos.paths])
    results = Results(args.out)
    for source in sorted(set(names)):
        away = photos.where(names == source)
        home = photos.where((names != source) & (photos.splits == "train"))
        # Composites are made of photographs: those of the source that is left out must not come back by that door.
        for kind, pictures in (("photographs", home), ("with renders", join([home, rendered.split("train")]))):
            known = np.isin(away.labels, pictures.labels)
            name = f"without {source}, {kind}"
            if not known.any() or not results.want(name):
                continue
            asked = away.where(known)
            network = train(pictures, {}, args, 1, epochs=3, early_epochs=2, early_size=160, draws=1920, render_share=0.6)
            logits = int8_logits(network, drawn(pictures), asked, args.out.with_suffix(".onnx"), args.threads)
            hits = right(logits, asked.labels)
            by_label = {LABELS[label]: [int(hits[asked.labels == label].sum()), int((asked.labels == label).sum())] for label in np.unique(asked.labels)}
            results.keep(name, {"pictures": len(asked), "top1": float(hits.mean()), "mean of streams": float(np.mean([a / b for a, b in by_label.values()])), "by stream": by_label})


def milliseconds(file: Path, size: int, runs: int = 60) -> float:
    """Median time of an int8 model on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(1).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    spent = []
    for _ in range(runs):
        began = time.perf_counter()
        session.run(None, {"pixels": pixels})
        spent.append((time.perf_counter() - began) * 1e3)
    return float(np.median(spent))


def backbones(args: argparse.Namespace) -> None:
    """Lite0 at 224 against Lite1 and Lite2 at 256 (240 and 260 in their paper; our padding wants multiples of 32)."""
    pictures = join([photographs(args.photos, args.split, args.cache), *(renders(folder, args.cache) for folder in args.renders)])
    chosen = pictures.split("train")
    validation = pictures.split("validation")
    results = Results(args.out)
    for variant in VARIANTS:
        size = 224 if variant == "lite0" else 256
        if not results.want(variant):
            continue
        network = train(chosen, {}, args, 1, variant, epochs=2, early_epochs=1, early_size=size - 64, late_size=size, draws=2400, render_share=0.5)
        at_size = Pictures(**{**vars(validation), "exact": validation.exact if size == 224 else validation.large})
        calibration = drawn(chosen if size == 224 else Pictures(**{**vars(chosen), "exact": chosen.large}))
        file = args.out.with_name(f"{variant}.onnx")
        logits = int8_logits(network, calibration, at_size, file, args.threads)
        hits = right(logits, validation.labels)
        results.keep(variant, {
            "size": size, "photo validation": float(hits[~validation.rendered].mean()), "render validation": float(hits[validation.rendered].mean()),
            "megabytes": file.stat().st_size / 1e6,
        })
    # In turns: the machine may be busier when one is made than when another is.
    spent = {variant: [] for variant in VARIANTS}
    for variant in list(VARIANTS) * 3:
        spent[variant].append(milliseconds(args.out.with_name(f"{variant}.onnx"), results.figures[variant]["size"]))
    for variant, times in spent.items():
        results.keep(variant, results.figures[variant] | {"milliseconds": float(np.median(times))})


def main() -> None:
    """Runs one kind of trial."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = {"sources": sources, "trashnet": trashnet, "backbones": backbones}
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--renders", type=Path, nargs="+", default=[])
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="JSON of the results")
    parser.add_argument("--epochs", type=int, default=12, help="trashnet: passes over the training pictures")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    kinds[args.kind](args)


if __name__ == "__main__":
    main()
