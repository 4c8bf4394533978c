"""The statistics of the training set's embeddings that a site head starts from; never a picture.

Embeddings are those of the shipped int8 network, of the training split as the bin sees it. Class means are over
photographs and renders with the same weight each where a label has both; the covariance is within classes, shared,
every label weighing the same, and is kept as `factor' factor + diag(diagonal)` with `RANK` rows. The file is
safetensors (eight bytes of length, a JSON header, float32 little-endian), written here so that no package is needed.

Reader: `src/identify/statistics.rs`, which refuses what does not fit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import onnxruntime

from labels import LABELS
from pictures import Pictures, join, photographs, renders

RANK = 64
FILE = "statistics.safetensors"
FLOOR = 1e-6  # least variance that the diagonal may say


def embeddings(model: Path, pictures: Pictures, threads: int = 2) -> np.ndarray:
    """Embeddings of the int8 model, float32 [N, width]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    rows = []
    for number, pixels in enumerate(pictures.exact):
        rows.append(session.run(["embedding"], {"pixels": pixels[None]})[0][0])
        if number % 500 == 499:
            print(f"statistics: {number + 1} of {len(pictures)}", flush=True)
    return np.stack(rows)


def summarise(vectors: np.ndarray, labels: np.ndarray, rendered: np.ndarray, rank: int) -> dict[str, np.ndarray]:
    """`means` [labels, width], `counts` [labels], `factor` [rank, width], `diagonal` [width]."""
    width = vectors.shape[1]
    means, counts = np.zeros((len(LABELS), width)), np.zeros(len(LABELS))
    rest = np.zeros_like(vectors, dtype=np.float64)
    weight = np.zeros(len(vectors))
    for label in range(len(LABELS)):
        mine = labels == label
        if not mine.any():
            continue
        origins = [part for part in (mine & ~rendered, mine & rendered) if part.any()]
        means[label] = np.mean([vectors[part].mean(0) for part in origins], 0)
        counts[label] = mine.sum()
        rest[mine] = vectors[mine] - means[label]
        weight[mine] = 1.0 / mine.sum()
    rest *= np.sqrt(weight / weight.sum())[:, None]
    _, values, rows = np.linalg.svd(rest, full_matrices=False)
    factor = values[:rank, None] * rows[:rank]
    diagonal = np.maximum((rest**2).sum(0) - (factor**2).sum(0), FLOOR)
    return {name: value.astype("<f4") for name, value in (("means", means), ("counts", counts), ("factor", factor), ("diagonal", diagonal))}


def to_bytes(tensors: dict[str, np.ndarray]) -> bytes:
    """A safetensors file of float32 tensors."""
    header: dict[str, object] = {}
    at = 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(np.ascontiguousarray(value, "<f4").tobytes() for value in tensors.values())


def from_bytes(data: bytes) -> dict[str, np.ndarray]:
    """The tensors of such a file, float64."""
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:end])
    parts = {name: (entry["shape"], data[end + entry["data_offsets"][0] : end + entry["data_offsets"][1]]) for name, entry in header.items()}
    return {name: np.frombuffer(part, "<f4").reshape(shape).astype(float) for name, (shape, part) in parts.items()}


def manifest_table(data: bytes) -> str:
    """The manifest's table about the file."""
    return f'[statistics]\nfile = "{FILE}"\nsha256 = "{hashlib.sha256(data).hexdigest()}"\n'


def add_to(bundle: Path, data: bytes) -> None:
    """Writes the file into a bundle and names it in the manifest, in place of an older one."""
    path = bundle / "manifest.toml"
    text = path.read_text()
    if "[statistics]" in text:
        start = text.index("[statistics]")
        text = text[:start] + text[text.index("[calibration]", start) :]
    text = text.replace("[calibration]", manifest_table(data) + "\n[calibration]", 1)
    (bundle / FILE).write_bytes(data)
    path.write_text(text)


def main() -> None:
    """Add the statistics to a bundle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--renders", type=Path, nargs="+", default=[])
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--rank", type=int, default=RANK)
    args = parser.parse_args()
    pictures = join([photographs(args.photos, args.split, args.cache), *(renders(folder, args.cache) for folder in args.renders)]).split("train")
    vectors = embeddings(args.bundle / "model.onnx", pictures)
    tensors = summarise(vectors, pictures.labels, pictures.rendered, args.rank)
    kept = 1 - float(tensors["diagonal"].sum() / (tensors["diagonal"].sum() + (tensors["factor"] ** 2).sum()))
    data = to_bytes(tensors)
    add_to(args.bundle, data)
    print(f"statistics: {len(pictures)} pictures, {len(data) / 1e3:.0f} kB, {args.rank} rows hold {kept:.1%} of the variance within classes")


if __name__ == "__main__":
    main()
