"""Thin items: pages, crumpled paper, flattened board, bags and film."""

from __future__ import annotations

import math

import bpy
import numpy as np

import materials as mat
import mesh
import prints

Generator = np.random.Generator
Objects = list[bpy.types.Object]


def _curl(rng: Generator, amount: float) -> mesh.Deform:
    angle = rng.uniform(0, math.pi)
    d = np.array([math.cos(angle), math.sin(angle), 0])

    def apply(p: np.ndarray) -> np.ndarray:
        q = p.copy()
        q[:, 2] += amount * (p @ d) ** 2
        return q
    return apply


def _folded(rng: Generator, width: float, height: float, material: bpy.types.Material) -> Objects:
    """A page folded once or twice: layers lying on each other, slightly apart."""
    layers = []
    for k in range(int(rng.integers(2, 5))):
        layer = mesh.sheet("page", width, height, material, mesh.chain(_curl(rng, 0.03), mesh.crumple(rng, 0.03, 0.6, 6)), 50)
        layer.location = (rng.normal() * 0.04, rng.normal() * 0.04, 0.05 * k)
        layer.rotation_euler = (0, 0, rng.normal() * 0.03)
        layers.append(layer)
    return layers


def news_page(rng: Generator) -> Objects:
    """A folded newspaper or magazine."""
    material = mat.principled("news", prints.news(rng), 0.8 if rng.uniform() < 0.6 else 0.35)
    width = rng.uniform(1.5, 2.2)
    return _folded(rng, width, width * rng.uniform(1.1, 1.4), material)


def print_sheet(rng: Generator) -> Objects:
    """An office sheet or leaflet, flat, creased or half crumpled."""
    material = mat.principled("sheet", prints.document(rng), 0.75, subsurface=0.12)
    width = rng.uniform(1.3, 2.1)
    relief = rng.choice([0.02, 0.08, 0.2])
    return [mesh.sheet("sheet", width, width * 1.41, material, mesh.chain(_curl(rng, rng.uniform(0, 0.12)), mesh.crumple(rng, relief, 1.1, 11, 0.1 * relief)), 110)]


def paper_ball(rng: Generator) -> Objects:
    """A screwed-up sheet of white, printed or brown paper."""
    u = rng.uniform()
    colour = (0.78, 0.78, 0.76) if u < 0.6 else ((0.5, 0.36, 0.2) if u < 0.85 else (0.6, 0.58, 0.53))
    material = mat.principled("paper", colour, 0.8)
    radius = rng.uniform(0.4, 0.75)
    stretch = [rng.uniform(0.9, 1.5), 1, 1]
    shape = mesh.chain(mesh.crumple_ball(rng, 0.16, 40, rng.uniform(0.6, 0.9)), lambda p: p * stretch)
    objects = [mesh.ball("ball", radius, material, shape)]
    # A loose corner that sticks out: this is what tells paper from a stone.
    corner = mesh.sheet("corner", radius * 1.7, radius * 1.5, material, mesh.chain(mesh.crumple(rng, 0.2, 2.0, 9), _curl(rng, 0.35)), 40)
    corner.rotation_euler = (rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6), rng.uniform(0, 6.28))
    corner.location = (rng.uniform(-0.4, 0.4) * radius, rng.uniform(-0.4, 0.4) * radius, radius * 0.15)
    objects.append(corner)
    return objects


def flattened_box(rng: Generator) -> Objects:
    """A box pressed flat: kraft or printed board with its flaps, folds, and corrugated edge."""
    kraft = rng.uniform() < 0.7
    material = mat.principled("board", prints.cardboard(rng) if kraft else prints.wrapped_box(rng), 0.8 if kraft else 0.5)
    width, height = rng.uniform(1.7, 2.9), rng.uniform(1.0, 1.9)
    flap = height * rng.uniform(0.16, 0.28)
    slot, lift = rng.uniform(0.4, 0.6), rng.uniform(-0.15, 0.5)

    def keep(c: np.ndarray) -> np.ndarray:
        edge = np.abs(c[:, 1]) > height / 2 - flap
        near = np.abs(c[:, 0] - (slot - 0.5) * width) < 0.05
        return ~(edge & near)

    def fold(p: np.ndarray) -> np.ndarray:
        q = p.copy()
        over = np.clip(np.abs(p[:, 1]) - (height / 2 - flap), 0, None)
        q[:, 2] += over * lift
        q[:, 2] += 0.1 * np.abs(p[:, 0] - (slot - 0.5) * width)
        return q
    objects = []
    for k in range(2 if rng.uniform() < 0.6 else 1):
        layer = mesh.sheet("board", width, height, material, mesh.chain(fold, mesh.crumple(rng, 0.03, 0.6, 6)), 90, keep)
        thick = layer.modifiers.new("thick", "SOLIDIFY")
        thick.thickness = 0.035
        layer.location = (0, 0, k * 0.09)
        layer.rotation_euler = (0, 0, k * rng.normal() * 0.04)
        objects.append(layer)
    return objects


def _bag_outline(width: float, height: float, handles: bool) -> object:
    def keep(c: np.ndarray) -> np.ndarray:
        x, y = c[:, 0] / (width / 2), c[:, 1] / (height / 2)
        if not handles:
            return np.ones(len(c), dtype=bool)
        mouth = (y > 0.42) & (np.abs(x) < 0.42 + 0.12 * np.sin((y - 0.42) * 5))
        shoulder = (y > 0.5) & (np.abs(x) > 0.9)
        return ~(mouth | shoulder)
    return keep


def _layers(rng: Generator, width: float, height: float, material: bpy.types.Material, relief: float, handles: bool, count: int, puff: float) -> Objects:
    keep = _bag_outline(width, height, handles)
    gather = rng.uniform(0.0, 0.45)

    def pull(p: np.ndarray) -> np.ndarray:  # the middle is drawn together, as in a bag held by its handles
        q = p.copy()
        t = np.clip((p[:, 1] / height + 0.2), 0, 1)
        q[:, 0] *= 1 - gather * t
        return q
    objects = []
    for k in range(count):
        sign = 1 if k % 2 else -0.3

        def swell(p: np.ndarray, s: float = sign) -> np.ndarray:
            q = p.copy()
            q[:, 2] += s * puff * np.clip(1 - (p[:, 0] / width * 2) ** 2, 0, 1) * np.clip(1 - (p[:, 1] / height * 2) ** 2, 0, 1)
            return q
        deform = mesh.chain(swell, pull, mesh.crumple(rng, relief, 1.6, 14, 0.06), mesh.crumple(rng, relief * 0.3, 5.0, 14))
        layer = mesh.sheet("film", width, height, material, deform, 110, keep)
        layer.location = (0, 0, 0.12 * k)
        objects.append(layer)
    return objects


def carrier_bag(rng: Generator) -> Objects:
    """A shop's carrier bag with handles: white, black, coloured or milky."""
    u = rng.uniform()
    if u < 0.45:
        colour, clear = (0.85, 0.85, 0.85), rng.uniform(0.25, 0.55)
    elif u < 0.65:
        colour, clear = (0.015, 0.015, 0.017), rng.uniform(0.05, 0.15)
    else:
        colour, clear = tuple((np.array(prints.vivid(rng)) / 255) ** 2.2), rng.uniform(0.15, 0.45)
    width = rng.uniform(1.4, 2.1)
    return _layers(rng, width, width * rng.uniform(1.1, 1.5), mat.film("bag", colour, clear), rng.uniform(0.09, 0.19), True, 2, rng.uniform(0.1, 0.4))


def clear_film(rng: Generator) -> Objects:
    """A clear bag or a piece of wrapping film, crumpled."""
    width = rng.uniform(1.2, 2.2)
    return _layers(rng, width, width * rng.uniform(0.8, 1.3), mat.film("film", (0.9, 0.91, 0.92), rng.uniform(0.78, 0.92), 0.35, 0.08), rng.uniform(0.1, 0.2), False, int(rng.integers(1, 4)), rng.uniform(0, 0.3))


def snack_bag(rng: Generator) -> Objects:
    """An empty snack or noodle bag: bright print outside, silver inside, sealed ends."""
    width, height = rng.uniform(1.3, 2.0), rng.uniform(1.0, 1.5)
    silver = rng.uniform() < 0.25
    if silver:
        material = mat.principled("silver", (0.75, 0.75, 0.76), 0.22, metallic=1.0)
    else:
        material = mat.principled("print", prints.snack(rng), 0.28, clearcoat=0.6, metallic=0.15)
    relief = rng.uniform(0.05, 0.16)

    def pinch(p: np.ndarray) -> np.ndarray:
        q = p.copy()
        end = np.abs(p[:, 0] / width * 2)
        q[:, 2] += 0.3 * np.clip(1 - end ** 4, 0, 1) * np.clip(1 - (p[:, 1] / height * 2) ** 2, 0, 1)
        q[:, 2] += 0.012 * np.sign(np.sin(p[:, 0] * 90)) * (end > 0.92)
        return q
    return [mesh.sheet("bag", width, height, material, mesh.chain(pinch, mesh.crumple(rng, relief, 1.4, 12, 0.05), mesh.crumple(rng, relief * 0.3, 4.0, 12)), 120)]
