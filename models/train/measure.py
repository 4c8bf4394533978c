"""Run an ONNX model over pictures as the bin would, and turn its logits into figures.

Every figure is by stream: an unknown that is called unknown or general goes to general waste and is right; a can that is
called unknown is wrong. Temperature, energy limit and thresholds are fitted on validation only, on the int8 model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime

from labels import KNOWN, LABELS, UNKNOWN, stream_of
from pictures import Pictures, join
from quantise import scaled

THRESHOLD_LEAST, THRESHOLD_MOST = 0.4, 0.9
THRESHOLD_UNSURE = 0.95
PURITY = 0.99  # a point above what is asked: validation has few pictures of a label
KNOWN_PASSING = 0.95


def run(model: Path, pictures: Pictures, threads: int = 2) -> np.ndarray:
    """Logits float32 [N, labels] of a float (`x`) or int8 (`pixels`) model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    logits = np.zeros((len(pictures), len(LABELS)), np.float32)
    for index, pixels in enumerate(pictures.exact):
        value = pixels[None] if name == "pixels" else scaled(pixels[None])
        logits[index] = session.run(["logits"], {name: value})[0][0]
    return logits


def right(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """bool [N]: the best label goes to the true label's stream."""
    streams = np.array([stream_of(label) for label in range(len(LABELS))])
    return streams[logits.argmax(1)] == streams[labels]


def by_stream(logits: np.ndarray, labels: np.ndarray) -> dict[str, tuple[int, int]]:
    """(right, all) for each true label that occurs."""
    hits = right(logits, labels)
    return {LABELS[i]: (int(hits[labels == i].sum()), int((labels == i).sum())) for i in range(len(LABELS)) if (labels == i).any()}


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of the logits divided by the temperature."""
    value = logits.astype(np.float64) / temperature
    value = np.exp(value - value.max(1, keepdims=True))
    return value / value.sum(1, keepdims=True)


def energies(logits: np.ndarray, temperature: float) -> np.ndarray:
    """-T log sum exp(logits / T), over all labels: high where nothing fits."""
    value = logits.astype(np.float64) / temperature
    top = value.max(1)
    return -temperature * (top + np.log(np.exp(value - top[:, None]).sum(1)))


def fit_temperature(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """The temperature with the least weighted negative log likelihood."""
    candidates = np.exp(np.linspace(np.log(0.3), np.log(4.0), 400))
    rows = np.arange(len(labels))
    losses = [-(weights * np.log(probabilities(logits, t)[rows, labels] + 1e-12)).sum() for t in candidates]
    return float(candidates[int(np.argmin(losses))])


def calibration_error(logits: np.ndarray, labels: np.ndarray, temperature: float, bins: int = 15) -> float:
    """Expected calibration error of the best label's probability."""
    chance = probabilities(logits, temperature)
    best, hit = chance.max(1), chance.argmax(1) == labels
    place = np.minimum((best * bins).astype(int), bins - 1)
    return float(sum(abs(best[place == b].mean() - hit[place == b].mean()) * (place == b).mean() for b in range(bins) if (place == b).any()))


def turned(pictures: Pictures) -> Pictures:
    """Each picture in the eight ways a square can lie: an item in a bin lies in any."""
    ways = [(turn, mirror) for turn in range(4) for mirror in (1, -1)]
    exact = [np.ascontiguousarray(np.rot90(pictures.exact[:, :, ::mirror], turn, (1, 2))) for turn, mirror in ways]
    return join([replace(pictures, exact=way) for way in exact])


def fit_thresholds(logits: np.ndarray, labels: np.ndarray, temperature: float) -> list[float]:
    """Per label, the least probability at which the accepted are 99 % pure; for validation pictures `turned` eight ways.

    Where a label was the best of fewer than fifteen pictures' worth of them the figure would be chance, and `THRESHOLD_UNSURE` stands.
    """
    chance = probabilities(logits, temperature)
    best, top = chance.argmax(1), chance.max(1)
    hits = right(logits, labels)
    thresholds = []
    for label in range(len(LABELS)):
        if label == UNKNOWN:
            thresholds.append(0.0)
            continue
        if LABELS[label] == "general":
            thresholds.append(THRESHOLD_LEAST)
            continue
        mine = best == label
        if mine.sum() < 15 * 8:
            thresholds.append(THRESHOLD_UNSURE)
            continue
        value = THRESHOLD_MOST
        for candidate in np.arange(THRESHOLD_LEAST, THRESHOLD_MOST + 1e-9, 0.01):
            accepted = mine & (top >= candidate)
            if accepted.any() and hits[accepted].mean() >= PURITY:
                value = float(candidate)
                break
        thresholds.append(round(value, 2))
    return thresholds


@dataclass
class Calibration:
    """What the manifest says about probabilities.

    Attributes:
        temperature: divides the logits.
        energy_limit: an item whose energy is above it is unknown.
        thresholds: least probability per label.
    """

    temperature: float
    energy_limit: float
    thresholds: list[float]

    def accepted(self, logits: np.ndarray) -> np.ndarray:
        """bool [N]: known label, probability at or above its threshold, energy at or below the limit."""
        chance = probabilities(logits, self.temperature)
        best = chance.argmax(1)
        sure = chance.max(1) >= np.array(self.thresholds)[best]
        return sure & (best != UNKNOWN) & (energies(logits, self.temperature) <= self.energy_limit)


def calibrate(model: Path, pictures: Pictures) -> Calibration:
    """Temperature, energy limit and thresholds from validation pictures; photographs and renders weigh the same.

    The energy limit lets 95 % of the known photographs pass, and 95 % of the known renders.
    """
    logits = run(model, pictures)
    weights = np.zeros(len(pictures))
    limits = []
    origins = [mask for mask in (~pictures.rendered, pictures.rendered) if mask.any()]
    for mask in origins:
        weights[mask] = 1.0 / mask.sum() / len(origins)
    temperature = round(fit_temperature(logits, pictures.labels, weights), 3)
    energy = energies(logits, temperature)
    for mask in origins:
        known = mask & np.isin(pictures.labels, KNOWN)
        limits.append(np.quantile(energy[known], KNOWN_PASSING))
    views = turned(pictures)
    return Calibration(temperature, round(float(max(limits)), 3), fit_thresholds(run(model, views), views.labels, temperature))
