"""The report's plots in one SVG: confusion, risk against coverage, reliability, perturbations."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

from judge import Verdicts, reliability, risk_coverage
from labels import LABELS
from perturb import STRENGTHS

matplotlib.use("Agg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bunri", "font.size": 8})
from matplotlib import pyplot  # noqa: E402


def _confusion(axes: pyplot.Axes, v: Verdicts) -> None:
    count = len(LABELS)
    table = np.zeros((count, count), int)
    place = {label: number for number, label in enumerate(LABELS)}
    np.add.at(table, ([place[x] for x in v.truth], [place[x] for x in v.label]), 1)
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.pcolormesh(share, cmap="Blues", vmin=0, vmax=1)
    axes.invert_yaxis()
    for row, column in zip(*np.nonzero(table)):
        axes.text(column + 0.5, row + 0.5, str(table[row, column]), ha="center", va="center", fontsize=7,
                  color="white" if share[row, column] > 0.55 else "black")
    axes.set_xticks(np.arange(count) + 0.5, LABELS, rotation=45, ha="right")
    axes.set_yticks(np.arange(count) + 0.5, LABELS)
    axes.set_xlabel("best label")
    axes.set_ylabel("truth")
    axes.set_title("confusion, photo test")


def _risk(axes: pyplot.Axes, sets: dict[str, Verdicts]) -> None:
    for name, v in sets.items():
        coverage, risk = risk_coverage(v)
        keep = np.unique(np.linspace(0, len(v) - 1, 120).astype(int))
        axes.plot(coverage[keep], risk[keep], label=name)
    axes.axhline(0.02, color="grey", linewidth=0.7, linestyle=":")
    axes.set_xlabel("coverage, surest first")
    axes.set_ylabel("share wrong")
    axes.set_ylim(0, None)
    axes.legend()
    axes.set_title("risk against coverage")


def _reliability(axes: pyplot.Axes, v: Verdicts) -> None:
    rows, error = reliability(v)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.7, linestyle=":")
    axes.scatter([r[0] for r in rows], [r[1] for r in rows], s=[8 + 90 * (r[2] / len(v)) ** 0.5 for r in rows])
    axes.set_xlabel("probability said")
    axes.set_ylabel("share right")
    axes.set_title(f"reliability, photo test: calibration error {error:.1%}")


def _troubles(axes: pyplot.Axes, troubles: dict[str, list[float]]) -> None:
    names = [name for name in troubles if name != "clean"]
    for level, strength in enumerate(STRENGTHS):
        axes.bar(np.arange(len(names)) + 0.27 * (level - 1), [troubles[name][level] for name in names], 0.25, label=strength)
    axes.axhline(troubles["clean"][0], color="grey", linewidth=0.7, linestyle=":")
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_ylim(0, 1)
    axes.legend(loc="lower left")
    axes.set_title("top-1 under perturbations (dotted: clean)")


def draw(test: Verdicts, pool: Verdicts, troubles: dict[str, list[float]], out: Path) -> None:
    """Writes the four plots; `pool` is photographs and renders together."""
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 8.6))
    _confusion(axes[0, 0], test)
    _risk(axes[0, 1], {"photo test": test, "with renders": pool})
    _reliability(axes[1, 0], test)
    _troubles(axes[1, 1], troubles)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})
    pyplot.close(figure)
