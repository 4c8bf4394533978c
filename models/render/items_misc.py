"""General waste, and things the bin does not know."""

from __future__ import annotations

import math

import bpy
import numpy as np

import materials as mat
import mesh
import prints

Generator = np.random.Generator
Objects = list[bpy.types.Object]


def tissue(rng: Generator) -> Objects:
    """Used tissues: soft, thin, white, in a loose wad, sometimes stained."""
    stain = ((0.45, 0.3, 0.1), 2.0, rng.uniform(0, 0.5)) if rng.uniform() < 0.6 else None
    material = mat.principled("tissue", (0.86, 0.86, 0.85), 0.95, subsurface=0.3, stain=stain)
    size = rng.uniform(0.8, 1.4)
    objects = []
    for k in range(int(rng.integers(2, 5))):
        wad = mesh.sheet("tissue", size, size, material, mesh.chain(mesh.crumple(rng, 0.35 * size, 1.4 / size, 12, 0.25), mesh.crumple(rng, 0.06, 6.0, 12)), 90, smooth=True)
        wad.location = (rng.normal() * 0.22 * size, rng.normal() * 0.22 * size, 0.12 * k)
        wad.rotation_euler = (rng.normal() * 0.4, rng.normal() * 0.4, rng.uniform(0, 6.28))
        objects.append(wad)
    return objects


def dirty_cup(rng: Generator) -> Objects:
    """A coated paper cup with coffee or sauce in and on it."""
    height, high = rng.uniform(0.75, 1.15), rng.uniform(0.36, 0.46)
    liquid = [(0.09, 0.035, 0.01), (0.35, 0.05, 0.01), (0.3, 0.2, 0.08)][int(rng.integers(3))]
    outside = prints.tub(rng) if rng.uniform() < 0.6 else (0.82, 0.8, 0.76)
    paper = mat.principled("cup", outside, 0.5)
    stained = mat.principled("inside", (0.8, 0.78, 0.72), 0.45, stain=(liquid, 2.5, 0.75))
    deform = mesh.chain(mesh.dents(rng, height, high, int(rng.integers(1, 4)), 0.5), mesh.flatten(rng, height, high, rng.uniform(0.2, 0.6)) if rng.uniform() < 0.4 else None)
    wall = mesh.resample([(0.06, 0.0), (0.06, high * 0.68), (0.0, high * 0.7), (height, high), (height + 0.02, high + 0.04), (height - 0.02, high + 0.04)], 0.03, 1)
    inner = mesh.resample([(height, high - 0.005), (0.08, high * 0.68), (0.08, 0.0)], 0.03, 0)
    objects = [mesh.lathe("cup", wall, paper, 64, deform), mesh.lathe("inside", inner, stained, 64, deform)]
    stand = rng.uniform() < 0.35
    for obj in objects:
        obj.rotation_euler = (0, -math.pi / 2, 0) if stand else (0, 0.25, 0)
    puddle = mat.principled("spill", liquid, 0.08)
    if not stand:
        blot = mesh.ball("spill", 0.3, puddle, lambda p: (p + 0.08 * np.sin(p[:, [1, 0, 2]] * 9)) * [1.6, 1.1, 0.02], 4, True)
        blot.location = (height + 0.15, 0, -high * 0.85)
        objects.append(blot)
    return objects


def soiled_wrapper(rng: Generator) -> Objects:
    """A food wrapper, napkin or pizza paper with grease and sauce."""
    sauce = [(0.5, 0.06, 0.01), (0.22, 0.1, 0.02), (0.6, 0.35, 0.03)][int(rng.integers(3))]
    base = (0.8, 0.78, 0.7) if rng.uniform() < 0.6 else (0.55, 0.4, 0.25)
    material = mat.principled("wrapper", base, 0.5, stain=(sauce, 1.6, rng.uniform(0.55, 0.95)))
    size = rng.uniform(1.2, 2.0)
    objects = [mesh.sheet("wrapper", size, size * rng.uniform(0.7, 1.0), material, mesh.chain(mesh.crumple(rng, 0.18, 1.2, 11, 0.08), mesh.crumple(rng, 0.04, 4.0, 9)), 100)]
    for _ in range(int(rng.integers(2, 7))):
        crumb = mesh.ball("crumb", rng.uniform(0.05, 0.16), mat.principled("food", [(0.4, 0.18, 0.04), (0.6, 0.45, 0.15), (0.15, 0.25, 0.04), sauce][int(rng.integers(4))], 0.4),
                          mesh.crumple_ball(rng, 0.12, 12, 0.6), 3, True)
        crumb.location = (rng.normal() * size * 0.22, rng.normal() * size * 0.18, 0.2)
        objects.append(crumb)
    return objects


def chopsticks(rng: Generator) -> Objects:
    """A pair of wooden chopsticks, perhaps with a stained napkin."""
    wood = mat.principled("wood", (0.62, 0.42, 0.2), 0.6, bump=("noise", 12.0, 0.1))
    objects = []
    for k in range(2):
        stick = mesh.lathe("stick", np.array([[0, 0.0], [0, 0.045], [2.1, 0.025], [2.1, 0.0]]), wood, 12)
        stick.rotation_euler, stick.location = (0, 0, rng.normal() * 0.25), (-1.0, 0.12 * k, 0.35)
        objects.append(stick)
    if rng.uniform() < 0.6:
        objects += tissue(rng)
    return objects


def mask(rng: Generator) -> Objects:
    """A face mask: pleated non-woven cloth with ear loops."""
    colour = [(0.82, 0.83, 0.84), (0.35, 0.6, 0.75), (0.03, 0.03, 0.035)][int(rng.integers(3))]
    material = mat.principled("mask", colour, 0.9, subsurface=0.15)

    def pleat(p: np.ndarray) -> np.ndarray:
        q = p.copy()
        q[:, 2] += 0.06 * np.abs(((p[:, 1] * 2.5) % 1.0) - 0.5) + 0.2 * np.clip(1 - (p[:, 0] / 0.85) ** 2, 0, 1) * np.clip(1 - (p[:, 1] / 0.5) ** 2, 0, 1)
        return q
    objects = [mesh.sheet("mask", 1.7, 0.95, material, mesh.chain(pleat, mesh.crumple(rng, 0.06, 1.0, 8)), 90, smooth=True)]
    for side in (-1, 1):
        loop = mesh.lathe("loop", mesh.resample([(0, 0.36), (0.02, 0.38), (0, 0.4), (-0.02, 0.38), (0, 0.36)], 0.02, 0), mat.principled("loop", (0.85, 0.85, 0.85), 0.8), 48,
                          lambda p: mesh.crumple(np.random.default_rng(1), 0.05, 1.5, 5)(p[:, [1, 2, 0]] * [0.8, 1, 1]))
        loop.location = (side * 1.0, rng.normal() * 0.1, 0.03)
        objects.append(loop)
    return objects


def fruit(rng: Generator) -> Objects:
    """An apple, an orange or a banana."""
    kind = rng.integers(3)
    if kind == 2:
        skin = mat.principled("banana", (0.8, 0.55, 0.05), 0.45, stain=((0.12, 0.06, 0.01), 5.0, 0.15))
        bend = rng.uniform(0.25, 0.4)
        curve = lambda p: p + np.stack([0 * p[:, 0], bend * (p[:, 0] - 0.9) ** 2, 0 * p[:, 0]], 1)  # noqa: E731
        profile = mesh.resample([(0, 0), (0.02, 0.06), (0.2, 0.13), (0.6, 0.2), (1.2, 0.2), (1.6, 0.12), (1.75, 0.05), (1.95, 0.05), (1.96, 0)], 0.04, 2)
        return [mesh.lathe("banana", profile, skin, 20, curve, shape=lambda x, a: 1 + 0.05 * np.cos(5 * a))]
    red = [(0.5, 0.02, 0.02), (0.35, 0.5, 0.04), (0.65, 0.2, 0.05)][int(rng.integers(3))]
    skin = mat.principled("apple", red, 0.25, clearcoat=0.3, stain=((0.7, 0.5, 0.1), 2.0, 0.3)) if kind == 0 else mat.principled("orange", (0.85, 0.3, 0.01), 0.4, bump=("voronoi", 40.0, 0.3))
    r = rng.uniform(0.36, 0.45)
    dip = 0.22 if kind == 0 else 0.04
    t = np.linspace(0, math.pi, 40)
    profile = np.stack([r * (1 - np.cos(t)) - dip * r * (np.exp(-(t / 0.35) ** 2) * -1 + np.exp(-((t - math.pi) / 0.35) ** 2)), r * np.sin(t)], 1)
    objects = [mesh.lathe("fruit", profile, skin, 48)]
    if kind == 0:
        objects.append(mesh.lathe("stalk", np.array([[2 * r - 0.15, 0.02], [2 * r + 0.1, 0.025], [2 * r + 0.1, 0]]), mat.principled("stalk", (0.12, 0.06, 0.02), 0.7), 10))
    for obj in objects:
        obj.rotation_euler = (0, -math.pi / 2 + rng.normal() * 0.6, 0)
    return objects


def toy(rng: Generator) -> Objects:
    """Toy bricks with studs, or a toy car."""
    objects = []
    if rng.uniform() < 0.55:
        for k in range(int(rng.integers(1, 4))):
            colour = mat.principled("brick", tuple((np.array(prints.vivid(rng, (0.6, 0.95))) / 255) ** 2.2), 0.2)
            nx, at = int(rng.integers(2, 5)), (rng.normal() * 0.15, rng.normal() * 0.15, 0.3 * k)
            objects.append(mesh.box("brick", (nx * 0.32, 0.64, 0.3), colour, at, 0.015))
            for i in range(nx):
                for j in range(2):
                    stud = mesh.lathe("stud", np.array([[0, 0.1], [0.07, 0.1], [0.075, 0.0]]), colour, 20)
                    stud.rotation_euler = (0, -math.pi / 2, 0)
                    stud.location = (at[0] + (i - (nx - 1) / 2) * 0.32, at[1] + (j - 0.5) * 0.32, at[2] + 0.15)
                    objects.append(stud)
        return objects
    paint = mat.principled("paint", tuple((np.array(prints.vivid(rng, (0.6, 0.95))) / 255) ** 2.2), 0.15, clearcoat=0.6)
    dark, glass_like = mat.principled("tyre", (0.015, 0.015, 0.015), 0.7), mat.principled("window", (0.03, 0.05, 0.08), 0.05)
    objects = [mesh.box("body", (1.5, 0.66, 0.3), paint, (0, 0, 0.25), 0.1), mesh.box("roof", (0.75, 0.58, 0.26), glass_like, (-0.08, 0, 0.5), 0.1), mesh.box("top", (0.5, 0.5, 0.06), paint, (-0.08, 0, 0.63), 0.03)]
    for sx in (-1, 1):
        for sy in (-1, 1):
            wheel = mesh.lathe("wheel", np.array([[-0.06, 0.0], [-0.06, 0.18], [0.06, 0.18], [0.06, 0.0]]), dark, 28)
            wheel.rotation_euler, wheel.location = (0, 0, math.pi / 2), (sx * 0.45, sy * 0.33, 0.16)
            objects.append(wheel)
    return objects


def phone(rng: Generator) -> Objects:
    """A telephone, screen or back up, or a remote control."""
    dark = mat.principled("case", (0.02, 0.02, 0.025) if rng.uniform() < 0.6 else (0.7, 0.7, 0.72), 0.3, 0.2)
    if rng.uniform() < 0.65:
        objects = [mesh.box("phone", (0.74, 1.55, 0.09), dark, (0, 0, 0.045), 0.04)]
        if rng.uniform() < 0.5:
            objects.append(mesh.box("screen", (0.68, 1.46, 0.01), mat.principled("screen", (0.008, 0.01, 0.014), 0.04), (0, 0, 0.092)))
        else:
            objects.append(mesh.box("camera", (0.3, 0.34, 0.03), dark, (-0.17, 0.55, 0.1), 0.02))
            for k in range(3):
                lens = mesh.lathe("lens", np.array([[0, 0.06], [0.03, 0.06], [0.03, 0.0]]), mat.principled("lens", (0.01, 0.01, 0.02), 0.05), 24)
                lens.rotation_euler, lens.location = (0, -math.pi / 2, 0), (-0.24 + 0.14 * (k % 2), 0.63 - 0.14 * (k // 2), 0.11)
                objects.append(lens)
        return objects
    objects = [mesh.box("remote", (0.48, 1.7, 0.2), dark, (0, 0, 0.1), 0.07)]
    for i in range(3):
        for j in range(6):
            key = tuple((np.array(prints.vivid(rng)) / 255) ** 2.2) if rng.uniform() < 0.2 else (0.35, 0.35, 0.36)
            objects.append(mesh.box("key", (0.09, 0.09, 0.05), mat.principled("key", key, 0.5), (-0.13 + 0.13 * i, -0.4 + 0.2 * j, 0.21), 0.02))
    return objects
