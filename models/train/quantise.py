"""Quantise the network to int8 (QDQ, weights per channel, activations uint8) with ONNX Runtime's own tool.

Calibrated on the pictures named in `calibration.txt`, a fixed list drawn from the training split, as the bin sees them.
The average pool and the last layer stay in float: they cost 0.1 % of the time, and logits and embedding keep their
resolution for the temperature, the energy limit and the site head.

Never: a float pass over the input. `kernels` lists what the runtime truly runs, so that this can be seen.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from fit import load
from graph import INPUT, POOL_NODES, float_model, take_bytes
from labels import LABELS
from network import PIXEL_SCALE, PIXEL_ZERO
from pictures import Pictures, join, photographs, renders

METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "average": (CalibrationMethod.MinMax, {"CalibMovingAverage": True, "CalibMovingAverageConstant": 0.02}),
    "percentile": (CalibrationMethod.Percentile, {"CalibPercentile": 99.99}),
    "entropy": (CalibrationMethod.Entropy, {}),
}


def draw(pictures: Pictures, each: int, seed: int) -> list[str]:
    """`each` training pictures per label and origin (fewer where there are fewer), in a fixed order."""
    train = pictures.split("train")
    random = np.random.default_rng(seed)
    chosen: list[str] = []
    for rendered in (False, True):
        for label in range(len(LABELS)):
            names = sorted(train.paths[(train.labels == label) & (train.rendered == rendered)])
            picked = random.permutation(len(names))[:each]
            chosen += [("render:" if rendered else "photo:") + names[index] for index in sorted(picked)]
    return chosen


def listed(pictures: Pictures, names: list[str]) -> Pictures:
    """The pictures of a calibration list.

    Raises:
        ValueError: a picture of the list is not there.
    """
    places = {("render:" if r else "photo:") + p: i for i, (p, r) in enumerate(zip(pictures.paths, pictures.rendered))}
    missing = [name for name in names if name not in places]
    if missing:
        raise ValueError(f"{len(missing)} pictures of the calibration list are missing, first {missing[0]}")
    return pictures.where(np.array([places[name] for name in names]))


def scaled(pixels: np.ndarray) -> np.ndarray:
    """uint8 NHWC -> float32 NCHW scaled as the network wants it."""
    return np.ascontiguousarray((pixels.transpose(0, 3, 1, 2).astype(np.float32) - PIXEL_ZERO) * np.float32(PIXEL_SCALE))


class _Reader(CalibrationDataReader):
    """Feeds calibration pictures one batch at a time."""

    def __init__(self, pixels: np.ndarray, batch: int = 1) -> None:
        self.pixels, self.batch, self.at = pixels, batch, 0

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, or None at the end."""
        part = self.pixels[self.at : self.at + self.batch]
        self.at += self.batch
        return {INPUT: scaled(part)} if len(part) else None


def quantise(model: onnx.ModelProto, pixels: np.ndarray, method: str, exclude: tuple[str, ...] = ()) -> onnx.ModelProto:
    """The int8 model that takes bytes, from a float graph and calibration pictures."""
    calibration, options = METHODS[method]
    first = [{"scale": np.array(PIXEL_SCALE, np.float32), "zero_point": np.array(PIXEL_ZERO, np.uint8)}]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_static(
            source,
            target,
            _Reader(pixels),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[*POOL_NODES, *exclude],
            calibrate_method=calibration,
            extra_options={"TensorQuantOverrides": {INPUT: first}, **options},
        )
        return take_bytes(onnx.load(target))


def kernels(model: Path) -> dict[str, Counter]:
    """Kinds of node after the runtime's optimisation, and the kind of element each kind of node takes first."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        options.log_severity_level = 3
        onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        optimised = onnx.load(options.optimized_model_filepath)
    users = [node.op_type for node in optimised.graph.node if "pixels" in node.input]
    return {"nodes": Counter(node.op_type for node in optimised.graph.node), "on the pixels": Counter(users)}


def main() -> None:
    """Quantise a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path(__file__).parent / "split.csv")
    parser.add_argument("--renders", type=Path, nargs="+", default=[])
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--list", type=Path, default=Path(__file__).parent / "calibration.txt")
    parser.add_argument("--draw", type=int, default=0, help="write the list anew, with so many pictures per label and origin")
    parser.add_argument("--method", choices=sorted(METHODS), default="minmax")
    parser.add_argument("--exclude", default="", help="further nodes to keep in float, comma separated")
    parser.add_argument("--out", type=Path, required=True, help="int8 model; the float one is put beside it as *.float.onnx")
    args = parser.parse_args()

    parts = [photographs(args.photos, args.split, args.cache)]
    parts += [renders(folder, args.cache) for folder in args.renders]
    pictures = join(parts)
    if args.draw:
        args.list.write_text("\n".join(draw(pictures, args.draw, 1)) + "\n")
    chosen = listed(pictures, args.list.read_text().split("\n")[:-1])
    model = float_model(load(args.weights))
    onnx.save(model, args.out.with_suffix(".float.onnx"))
    exclude = tuple(name for name in args.exclude.split(",") if name)
    onnx.save(quantise(model, chosen.exact, args.method, exclude), args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, calibrated on {len(chosen)} pictures by {args.method}")
    print(json.dumps({key: dict(value) for key, value in kernels(args.out).items()}))


if __name__ == "__main__":
    main()
