"""Random views of a batch of pictures, made on tensors: geometry by one `grid_sample`, then light, lens and sensor.

Light and colour are moderate on purpose: five epochs with heavy changes of them were worse everywhere (see FIELD-NOTES).
What a bin truly changes is the angle of the item, its size and place, what lies over it, the light and the camera.

All functions take and give float tensors [N, 3, H, W] in 0..1 and draw only from the generator they are given.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

_LUMA = (0.299, 0.587, 0.114)


def _uniform(generator: Generator, count: int, low: float, high: float) -> Tensor:
    """`count` numbers between `low` and `high`."""
    return torch.rand(count, generator=generator) * (high - low) + low


def _chosen(generator: Generator, count: int, chance: float) -> Tensor:
    """True for about `chance` of `count` pictures."""
    return torch.rand(count, generator=generator) < chance


def move(x: Tensor, size: int, generator: Generator, strength: float = 1.0) -> Tensor:
    """Rotate by any angle, zoom, stretch, shift and mirror in one resampling; [N, 3, size, size]."""
    count = len(x)
    free = _chosen(generator, count, 0.7)
    angle = torch.where(free, _uniform(generator, count, -math.pi, math.pi), _uniform(generator, count, -0.15, 0.15))
    zoom = torch.exp(_uniform(generator, count, math.log(0.72), math.log(1.3)) * strength)
    stretch = torch.exp(_uniform(generator, count, -0.2, 0.2) * strength)
    mirror = torch.where(_chosen(generator, count, 0.5), -1.0, 1.0)
    room = (1.0 - zoom).abs().clamp(min=0.08)
    shift_x = _uniform(generator, count, -1.0, 1.0) * room
    shift_y = _uniform(generator, count, -1.0, 1.0) * room
    wide, high = zoom * stretch, zoom / stretch
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = torch.stack(
        [
            torch.stack([mirror * cos * wide, -mirror * sin * high, shift_x], 1),
            torch.stack([sin * wide, cos * high, shift_y], 1),
        ],
        1,
    )
    grid = functional.affine_grid(theta, [count, x.shape[1], size, size], align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def light(x: Tensor, generator: Generator, strength: float = 1.0) -> Tensor:
    """Exposure, contrast, gamma, saturation, a colour cast, and light that falls off to one side."""
    count = len(x)

    def per(low: float, high: float, channels: int = 1) -> Tensor:
        return strength * _uniform(generator, count * channels, low, high).view(count, channels, 1, 1)

    grey = (x * torch.tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    x = grey + (x - grey) * (1.0 + per(-0.45, 0.3))
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * torch.exp(per(-0.25, 0.25)) + mean
    x = x.clamp(0.0, 1.0) ** torch.exp(per(-0.25, 0.25))
    x = x * torch.exp(per(-0.3, 0.25)) * torch.exp(per(-0.1, 0.1, 3))
    ramp = torch.linspace(-1.0, 1.0, x.shape[-1])
    slope_x, slope_y = per(-0.2, 0.2), per(-0.2, 0.2)
    lit = 1.0 + slope_x * ramp.view(1, 1, 1, -1) + slope_y * ramp.view(1, 1, -1, 1)
    some = _chosen(generator, count, 0.4).view(count, 1, 1, 1)
    return torch.where(some, x * lit, x).clamp(0.0, 1.0)


def cover(x: Tensor, generator: Generator, chance: float = 0.3) -> Tensor:
    """Something over 3 to 20 % of some of the pictures: a window of another picture of the batch, or one plain tone."""
    count, size = len(x), x.shape[-1]
    some = _chosen(generator, count, chance).nonzero().flatten()
    share, shape = _uniform(generator, count, 0.03, 0.2).sqrt(), torch.exp(_uniform(generator, count, -0.5, 0.5))
    wide, high = ((share * size * part).long().clamp(max=size - 1) for part in (shape, 1.0 / shape))
    left, top = ((torch.rand(count, generator=generator) * (size - part)).long() for part in (wide, high))
    plain = _chosen(generator, count, 0.5)
    tones = _uniform(generator, count, 0.1, 0.9).view(-1, 1, 1, 1) + _uniform(generator, count * 3, -0.08, 0.08).view(-1, 3, 1, 1)
    others, source = torch.randperm(count, generator=generator), x.clone()
    for index in some.tolist():
        window = (slice(None), slice(int(top[index]), int(top[index] + high[index])), slice(int(left[index]), int(left[index] + wide[index])))
        x[index][window] = tones[index] if plain[index] else source[others[index]][window]
    return x


def shine(x: Tensor, generator: Generator, chance: float = 0.25) -> Tensor:
    """A lamp's reflection on some of the pictures: one soft, stretched white spot."""
    count, size = len(x), x.shape[-1]
    line = torch.linspace(-1.0, 1.0, size)
    away_x = (line.view(1, 1, -1) - _uniform(generator, count, -0.6, 0.6).view(-1, 1, 1)) / _uniform(generator, count, 0.1, 0.45).view(-1, 1, 1)
    away_y = (line.view(1, -1, 1) - _uniform(generator, count, -0.6, 0.6).view(-1, 1, 1)) / _uniform(generator, count, 0.1, 0.45).view(-1, 1, 1)
    strength = _uniform(generator, count, 0.4, 1.2) * _chosen(generator, count, chance)
    spot = (torch.exp(-0.5 * (away_x**2 + away_y**2)) * strength.view(-1, 1, 1)).clamp(max=1.0)
    return x + (1.0 - x) * spot.unsqueeze(1)


def blur(x: Tensor, generator: Generator, chance: float = 0.3) -> Tensor:
    """Gaussian blur of up to 1 % of the picture's side on some of the pictures."""
    some = _chosen(generator, len(x), chance).nonzero().flatten()
    if len(some) == 0:
        return x
    sigma = _uniform(generator, len(some), 0.002, 0.01).view(-1, 1) * x.shape[-1]
    taps = torch.arange(-4.0, 5.0).view(1, -1)
    kernel = torch.exp(-0.5 * (taps / sigma) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    part = x[some].reshape(1, -1, *x.shape[2:])
    part = functional.pad(part, (4, 4, 4, 4), mode="reflect")
    part = functional.conv2d(part, kernel.view(-1, 1, 1, 9), groups=kernel.shape[0])
    part = functional.conv2d(part, kernel.view(-1, 1, 9, 1), groups=kernel.shape[0])
    x = x.clone()
    x[some] = part.view(len(some), 3, *x.shape[2:])
    return x


def _cosines() -> Tensor:
    """The 8 x 8 matrix of the discrete cosine transform."""
    k = torch.arange(8.0).view(-1, 1)
    n = torch.arange(8.0).view(1, -1)
    matrix = torch.cos(math.pi * (2 * n + 1) * k / 16) * 0.5
    matrix[0] /= math.sqrt(2.0)
    return matrix


def compress(x: Tensor, generator: Generator, chance: float = 0.3) -> Tensor:
    """Round the cosine coefficients of 8 x 8 blocks, coarser for higher frequencies, as a camera's JPEG does."""
    some = _chosen(generator, len(x), chance).nonzero().flatten()
    if len(some) == 0:
        return x
    size = x.shape[-1]
    cosines = _cosines()
    order = torch.arange(8.0)
    step = (6.0 + 5.0 * (order.view(-1, 1) + order.view(1, -1))) / 255.0
    strength = _uniform(generator, len(some), 0.4, 2.2).view(-1, 1, 1, 1, 1, 1)
    blocks = x[some].view(len(some), 3, size // 8, 8, size // 8, 8).transpose(3, 4)
    levels = cosines @ (blocks - 0.5) @ cosines.T
    levels = torch.round(levels / (step * strength)) * (step * strength)
    blocks = cosines.T @ levels @ cosines + 0.5
    x = x.clone()
    x[some] = blocks.transpose(3, 4).reshape(len(some), 3, size, size)
    return x.clamp(0.0, 1.0)


def grain(x: Tensor, generator: Generator, chance: float = 0.4) -> Tensor:
    """Sensor noise of up to 4 % on some of the pictures."""
    amount = _uniform(generator, len(x), 0.0, 0.04) * _chosen(generator, len(x), chance)
    return (x + torch.randn(x.shape, generator=generator) * amount.view(-1, 1, 1, 1)).clamp(0.0, 1.0)


def views(pixels: Tensor, size: int, generator: Generator, gentle: bool = False) -> Tensor:
    """Random views of uint8 NHWC pictures: network input [N, 3, size, size], scaled `(pixel - 127) / 128`.

    `size` must be a multiple of 8. `gentle`: moved and lit half as much, and nothing else, for pictures of one studio.
    """
    x = pixels.permute(0, 3, 1, 2).float() / 255.0
    x = move(x, size, generator, 0.5 if gentle else 1.0)
    if gentle:
        x = light(x, generator, 0.5)
    else:
        for change in (cover, light, shine, blur, grain, compress):
            x = change(x, generator)
    return ((x * 255.0 - 127.0) / 128.0).contiguous(memory_format=torch.channels_last)
