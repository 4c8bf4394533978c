"""The product's own verdicts on pictures: runs `bunri classify --json`, and turns the answers into figures.

Never decides anything itself: what is accepted, and as what, is the binary's word.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labels import LABELS

STREAMS = tuple(label for label in LABELS if label != "unknown")
CHUNK = 400  # paths on one command line


@dataclass
class Verdicts:
    """What the binary said about pictures, beside the truth.

    Attributes:
        truth: true label of each picture, with "unknown" for none of ours.
        label: best label.
        stream: stream of the best label ("general" for the unknown).
        probability: calibrated probability of the best label.
        accepted: the binary would sort it into a stream of its own.
        energy: how strange the picture looks, higher is stranger.
        milliseconds: time for resizing and the network.
    """

    truth: np.ndarray
    label: np.ndarray
    stream: np.ndarray
    probability: np.ndarray
    accepted: np.ndarray
    energy: np.ndarray
    milliseconds: np.ndarray

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, mask: np.ndarray) -> "Verdicts":
        """The verdicts for which `mask` holds."""
        return Verdicts(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))

    @property
    def true_stream(self) -> np.ndarray:
        """Stream that each picture belongs in."""
        return np.where(self.truth == "unknown", "general", self.truth)

    @property
    def right(self) -> np.ndarray:
        """bool [N]: the best label goes to the right stream."""
        return self.stream == self.true_stream

    @property
    def known(self) -> np.ndarray:
        """bool [N]: one of the nine streams."""
        return self.truth != "unknown"


def join(parts: list[Verdicts]) -> Verdicts:
    """One list out of several."""
    return Verdicts(*(np.concatenate([getattr(part, name) for part in parts]) for name in Verdicts.__dataclass_fields__))


def classify(binary: Path, bundle: Path, paths: list[Path], truth: list[str], site: Path | None = None) -> Verdicts:
    """Runs the binary on pictures, with a site head where one is given.

    Raises:
        SystemExit: the binary failed, or left a picture out.
    """
    answers: dict[str, dict] = {}
    for start in range(0, len(paths), CHUNK):
        command = [str(binary), "classify", "--json", "--bundle", str(bundle), *(["--site", str(site)] if site else []), *map(str, paths[start : start + CHUNK])]
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2], check=False)
        if done.returncode != 0:
            raise SystemExit(f"report: {binary} classify failed: {done.stderr.strip()[-400:]}")
        for line in done.stdout.splitlines():
            answer = json.loads(line)
            answers[answer["path"]] = answer
    missing = [path for path in paths if str(path) not in answers]
    if missing:
        raise SystemExit(f"report: {binary} said nothing about {len(missing)} pictures, first {missing[0]}")
    rows = [answers[str(path)] for path in paths]
    return Verdicts(
        np.array(truth, dtype=object),
        np.array([row["label"] for row in rows], dtype=object),
        np.array([row["label_stream"] for row in rows], dtype=object),
        np.array([row["probability"] for row in rows]),
        np.array([row["accepted"] for row in rows]),
        np.array([row["energy"] for row in rows]),
        np.array([row["infer_ms"] for row in rows]),
    )


def precision_recall(v: Verdicts) -> dict[str, tuple[float, float, int]]:
    """(precision, recall, pictures) of each stream, by the best label; NaN where nothing is to divide."""
    out = {}
    for stream in STREAMS:
        said, true = v.stream == stream, v.true_stream == stream
        both = float((said & true).sum())
        out[stream] = (both / said.sum() if said.any() else np.nan, both / true.sum() if true.any() else np.nan, int(true.sum()))
    return out


def purity_and_coverage(v: Verdicts) -> tuple[float, float]:
    """Of what is accepted, how much is right, impurities of any kind counted; of the known, how much is accepted."""
    accepted = v.accepted
    return float(v.right[accepted].mean()) if accepted.any() else np.nan, float(accepted[v.known].mean())


def risk_coverage(v: Verdicts) -> tuple[np.ndarray, np.ndarray]:
    """Coverage and error rate when only the surest are taken, surest first."""
    order = np.argsort(-v.probability, kind="stable")
    wrong = np.cumsum(~v.right[order])
    count = np.arange(1, len(v) + 1)
    return count / len(v), wrong / count


def reliability(v: Verdicts, bins: int = 15) -> tuple[list[tuple[float, float, int]], float]:
    """(mean probability, share right by label, pictures) per bin, and the expected calibration error."""
    hit = v.label == v.truth
    place = np.minimum((v.probability * bins).astype(int), bins - 1)
    rows = [(float(v.probability[place == b].mean()), float(hit[place == b].mean()), int((place == b).sum())) for b in range(bins) if (place == b).any()]
    return rows, float(sum(abs(p - h) * n for p, h, n in rows) / len(v))


def rejected_at(v: Verdicts, strangeness: np.ndarray, known_kept: float) -> float:
    """Share of unknowns rejected by the limit on `strangeness` (high is strange) that keeps `known_kept` of the known.

    A picture whose best label is "unknown" is rejected whatever else is said of it, known or not.
    """
    if v.known.all():
        return np.nan
    value = np.where(v.label == "unknown", np.inf, strangeness)
    limit = np.quantile(value[v.known], known_kept, method="higher")
    return float((value[~v.known] > limit).mean()) if np.isfinite(limit) else 0.0
