"""From the scene to a JPEG: render, denoise, a camera's tone curve, colour cast, noise.

Blender's Debian build has no denoiser, so colour, albedo and normal passes leave as OpenEXR files and Intel's
Open Image Denoise takes them in a process of its own (`helper.py`). Never applies noise to the clips: the replay adds its own.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from PIL import Image, ImageFilter

import prints

Generator = np.random.Generator
_work = Path(tempfile.mkdtemp(prefix="bunri-render-"))
atexit.register(shutil.rmtree, _work, ignore_errors=True)
MIDDLE = 0.2  # the brightness (geometric mean, linear light) that a camera meters for
PASSES = ("Image", "Denoising Albedo", "Denoising Normal")


@dataclass(frozen=True)
class Look:
    """What the camera makes of the light: gains per channel, exposure (factor), noise (0..255), blur (pixels)."""

    exposure: float = 1.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 0.0
    blur: float = 0.0
    quality: int = 86
    metering: float = 0.0  # 0: as lit; 1: the camera brings every scene to the same mean brightness


def varied_look(rng: Generator) -> Look:
    """A camera of another bin: other exposure, white balance, sharpness, noise."""
    warm = rng.normal() * 0.05
    tint = rng.normal() * 0.025
    gain = (1 + warm, 1 + tint, 1 - warm)
    if rng.uniform() < 0.12:  # the teal cast real chutes show
        gain = (0.82 * gain[0], 1.03, 1.0)
    return Look(float(np.exp(rng.normal() * 0.18)), gain, float(rng.uniform(0, 5)), float(max(0.0, rng.normal() * 0.4)),
                int(rng.integers(62, 93)), float(rng.uniform(0.5, 0.95)))


def prepare(width: int, height: int, samples: int, threads: int) -> None:
    """Sets Cycles up once per process."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    c = scene.cycles
    c.device, c.samples, c.use_adaptive_sampling, c.use_denoising = "CPU", samples, False, False
    c.max_bounces, c.diffuse_bounces, c.glossy_bounces = 6, 1, 2
    c.transmission_bounces, c.transparent_max_bounces = 6, 12
    c.caustics_reflective = c.caustics_refractive = False
    c.sample_clamp_indirect, c.blur_glossy = 4.0, 0.5
    c.pixel_filter_type, c.filter_width = "BLACKMAN_HARRIS", 1.5
    layer = bpy.context.view_layer
    layer.cycles.denoising_store_passes = True
    layer.update()
    scene.use_nodes = True
    scene.render.use_compositing = True
    tree = scene.node_tree
    tree.nodes.clear()
    source = tree.nodes.new("CompositorNodeRLayers")
    sink = tree.nodes.new("CompositorNodeOutputFile")
    sink.base_path = str(_work)
    sink.format.file_format, sink.format.color_depth, sink.format.exr_codec = "OPEN_EXR", "32", "NONE"
    sink.file_slots.clear()
    for number, name in enumerate(PASSES):
        sink.file_slots.new(f"p{number}_")
        tree.links.new(source.outputs[name], sink.inputs[number])


def _load(number: int, width: int, height: int) -> np.ndarray:
    path = next(p for p in _work.iterdir() if p.name.startswith(f"p{number}_"))
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    pixels = np.empty(width * height * 4, dtype=np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    os.unlink(path)
    return np.ascontiguousarray(pixels.reshape(height, width, 4)[::-1, :, :3])


def render(seed: int, fast: bool = False) -> np.ndarray:
    """Renders the scene: linear light, denoised, (height, width, 3) float32, top row first."""
    scene = bpy.context.scene
    scene.cycles.seed = seed & 0x7FFFFFFF
    bpy.ops.render.render()
    width, height = scene.render.resolution_x, scene.render.resolution_y
    colour, albedo, normal = (_load(k, width, height) for k in range(3))
    return prints.HELPER.denoise(colour, np.clip(albedo, 0, 1), normal, fast)


def develop(linear: np.ndarray, look: Look, rng: Generator | None = None) -> Image.Image:
    """Linear light to an 8-bit picture: gains, a curve with a soft shoulder, blur, noise."""
    x = np.maximum(linear, 0)
    mean = float(np.exp(np.log(x.mean(axis=2) + 1e-3).mean()))
    x = x * look.exposure * (MIDDLE / mean) ** look.metering * np.asarray(look.gain, dtype=np.float32)
    x = np.where(x < 0.6, x, 0.6 + 0.4 * (1 - np.exp(-(x - 0.6) / 0.4)))
    x = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-6), 1 / 2.4) - 0.055)
    if look.noise > 0 and rng is not None:
        x = x + rng.normal(0, look.noise / 255, x.shape)
    image = Image.fromarray((np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(look.blur)) if look.blur > 0.2 else image


def save(image: Image.Image, path: Path, quality: int) -> None:
    """Writes a JPEG whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    image.save(part, "JPEG", quality=quality, optimize=True)
    part.rename(path)
