"""Make a bundle out of an int8 model: measure it, calibrate it, and write the manifest, the card and a plot beside it.

The card is `card.md.in` with the figures put in.
Never: a figure in the manifest or the card that this program did not measure on the model it is about.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from labels import KNOWN, LABELS, UNKNOWN, stream_of
from measure import Calibration, by_stream, calibrate, calibration_error, right, run
from pictures import Pictures, elsewhere, join, photographs, renders


def manifest(args: argparse.Namespace, calibration: Calibration, figures: dict, notes: str) -> str:
    """The text of `manifest.toml`."""
    digest = hashlib.sha256((args.out / "model.onnx").read_bytes()).hexdigest()
    lines = [
        "format = 1",
        f'name = "{args.name}"',
        f'version = "{args.version}"',
        f'created = "{args.created}"',
        "",
        "[model]",
        'file = "model.onnx"',
        f'sha256 = "{digest}"',
        'input = "pixels"',
        'layout = "nhwc"',
        'dtype = "uint8"',
        "width = 224",
        "height = 224",
        'output = "logits"',
        'embedding = "embedding"',
        "",
        "[calibration]",
        f"temperature = {calibration.temperature}",
        f"energy_limit = {calibration.energy_limit}",
    ]
    for index, label in enumerate(LABELS):
        lines += ["", "[[label]]", f'id = "{label}"', f'stream = "{stream_of(index)}"']
        lines.append(f"threshold = {calibration.thresholds[index]:.2f}")
        if index == UNKNOWN:
            lines.append("unknown = true")
    lines += ["", "[training]"]
    for key in ("pictures", "rendered", "test_pictures", "test_top1_int8", "test_top1_float"):
        lines.append(f"{key} = {figures[key]}")
    lines.append(f"notes = {json.dumps(notes, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def plot_confusion(logits: np.ndarray, labels: np.ndarray, title: str, out: Path) -> None:
    """Confusion of labels, counts in the cells, shade by share of the true label."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    count = len(LABELS)
    table = np.zeros((count, count), int)
    np.add.at(table, (labels, logits.argmax(1)), 1)
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    figure, axes = pyplot.subplots(figsize=(6.4, 5.8), dpi=100)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row in range(count):
        for column in range(count):
            if table[row, column]:
                colour = "white" if share[row, column] > 0.55 else "black"
                axes.text(column, row, str(table[row, column]), ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(count), LABELS, rotation=45, ha="right")
    axes.set_yticks(range(count), LABELS)
    axes.set_xlabel("best label")
    axes.set_ylabel("truth")
    axes.set_title(title, fontsize=10)
    figure.tight_layout()
    figure.savefig(out)
    pyplot.close(figure)


def _table(int8: np.ndarray, full: np.ndarray, accepted: np.ndarray, pictures: Pictures) -> str:
    """A Markdown table: per true label, pictures, right in int8 and float, and accepted with how many of those right."""
    lines = ["| truth | pictures | int8 right | float right | accepted | of those right |", "|---|---:|---:|---:|---:|---:|"]
    hits = right(int8, pictures.labels)
    mine, theirs = by_stream(int8, pictures.labels), by_stream(full, pictures.labels)
    for label, (good, count) in mine.items():
        of_label = pictures.labels == LABELS.index(label)
        taken = accepted & of_label
        lines.append(
            f"| {label} | {count} | {good} ({good / count:.1%}) | {theirs[label][0]} | {taken.sum()} | {(taken & hits).sum()} |"
        )
    lines.append(
        f"| all | {len(hits)} | {hits.sum()} ({hits.mean():.1%}) | {right(full, pictures.labels).sum()} "
        f"({right(full, pictures.labels).mean():.1%}) | {accepted.sum()} | {(accepted & hits).sum()} |"
    )
    return "\n".join(lines)


def _counts(pictures: Pictures) -> str:
    """A Markdown table of pictures per label, origin and split."""
    lines = ["| label | photos train / val / test | renders train / val / test |", "|---|---:|---:|"]
    for index, label in enumerate(LABELS):
        cells = []
        for rendered in (False, True):
            mine = (pictures.labels == index) & (pictures.rendered == rendered)
            cells.append(" / ".join(str(int((mine & (pictures.splits == s)).sum())) for s in ("train", "validation", "test")))
        lines.append(f"| {label} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, calibrate and write one bundle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="int8 model, with its *.float.onnx beside it")
    parser.add_argument("--baseline", type=Path, help="float ONNX of the frozen baseline, for the comparison in the card")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--renders", type=Path, nargs="+", default=[])
    parser.add_argument("--proving", type=Path, help="validation composites, to fit the thresholds on too")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the bundle's folder")
    parser.add_argument("--name", default="bunri-lite0")
    parser.add_argument("--version", required=True)
    parser.add_argument("--created", required=True)
    parser.add_argument("--notes", required=True)
    args = parser.parse_args()

    parts = [photographs(args.photos, args.split, args.cache)]
    parts += [renders(folder, args.cache) for folder in args.renders]
    pictures = join(parts)
    sets = {"photo validation": pictures.where((pictures.splits == "validation") & ~pictures.rendered)}
    sets["photo test"] = pictures.where((pictures.splits == "test") & ~pictures.rendered)
    if args.renders:
        sets["render validation"] = pictures.where((pictures.splits == "validation") & pictures.rendered)
        sets["render test"] = pictures.where((pictures.splits == "test") & pictures.rendered)
    if args.proving:
        sets["composite validation"] = renders(args.proving, args.cache)
    sets["elsewhere"] = elsewhere(args.photos, args.cache)

    int8 = {key: run(args.model, value) for key, value in sets.items()}
    full = {key: run(args.model.with_suffix(".float.onnx"), value) for key, value in sets.items()}
    fitting = [key for key in sets if key.endswith("validation")]
    calibration = calibrate(args.model, join([sets[key] for key in fitting]))

    figures: dict = {
        "pictures": int(((pictures.splits == "train") & ~pictures.rendered).sum()),
        "rendered": int(((pictures.splits == "train") & pictures.rendered).sum()),
        "test_pictures": len(sets["photo test"]),
        "test_top1_int8": round(float(right(int8["photo test"], sets["photo test"].labels).mean()), 4),
        "test_top1_float": round(float(right(full["photo test"], sets["photo test"].labels).mean()), 4),
        "temperature": calibration.temperature,
        "energy_limit": calibration.energy_limit,
        "megabytes": round(args.model.stat().st_size / 1e6, 2),
        "sets": {},
    }
    tables = []
    for key, value in sets.items():
        hits, accepted = right(int8[key], value.labels), calibration.accepted(int8[key])
        known = np.isin(value.labels, KNOWN)
        figures["sets"][key] = {
            "pictures": len(value),
            "int8": round(float(hits.mean()), 4),
            "float": round(float(right(full[key], value.labels).mean()), 4),
            "known_accepted": round(float(accepted[known].mean()), 4),
            "accepted_right": round(float(hits[accepted].mean()), 4) if accepted.any() else None,
            "unknown_rejected": round(float((~accepted[~known]).mean()), 4) if (~known).any() else None,
            "calibration_error": round(calibration_error(int8[key], value.labels, calibration.temperature), 4),
            "by_stream": {label: f"{good}/{count}" for label, (good, count) in by_stream(int8[key], value.labels).items()},
        }
        if args.baseline:
            figures["sets"][key]["frozen"] = round(float(right(run(args.baseline, value), value.labels).mean()), 4)
        tables.append(f"### {key}\n\n{_table(int8[key], full[key], accepted, value)}")
        print(key, json.dumps(figures["sets"][key]))

    args.out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(args.model, args.out / "model.onnx")
    (args.out / "manifest.toml").write_text(manifest(args, calibration, figures, args.notes))
    tested = [key for key in sets if key.endswith(" test")]
    plot_confusion(
        np.concatenate([int8[key] for key in tested]),
        np.concatenate([sets[key].labels for key in tested]),
        f"{args.name} {args.version}, int8, test split ({' and '.join(tested)})",
        args.out / "confusion.png",
    )
    summary = ["| pictures | count | int8 | float | frozen baseline | known accepted | right of accepted | unknown rejected |"]
    summary.append("|---|---:|---:|---:|---:|---:|---:|---:|")
    for key, value in figures["sets"].items():
        cells = [value.get(name) for name in ("int8", "float", "frozen", "known_accepted", "accepted_right", "unknown_rejected")]
        shown = " | ".join("-" if cell is None else f"{cell:.1%}" for cell in cells)
        summary.append(f"| {key} | {value['pictures']} | {shown} |")
    thresholds = ", ".join(f"{label} {value:.2f}" for label, value in zip(LABELS, calibration.thresholds) if label != "unknown")
    card = (Path(__file__).parent / "card.md.in").read_text()
    for key, value in {
        "NAME": args.name,
        "VERSION": args.version,
        "NOTES": args.notes,
        "MEGABYTES": figures["megabytes"],
        "COUNTS": _counts(pictures),
        "SUMMARY": "\n".join(summary),
        "TABLES": "\n\n".join(tables),
        "TEMPERATURE": calibration.temperature,
        "ENERGY": calibration.energy_limit,
        "THRESHOLDS": thresholds,
    }.items():
        card = card.replace(f"@{key}@", str(value))
    (args.out / "MODEL_CARD.md").write_text(card)
    print(f"{args.out}: temperature {calibration.temperature}, energy limit {calibration.energy_limit}, {thresholds}")


if __name__ == "__main__":
    main()
