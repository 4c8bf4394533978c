"""The report of a bundle: REPORT.md, its plots and `report.json`, from the answers of the product's own binary.

    report.py --binary ../../target/release/bunri --bundle ../bunri-lite0 --photos $PHOTOS --renders $RENDERS --work $CACHE/report

Every figure of recognition is `bunri classify --json`'s; only float against int8 and the latency of the bare network are
measured with ONNX Runtime in Python, and say so. What was not measured says "not yet measured".
Never: a result written by hand, or a bar moved after it was measured.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

from judge import (
    Verdicts, classify, join, precision_recall, purity_and_coverage, rejected_at, reliability, risk_coverage,
)
from labels import LABELS, label_index
from perturb import STRENGTHS, SUITE, perturbed
from plots import draw

NAMES_IN_TEMPLATE = {"sources": "SOURCES-OUT", "trashnet": "TRASHNET", "backbones": "BACKBONES"}

# The bars of the project: (name in the report, least or most, limit).
BARS = {
    "photo test, nine streams, top-1": (">=", 0.94),
    "photo test, purity of what is accepted": (">=", 0.98),
    "photo test, coverage of the known": (">=", 0.85),
    "rendered places never trained in, top-1": (">=", 0.92),
    "perturbations of medium strength, mean loss": ("<=", 0.04),
    "unknowns rejected where 95 % of the known stay": (">=", 0.85),
    "expected calibration error, photo test": ("<=", 0.03),
    "int8 against float, loss of top-1": ("<=", 0.005),
    "latency of the network, times Lite0 at 224": ("<=", 1.15),
    "size of the bundle, MB": ("<=", 12.0),
    "leave-one-source-out, top-1": (">=", 0.75),
    "TrashNet six-class, five seeds, int8": (">=", 0.95),
}


def truth_of(label: str) -> str:
    """The label that a truth column's name stands for."""
    return LABELS[label_index(label)]


def rows_of(file: Path, folder: Path, keep: dict[str, set[str]]) -> list[tuple[Path, str, str]]:
    """(file, label, name) of the rows of a CSV whose columns have one of the values asked for."""
    with open(file, newline="") as f:
        rows = [row for row in csv.DictReader(f) if all(row[key] in values for key, values in keep.items())]
    return [(folder / row["path"], truth_of(row["stream"]), row["path"]) for row in rows if (folder / row["path"]).is_file()]


def sample(rows: list[tuple[Path, str, str]], each: int) -> list[tuple[Path, str, str]]:
    """At most `each` of a label, by a hash of the name."""
    taken: dict[str, int] = {}
    out = []
    for row in sorted(rows, key=lambda row: hashlib.sha256(row[2].encode()).digest()):
        taken[row[1]] = taken.get(row[1], 0) + 1
        if taken[row[1]] <= each:
            out.append(row)
    return out


class Judge:
    """The binary on one bundle, remembering nothing."""

    def __init__(self, binary: Path, bundle: Path) -> None:
        self.binary, self.bundle = binary.resolve(), bundle.resolve()

    def __call__(self, rows: list[tuple[Path, str, str]]) -> Verdicts:
        return classify(self.binary, self.bundle, [row[0].resolve() for row in rows], [row[1] for row in rows])


def perturbations(judge: Judge, rows: list[tuple[Path, str, str]], work: Path) -> dict[str, list[float]]:
    """Top-1 of the sample, clean and under each trouble at three strengths."""
    out = {"clean": [float(judge(rows).right.mean())]}
    began, done = time.monotonic(), 0
    for trouble in SUITE:
        figures = []
        for level in range(3):
            made = []
            for path, label, name in rows:
                file = work / trouble.replace(" ", "-") / STRENGTHS[level] / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.jpg"
                if not file.exists():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with Image.open(path) as picture:
                        part = file.with_suffix(".part")
                        perturbed(picture, trouble, level, name).save(part, "JPEG", quality=95)
                        part.rename(file)
                made.append((file, label, name))
            figures.append(float(judge(made).right.mean()))
            done += 1
            left = (time.monotonic() - began) / done * (3 * len(SUITE) - done)
            print(f"report: {trouble} {STRENGTHS[level]} {figures[-1]:.3f}, {left / 60:.1f} min left", flush=True)
        out[trouble] = figures
    return out


def float_and_int8(int8: Path, full: Path, rows: list[tuple[Path, str, str]]) -> dict[str, dict[str, float]]:
    """Top-1 by label of both networks, run by ONNX Runtime in Python on the same bytes."""
    from measure import by_stream, right, run
    from pictures import Pictures, squash

    labels = np.array([label_index(row[1]) for row in rows])
    exact = np.stack([squash(row[0], 224) for row in rows])
    nothing = np.zeros(len(rows), bool)
    pictures = Pictures(np.array([row[2] for row in rows], object), labels, nothing, exact, exact, nothing)
    out = {}
    for name, model in (("int8", int8), ("float", full)):
        logits = run(model, pictures, 1)
        out[name] = {"all": float(right(logits, labels).mean())}
        out[name] |= {label: good / count for label, (good, count) in by_stream(logits, labels).items()}
    return out


def latency_ratio(model: Path, reference: Path, runs: int = 200) -> dict[str, float]:
    """Median milliseconds on one thread of two networks, run in turns so that a busy machine is fair to both."""
    import onnxruntime

    sessions = []
    for path in (model, reference):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        sessions.append(onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]))
    pixels = np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    spent: list[list[float]] = [[], []]
    for _ in range(runs):
        for which, session in enumerate(sessions):
            began = time.perf_counter()
            session.run(None, {session.get_inputs()[0].name: pixels})
            spent[which].append((time.perf_counter() - began) * 1e3)
    ours, theirs = (float(np.median(part[10:])) for part in spent)
    return {"ours_ms": ours, "reference_ms": theirs, "ratio": ours / theirs}


def strangeness(bundle: Path, rows: list[tuple[Path, str, str]]) -> np.ndarray:
    """Distance of each picture's embedding to the nearest class mean, under the bundle's covariance; float [N].

    ONNX Runtime in Python: the binary's own limit is on the energy, and this one is only compared with it.
    """
    from pictures import Pictures, squash
    from statistics_file import FILE, embeddings, from_bytes

    exact = np.stack([squash(row[0], 224) for row in rows])
    nothing = np.zeros(len(rows), bool)
    vectors = embeddings(bundle / "model.onnx", Pictures(nothing, nothing, nothing, exact, exact, nothing))
    tensors = from_bytes((bundle / FILE).read_bytes())
    means = tensors["means"][: LABELS.index("unknown")]
    factor, diagonal = tensors["factor"], tensors["diagonal"]
    covariance = factor.T @ factor + np.diag(diagonal)
    whiten = np.linalg.inv(np.linalg.cholesky(covariance + 0.1 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))))
    return np.min([(((vectors - mean) @ whiten.T) ** 2).sum(1) for mean in means], 0)


def trials_text(folder: Path | None) -> dict[str, str]:
    """What `trials.py` found, as Markdown, by its kind."""
    out = {}
    for kind in ("sources", "trashnet", "backbones"):
        file = folder / f"{kind}.json" if folder else None
        out[kind] = trial_tables(kind, json.loads(file.read_text())) if file and file.exists() else "Not yet measured."
    return out


def trial_tables(kind: str, figures: dict) -> str:
    """One kind's table."""
    if kind == "trashnet":
        seeds = {name: value for name, value in figures.items() if name.startswith("seed")}
        lines = ["| | int8 | float |", "|---|---:|---:|", *(f"| {name} | {percent(v['int8'])} | {percent(v['float'])} |" for name, v in seeds.items())]
        spread = [f"{np.mean([v[k] for v in seeds.values()]):.2%} ± {np.std([v[k] for v in seeds.values()], ddof=1):.2%}" for k in ("int8", "float")]
        counts = figures["pictures"]
        lines.append(f"| mean and deviation | {spread[0]} | {spread[1]} |" if len(seeds) > 1 else "")
        by_class = ", ".join(f"{name} {count}" for name, count in counts["test by class"].items())
        return "\n".join(lines) + (f"\n\n{counts['train']} pictures to train, {counts['near duplicates left out']} near duplicates of test pictures "
                                   f"left out, {counts['test']} to test ({by_class}).")
    if kind == "sources":
        lines = ["| trained | judged on | top-1 | mean of streams | by stream |", "|---|---:|---:|---:|---|"]
        for name, v in figures.items():
            streams = ", ".join(f"{label} {good}/{count}" for label, (good, count) in v["by stream"].items())
            lines.append(f"| {name} | {v['pictures']} | {percent(v['top1'])} | {percent(v['mean of streams'])} | {streams} |")
        return "\n".join(lines)
    lines = ["| backbone | input | photo validation | render validation | MB | ms, one thread |", "|---|---:|---:|---:|---:|---:|"]
    for name, v in figures.items():
        lines.append(f"| {name} | {v['size']} | {percent(v['photo validation'])} | {percent(v['render validation'])} | {v['megabytes']:.1f} | {v['milliseconds']:.1f} |")
    return "\n".join(lines)


def trial_bars(folder: Path | None, sources: int) -> dict[str, float]:
    """The bars that `trials.py` measures; `sources` of photographs there are to leave out."""
    out = {}
    if folder and (folder / "trashnet.json").exists():
        figures = json.loads((folder / "trashnet.json").read_text())
        seeds = [value["int8"] for name, value in figures.items() if name.startswith("seed")]
        if len(seeds) == 5:
            out["TrashNet six-class, five seeds, int8"] = float(np.mean(seeds))
    if folder and (folder / "sources.json").exists():
        figures = json.loads((folder / "sources.json").read_text())
        with_renders = [(v["top1"], v["pictures"]) for name, v in figures.items() if name.endswith("with renders")]
        # Of some sources only, the mean would be that of the hard ones, or of the easy.
        if len(with_renders) == sources:
            out["leave-one-source-out, top-1"] = float(np.average([v for v, _ in with_renders], weights=[n for _, n in with_renders]))
    return out


def percent(value: float | None) -> str:
    """A share for people."""
    return "-" if value is None or np.isnan(value) else f"{value:.1%}"


def set_line(name: str, v: Verdicts) -> str:
    """One line of the table of sets."""
    purity, coverage = purity_and_coverage(v)
    unknown = ~v.known
    rejected = float((~v.accepted[unknown]).mean()) if unknown.any() else None
    return f"| {name} | {len(v)} | {percent(float(v.right.mean()))} | {percent(coverage)} | {percent(purity)} | {percent(rejected)} | {percent(reliability(v)[1])} |"


def bars_table(measured: dict[str, float | None]) -> str:
    """The bars with what was measured."""
    lines = ["| bar | asked | measured | |", "|---|---:|---:|---|"]
    for name, (sense, limit) in BARS.items():
        value = measured.get(name)
        share = limit <= 1.0
        show = (lambda x: f"{x:.1%}") if share else (lambda x: f"{x:.2f}")
        if value is None:
            verdict, text = "not yet measured", "-"
        else:
            met = value >= limit if sense == ">=" else value <= limit
            miss = abs(value - limit)
            verdict = "met" if met else f"**missed** by {100 * miss:.1f} points" if share else f"**missed** by {show(miss)}"
            text = show(value)
        lines.append(f"| {name} | {sense} {show(limit)} | {text} | {verdict} |")
    return "\n".join(lines)


def stream_table(v: Verdicts) -> str:
    """Precision and recall of the best label, and what acceptance makes of it."""
    lines = ["| stream | pictures | precision | recall | accepted | of those right |", "|---|---:|---:|---:|---:|---:|"]
    for stream, (precision, recall, count) in precision_recall(v).items():
        mine = v.accepted & (v.stream == stream)
        right = float(v.right[mine].mean()) if mine.any() else None
        lines.append(f"| {stream} | {count} | {percent(precision)} | {percent(recall)} | {mine.sum()} | {percent(right)} |")
    return "\n".join(lines)


def source_table(photos: list[tuple[Path, str, str]], v: Verdicts) -> str:
    """Accuracy per source of photographs."""
    lines = ["| source | pictures | top-1 | coverage | purity |", "|---|---:|---:|---:|---:|"]
    source = np.array([row[2].split("/")[0] for row in photos])
    for name in sorted(set(source)):
        part = v.where(source == name)
        purity, coverage = purity_and_coverage(part)
        lines.append(f"| {name} | {len(part)} | {percent(float(part.right.mean()))} | {percent(coverage)} | {percent(purity)} |")
    return "\n".join(lines)


def trouble_table(troubles: dict[str, list[float]]) -> str:
    """Loss in points against the clean sample."""
    clean = troubles["clean"][0]
    lines = [f"| trouble | {' | '.join(STRENGTHS)} |", "|---|---:|---:|---:|"]
    for name, figures in troubles.items():
        if name != "clean":
            lines.append(f"| {name} | " + " | ".join(f"{x:.1%} ({(x - clean) * 100:+.1f})" for x in figures) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure one bundle and write its report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, required=True, help="the product, built with --release")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--renders", type=Path, nargs="+", default=[])
    parser.add_argument("--work", type=Path, required=True, help="folder for the perturbed pictures")
    parser.add_argument("--float", type=Path, help="float network of the same weights")
    parser.add_argument("--reference", type=Path, help="int8 Lite0 at 224 for the comparison of latency")
    parser.add_argument("--each", type=int, default=30, help="photographs per label in the perturbation suite")
    parser.add_argument("--trials", type=Path, help="folder with the results of trials.py")
    args = parser.parse_args()
    judge = Judge(args.binary, args.bundle)

    photos = rows_of(args.split, args.photos, {"split": {"test"}})
    rendered = [row for folder in args.renders for row in rows_of(folder / "truth.csv", folder, {"split": {"test"}})]
    unseen = [row for folder in args.renders for row in rows_of(folder / "truth.csv", folder, {"split": {"unseen"}})]
    away = rows_of(args.photos / "manifest.csv", args.photos, {"use": {"check_only"}})
    names = {"photo test": photos, "rendered test": rendered, "rendered, unseen places": unseen, "photographs elsewhere": away}
    sets = {name: judge(rows) for name, rows in names.items() if rows}
    for name, v in sets.items():
        print(set_line(name, v), flush=True)
    test = sets["photo test"]
    pooled = [name for name in ("photo test", "rendered test", "rendered, unseen places") if name in sets]
    pool = join([sets[name] for name in pooled])

    troubles = perturbations(judge, sample(photos, args.each), args.work)
    medium = [troubles["clean"][0] - figures[1] for name, figures in troubles.items() if name != "clean"]
    purity, coverage = purity_and_coverage(test)
    distance = strangeness(args.bundle, [row for name in pooled for row in names[name]])
    limits = {
        "energy": (test.energy, pool.energy),
        "probability": (-test.probability, -pool.probability),
        "distance to the nearest class mean": (distance[: len(test)], distance),
    }
    rejected = {
        where: {name: rejected_at(v, scores[which], 0.95) for name, scores in limits.items()}
        for which, (where, v) in enumerate((("photographs", test), ("pool", pool)))
    }
    measured: dict[str, float | None] = {
        "photo test, nine streams, top-1": float(test.right.mean()),
        "photo test, purity of what is accepted": purity,
        "photo test, coverage of the known": coverage,
        "perturbations of medium strength, mean loss": float(np.mean(medium)),
        "unknowns rejected where 95 % of the known stay": rejected["pool"]["energy"],
        "expected calibration error, photo test": reliability(test)[1],
        "size of the bundle, MB": sum(f.stat().st_size for f in args.bundle.iterdir() if f.is_file()) / 1e6,
    }
    if "rendered, unseen places" in sets:
        measured["rendered places never trained in, top-1"] = float(sets["rendered, unseen places"].right.mean())
    int8 = args.bundle / "model.onnx"
    both = latency = None
    if args.float:
        both = float_and_int8(int8, args.float, photos)
        measured["int8 against float, loss of top-1"] = both["float"]["all"] - both["int8"]["all"]
    if args.reference:
        latency = latency_ratio(int8, args.reference)
        measured["latency of the network, times Lite0 at 224"] = latency["ratio"]
    measured |= trial_bars(args.trials, len({row[2].split("/")[0] for row in photos}))

    draw(test, pool, troubles, args.bundle / "report.svg")
    figures = {
        "model_sha256": hashlib.sha256(int8.read_bytes()).hexdigest(),
        "bars": measured,
        "sets": {name: {"pictures": len(v), "top1": float(v.right.mean()), "purity": purity_and_coverage(v)[0], "coverage": purity_and_coverage(v)[1]} for name, v in sets.items()},
        "perturbations": troubles,
        "unknown_rejected": rejected,
        "float_and_int8": both,
        "latency": latency,
    }
    (args.bundle / "report.json").write_text(json.dumps(figures, indent=1) + "\n")
    template = (Path(__file__).parent / "report.md.in").read_text()
    manifest = (args.bundle / "manifest.toml").read_text()
    version = next(line.split('"')[1] for line in manifest.splitlines() if line.startswith("version"))
    sets_text = ["| pictures | count | top-1 | known accepted | accepted are right | unknown rejected | calibration error |", "|---|---:|---:|---:|---:|---:|---:|"]
    sets_text += [set_line(name, v) for name, v in sets.items()]
    cost = ["| label | int8 | float |", "|---|---:|---:|"]
    for label in both["int8"] if both else ():
        cost.append(f"| {label} | {percent(both['int8'][label])} | {percent(both['float'][label])} |")
    fill = {
        "NAME": args.bundle.resolve().name,
        "VERSION": version,
        "SHA": figures["model_sha256"][:16],
        "BARS": bars_table(measured),
        "SETS": "\n".join(sets_text),
        "STREAMS": stream_table(test),
        "UNSEEN": stream_table(sets["rendered, unseen places"]) if "rendered, unseen places" in sets else "Not yet measured.",
        "SOURCES": source_table(photos, test),
        "SAMPLE": str(len(sample(photos, args.each))),
        "CLEAN": percent(troubles["clean"][0]),
        "TROUBLES": trouble_table(troubles),
        "LIMITS": "\n".join([
            "| limit on | photographs | photographs and renders |", "|---|---:|---:|",
            *(f"| {name} | {percent(rejected['photographs'][name])} | {percent(rejected['pool'][name])} |" for name in limits),
        ]),
        "COST": "\n".join(cost) if both else "Not yet measured.",
        "LATENCY": "Not yet measured." if latency is None else (
            f"The network alone on one thread of the machine that made this report, in turns with the reference: "
            f"{latency['ours_ms']:.1f} ms against {latency['reference_ms']:.1f} ms, {latency['ratio']:.2f} times."),
        "BINARY": f"{float(np.median(test.milliseconds)):.1f}",
    }
    fill |= {NAMES_IN_TEMPLATE[kind]: text for kind, text in trials_text(args.trials).items()}
    for key, value in fill.items():
        template = template.replace(f"@{key}@", value)
    (args.bundle / "REPORT.md").write_text(template)
    print(fill["BARS"])


if __name__ == "__main__":
    main()
