"""Compares heads that could be fitted on site, on the embeddings of the shipped network: teach_heads.md of the bundle.

    teach_heads.py --bundle ../bunri-lite0 --photos $PHOTOS --places $PLACES --left-out $WORK/without-trashnet/bundle --work $CACHE/teach

The product's head is the last; the others are what it was chosen over. Figures of the product itself are
`teach_report.py`'s. Never: an item judged that was taught.
"""

from __future__ import annotations

import argparse
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from labels import LABELS, label_index
from pictures import MODEL_SIZE, squash
from teach_report import COUNTS, LEFT, Rows, bundle_says, chambers, half, left_out, percent

GENERAL = LABELS.index("general")
DRAWN, DRAWN_WEIGHT, SURE = 20, 10.0, 5.0


@dataclass
class Prior:
    """What the bundle says: class means, counts, factor and diagonal of the covariance, temperature."""

    means: np.ndarray
    counts: np.ndarray
    factor: np.ndarray
    diagonal: np.ndarray
    temperature: float

    @property
    def scale(self) -> float:
        """Root of the variance within a class."""
        return float(np.sqrt((self.factor**2).sum() + self.diagonal.sum()))

    def put(self, x: np.ndarray) -> np.ndarray:
        """Embeddings about the bundle's centre, in units of the spread within a class."""
        return (x - self.means[self.counts > 0].mean(0)) / self.scale

    def whiten(self, x: np.ndarray) -> np.ndarray:
        """Embeddings in units of the covariance within a class, a tenth of its mean variance added."""
        covariance = self.factor.T @ self.factor + np.diag(self.diagonal)
        covariance += 0.1 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        return np.linalg.solve(np.linalg.cholesky(covariance), x.T).T


def read_prior(bundle: Path) -> Prior:
    """Reads statistics.safetensors and the manifest's temperature."""
    data = (bundle / "statistics.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    parts = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            parts[name] = np.frombuffer(data[8 + size + start : 8 + size + end], "<f4").reshape(entry["shape"]).astype(np.float64)
    text = (bundle / "manifest.toml").read_text()
    temperature = next(float(line.split("=")[1]) for line in text.splitlines() if line.startswith("temperature"))
    return Prior(parts["means"], parts["counts"], parts["factor"], parts["diagonal"], temperature)


# A head: (prior, embeddings, logits, labels of the taught) -> (embeddings, logits) -> scores.
Head = Callable[[np.ndarray, np.ndarray], np.ndarray]


def network(prior: Prior, x: np.ndarray, logits: np.ndarray, y: np.ndarray) -> Head:
    """The network alone."""
    return lambda _, shown: shown


def nearest_mean(prior: Prior, x: np.ndarray, logits: np.ndarray, y: np.ndarray) -> Head:
    """Nearest class mean: the taught ones, shrunk to the bundle's as if it had seen five items."""
    means = prior.means.copy()
    for label in np.unique(y):
        own = x[y == label]
        means[label] = (5 * means[label] + own.sum(0)) / (5 + len(own))
    return lambda e, _: -((prior.put(e)[:, None] - prior.put(means)[None]) ** 2).sum(2)


def discriminant(prior: Prior, x: np.ndarray, logits: np.ndarray, y: np.ndarray) -> Head:
    """Linear discriminant with the bundle's covariance, shrunk; the chamber's shift is shared by all classes."""
    means, taught = prior.whiten(prior.means), prior.whiten(x)
    labels = np.unique(y)
    counts = np.array([(y == label).sum() for label in labels])
    off = np.stack([taught[y == label].mean(0) - means[label] for label in labels])
    sure = 1 / (0.2 + 1 / counts)
    shift = (sure[:, None] * off).sum(0) / (sure.sum() + 1)
    means = means + shift
    for label, count, own in zip(labels, counts, off):
        means[label] += (own - shift) * 0.2 / (0.2 + 1 / count)
    return lambda e, _: prior.whiten(e) @ means.T - 0.5 * (means**2).sum(1)


def ridge(prior: Prior, x: np.ndarray, logits: np.ndarray, y: np.ndarray) -> Head:
    """Ridge regression on what the network's probabilities lack."""
    start = logits / prior.temperature
    lack = np.eye(len(LABELS))[y] - softmax(start)
    z = prior.put(x)
    pull = np.linalg.solve(z @ z.T + 0.1 * np.eye(len(z)), 6.0 * lack)
    return lambda e, shown: shown / prior.temperature + prior.put(e) @ z.T @ pull


class Regression:
    """Logistic regression that starts from the network's scores times `trust`; drawn rows stand in for streams nobody taught."""

    def __init__(self, prior: Prior, x: np.ndarray, logits: np.ndarray, y: np.ndarray, trust: float = 1.0) -> None:
        rng = np.random.default_rng(1)
        z, start, target, weight = [prior.put(x)], [logits / prior.temperature], [y], [np.ones(len(y))]
        for label in range(len(LABELS)):
            if label not in y and prior.counts[label] > 0:
                drawn = prior.means[label] + rng.normal(size=(DRAWN, len(prior.factor))) @ prior.factor
                drawn = np.maximum(drawn + rng.normal(size=drawn.shape) * np.sqrt(prior.diagonal), 0)
                z.append(prior.put(drawn))
                start.append(np.tile(SURE / prior.temperature * np.eye(len(LABELS))[label], (DRAWN, 1)))
                target.append(np.full(DRAWN, label))
                weight.append(np.full(DRAWN, DRAWN_WEIGHT / DRAWN))
        self.rows, base, self.truth, self.count = (torch.from_numpy(np.concatenate(part)) for part in (z, start, target, weight))
        self.base = trust * base
        self.factor = torch.linalg.cholesky(self.rows @ self.rows.T + 1e-6 * torch.eye(len(self.rows), dtype=torch.float64))

    def solve(self, start: torch.Tensor | None = None, steps: int = 60) -> torch.Tensor:
        """Weights on the factor's columns, [rows, labels]."""
        v = (torch.zeros(len(self.rows), len(LABELS), dtype=torch.float64) if start is None else start.clone()).requires_grad_(True)
        solver = torch.optim.LBFGS([v], max_iter=steps, line_search_fn="strong_wolfe")

        def loss() -> torch.Tensor:
            solver.zero_grad()
            misses = torch.nn.functional.cross_entropy(self.base + self.factor @ v, self.truth, reduction="none")
            value = (self.count * misses).sum() + 0.005 * (v**2).sum()
            value.backward()
            return value

        solver.step(loss)
        return v.detach()

    def weights(self, v: torch.Tensor) -> np.ndarray:
        """Weights on what `Prior.put` gives, [width, labels]."""
        return (self.rows.T @ torch.linalg.solve_triangular(self.factor.T, v, upper=True)).numpy()

    def left_out(self, v: torch.Tensor, items: int) -> np.ndarray:
        """Scores of each of the first rows by a fit without it, [items, labels]."""
        scores = []
        for row in range(items):
            self.count[row] = 0
            scores.append((self.base[row] + self.factor[row] @ self.solve(v, 12)).numpy())
            self.count[row] = 1
        return np.array(scores)


def logistic(prior: Prior, x: np.ndarray, logits: np.ndarray, y: np.ndarray) -> Head:
    """Logistic regression, which trusts the network."""
    fitted = Regression(prior, x, logits, y)
    weights = fitted.weights(fitted.solve())
    return lambda e, shown: shown / prior.temperature + prior.put(e) @ weights


def free_of(y: np.ndarray) -> np.ndarray:
    """Labels that may move when these were taught."""
    free = np.isin(np.arange(len(LABELS)), y)
    free[LABELS.index("unknown")] |= free.sum() >= 5
    return free


def hold_back(scores: np.ndarray, start: np.ndarray, free: np.ndarray) -> np.ndarray:
    """A stream nobody taught keeps what the network alone says of it."""
    out = scores.copy()
    out[:, free] += start[:, free].max(1, keepdims=True) - out[:, free].max(1, keepdims=True)
    out[:, ~free] = start[:, ~free]
    return out


def held_back(prior: Prior, x: np.ndarray, logits: np.ndarray, y: np.ndarray) -> Head:
    """The same, held back."""
    head, free = logistic(prior, x, logits, y), free_of(y)
    return lambda e, shown: hold_back(head(e, shown), shown / prior.temperature, free)


def surprise(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`-ln` of the probability of each row's label at the temperature under which the rows surprise least; at most 6."""
    of = [np.minimum(-np.log(softmax(scores / t)[np.arange(len(y)), y]), 6.0) for t in 2.0 ** np.arange(-2, 2.1, 0.25)]
    return min(of, key=np.sum)


def less_trusting(prior: Prior, x: np.ndarray, logits: np.ndarray, y: np.ndarray) -> Head:
    """The product's: its scores count less where the items left out are then clearly less surprising."""
    best, first = None, None
    for trust in (1.0, 0.5, 0.25, 0.125, 0.0) if len(y) >= 20 else (1.0,):
        fitted = Regression(prior, x, logits, y, trust)
        v = fitted.solve()
        unheld, start = fitted.left_out(v, len(y)), logits / prior.temperature
        held = [hold_back(unheld[[i]], start[[i]], free_of(np.delete(y, i)))[0] for i in range(len(y))]
        tried = (surprise(np.array(held), y), trust, fitted.weights(v))
        first = first or tried
        if best and tried[0].sum() >= best[0].sum():
            break
        best = tried
    saved = first[0] - best[0]
    if saved.mean() <= max(0.05, saved.std(ddof=1) / np.sqrt(len(y))):
        best = first
    _, trust, weights = best
    free = free_of(y)
    return lambda e, shown: hold_back(trust * shown / prior.temperature + prior.put(e) @ weights, shown / prior.temperature, free)


HEADS = {
    "the network alone": network, "nearest class mean": nearest_mean, "discriminant analysis": discriminant,
    "ridge on the network's scores": ridge, "logistic from the network's scores": logistic, "the same, held back": held_back,
    "the same, trusting the network less where it errs (**the product's**)": less_trusting,
}


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities, row by row."""
    e = np.exp(scores - scores.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def embed(bundle: Path, rows: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, logits and labels of pictures."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(bundle / "model.onnx"), options, providers=["CPUExecutionProvider"])
    out = [session.run(["embedding", "logits"], {"pixels": squash(path, MODEL_SIZE)[None]}) for path, _, _ in rows]
    labels = np.array([label_index(label) for _, label, _ in rows])
    return np.concatenate([o[0] for o in out]).astype(np.float64), np.concatenate([o[1] for o in out]).astype(np.float64), labels


def shares(head: Head, x: np.ndarray, logits: np.ndarray, y: np.ndarray, streams: list[int]) -> float:
    """Mean share found of these streams."""
    found = head(x, logits).argmax(1)
    found = np.where(found == LABELS.index("unknown"), GENERAL, found)
    return float(np.mean([(found[y == s] == s).mean() for s in streams])) if streams else np.nan


def measure(bundle: Path, chambers: dict[str, Rows], seeds: int) -> list[str]:
    """A table of the heads' means over chambers that one bundle judges."""
    prior = read_prior(bundle)
    figures: dict[tuple[str, int, str], list[float]] = {}
    for name, rows in chambers.items():
        x, logits, y = embed(bundle, rows)
        for count in COUNTS:
            every = [s for s in range(LABELS.index("unknown")) if (y == s).sum() >= count + LEFT]
            for plan, taught in (("all", every), ("half", half(every))):
                for seed in range(seeds if len(taught) > 1 else 0):
                    rng = np.random.default_rng([seed, count])
                    shown = np.concatenate([rng.permutation(np.flatnonzero(y == s))[:count] for s in taught])
                    rest = np.setdiff1d(np.arange(len(y)), shown)
                    judged = taught if plan == "all" else [s for s in every if s not in taught]
                    for title, make_head in HEADS.items():
                        head = make_head(prior, x[shown], logits[shown], y[shown])
                        figures.setdefault((title, count, plan), []).append(shares(head, x[rest], logits[rest], y[rest], judged))
        print(f"teach_heads: {name}: {len(rows)} pictures", flush=True)
    lines = ["| head | " + " | ".join(f"{c} taught" for c in COUNTS) + " | " + " | ".join(f"untaught at {c}" for c in COUNTS) + " |",
             "|---|" + "---:|" * 2 * len(COUNTS)]
    for title in HEADS:
        cells = [percent(float(np.mean(figures.get((title, c, plan), [np.nan])))) for plan in ("all", "half") for c in COUNTS]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measures and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--places", type=Path, nargs="*")
    parser.add_argument("--left-out", type=Path, nargs="*", default=[], help="bundles of left_out.py")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    lines = [f"Measured with bundle {bundle_says(args.bundle, 'version')}: mean over the chambers of the share found of the streams taught and, where every second stream is", "taught, of those that are not.", "", *measure(args.bundle, chambers(args), args.seeds)]
    for bundle in args.left_out:
        name, rows = left_out(bundle, args)
        lines += ["", f"The same of the {name}:", "", *measure(bundle, {name: rows}, args.seeds)]
    (args.bundle / "teach_heads.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
