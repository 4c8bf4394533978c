"""Turned items: PET bottles, drinks cans, tins, glass bottles and jars, detergent bottles.

Every body lies along x and is crushed by deformations shared with its label and cap, so that they stay together.
"""

from __future__ import annotations

import math

import bpy
import numpy as np

import materials as mat
import mesh
import prints

Generator = np.random.Generator
Objects = list[bpy.types.Object]
CAP_COLOURS = [(0.85, 0.85, 0.85), (0.05, 0.15, 0.6), (0.75, 0.03, 0.03), (0.02, 0.35, 0.1), (0.9, 0.45, 0.02), (0.02, 0.02, 0.02)]
ALUMINIUM = (0.82, 0.82, 0.83)


def _pick(rng: Generator, options: list) -> tuple:
    return options[int(rng.integers(len(options)))]


def _cap(x: float, radius: float, colour: tuple, deform: mesh.Deform | None) -> bpy.types.Object:
    profile = mesh.resample([(x, 0.0), (x, radius), (x - 0.14, radius * 1.03), (x - 0.15, radius * 0.9)], 0.02, 1)
    knurl = lambda px, a: 1 + 0.02 * np.sign(np.sin(a * 30))  # noqa: E731
    return mesh.lathe("cap", profile, mat.principled("cap", colour, 0.4), 90, deform, shape=knurl)


def _pet_profile(rng: Generator) -> tuple[np.ndarray, float, float, tuple[float, float]]:
    """Profile, length, radius, and the part of the length where the label sits."""
    length, radius = rng.uniform(1.85, 2.5), rng.uniform(0.29, 0.37)
    shoulder, neck = length * rng.uniform(0.66, 0.76), 0.125
    waist = radius * rng.uniform(0.86, 1.0)
    p = [(0.06, 0.0), (0.0, radius * 0.62), (0.06, radius * 0.93), (0.18, radius), (length * 0.3, radius), (length * 0.33, waist),
         (shoulder - 0.12, waist), (shoulder - 0.06, radius), (shoulder, radius * 0.98), (shoulder + (length - shoulder) * 0.35, radius * 0.72),
         (length - 0.28, neck * 1.25), (length - 0.24, neck), (length - 0.2, neck), (length - 0.19, neck * 1.3), (length - 0.16, neck * 1.3),
         (length - 0.15, neck), (length, neck)]
    return mesh.resample(p, 0.028, 2), length, radius, (length * 0.34, shoulder - 0.13)


def _pet(rng: Generator, labelled: bool, crush: float, tint: tuple, edge: tuple) -> Objects:
    profile, length, radius, (low, high) = _pet_profile(rng)
    ribs, depth = int(rng.integers(5, 13)), rng.uniform(0.012, 0.04)
    style = rng.integers(0, 3)

    def shape(x: np.ndarray, a: np.ndarray) -> np.ndarray:
        body = np.clip((x - 0.2) * 8, 0, 1) * np.clip((high - x) * 8, 0, 1)
        if style == 0:
            wave = np.sin(x / length * 2 * math.pi * ribs * 1.4)
        elif style == 1:
            wave = np.sin(x / length * 2 * math.pi * ribs * 0.7 + a * 2)
        else:
            wave = np.where(x < length * 0.3, np.sin(x * 40), 0.3 * np.cos(a * 6))
        feet = np.clip((0.16 - x) * 10, 0, 1) * 0.1 * np.cos(a * 5)
        return 1 + depth * body * wave + feet

    deform = mesh.chain(mesh.dents(rng, length, radius, int(rng.integers(0, 4)), 0.35) if rng.uniform() < 0.6 else None,
                        mesh.flatten(rng, length, radius, crush) if crush > 0 else None)
    clear = mat.thin_clear("pet", tint, edge, ripple=0.25 + 0.4 * crush)
    objects = [mesh.lathe("bottle", profile, clear, 64, deform, shape=shape)]
    if rng.uniform() < 0.7:
        objects.append(_cap(length + 0.03, 0.16, _pick(rng, CAP_COLOURS), deform))
    if labelled:
        xs = np.linspace(low, high, 24)
        r = np.interp(xs, profile[:, 0][5:], profile[:, 1][5:]) * 1.012
        art = mat.principled("label", prints.label(rng), 0.35, clearcoat=0.3)
        objects.append(mesh.lathe("label", np.stack([xs, r], 1), art, 64, deform, shape=lambda x, a: shape(x, a) + 0.006))
    elif rng.uniform() < 0.2:  # a ring of glue, or a rest of the label
        xs = np.linspace(low, low + 0.06, 4)
        r = np.interp(xs, profile[:, 0][5:], profile[:, 1][5:]) * 1.012
        objects.append(mesh.lathe("rest", np.stack([xs, r], 1), mat.principled("rest", (0.8, 0.8, 0.76), 0.5), 64, deform))
    return objects


def _clear_tint(rng: Generator) -> tuple[tuple, tuple]:
    blue = rng.uniform(0, 1) < 0.35
    return ((0.86, 0.94, 0.98), (0.3, 0.45, 0.55)) if blue else ((0.94, 0.965, 0.965), (0.4, 0.44, 0.45))


def pet_bare(rng: Generator) -> Objects:
    """A clear bottle with its label off."""
    return _pet(rng, False, 0.0 if rng.uniform() < 0.6 else rng.uniform(0.1, 0.4), *_clear_tint(rng))


def pet_crushed(rng: Generator) -> Objects:
    """A clear bottle pressed flat."""
    return _pet(rng, rng.uniform() < 0.2, rng.uniform(0.5, 0.95), *_clear_tint(rng))


def pet_labelled(rng: Generator) -> Objects:
    """A clear bottle with its label on."""
    return _pet(rng, True, 0.0 if rng.uniform() < 0.7 else rng.uniform(0.1, 0.6), *_clear_tint(rng))


def pet_coloured(rng: Generator) -> Objects:
    """A green, brown or blue PET bottle: not the clear stream."""
    tint, edge = _pick(rng, [((0.2, 0.62, 0.3), (0.03, 0.2, 0.06)), ((0.5, 0.25, 0.08), (0.15, 0.06, 0.02)), ((0.15, 0.35, 0.75), (0.03, 0.08, 0.3))])
    return _pet(rng, rng.uniform() < 0.4, 0.0 if rng.uniform() < 0.5 else rng.uniform(0.2, 0.8), tint, edge)


def _stand_or_lie(rng: Generator, objects: Objects, stand: float) -> Objects:
    if rng.uniform() < stand:
        for obj in objects:
            obj.rotation_euler = (0, -math.pi / 2, 0)
    else:
        for obj in objects:
            obj.rotation_euler = (rng.uniform(0, 2 * math.pi), 0, 0) if obj is objects[0] else objects[0].rotation_euler
    return objects


def _can(rng: Generator, deform_of: object, stand: float) -> Objects:
    slim = rng.uniform() < 0.35
    length, radius = (1.45, 0.285) if slim else (rng.uniform(1.15, 1.25), 0.33)
    if rng.uniform() < 0.1:
        length, radius = 1.68, 0.33
    deform = deform_of(length, radius)
    art = mat.principled("can", prints.can_body(rng), rng.uniform(0.2, 0.35), metallic=0.75)
    bare = mat.principled("aluminium", ALUMINIUM, 0.25, metallic=1.0)
    body = mesh.resample([(0.1, radius), (length - 0.14, radius)], 0.03, 0)
    bottom = mesh.resample([(0.1, 0.0), (0.04, radius * 0.6), (0.0, radius * 0.7), (0.01, radius * 0.76), (0.1, radius)], 0.02, 1)
    neck = radius * 0.82
    top = mesh.resample([(length - 0.14, radius), (length - 0.02, neck * 1.02), (length, neck), (length, neck * 0.94), (length - 0.05, neck * 0.9),
                         (length - 0.045, 0.0)], 0.02, 1)
    objects = [mesh.lathe("body", body, art, 64, deform), mesh.lathe("bottom", bottom, bare, 64, deform), mesh.lathe("top", top, bare, 64, deform)]
    # The opening, and the ring pull beside it.
    hole = np.array([[0.0, 0.0], [0.0, 0.1]])
    opening = mesh.lathe("hole", hole, mat.principled("hole", (0.01, 0.01, 0.01), 0.6), 24,
                         lambda p: deform(p * [1, 1, 0.8] + [length - 0.035, 0.13, 0.0]))
    ring = mesh.resample([(0, 0.05), (0.012, 0.075), (0, 0.1), (-0.012, 0.075), (0, 0.05)], 0.03, 0)
    tab = mesh.lathe("tab", ring, bare, 24, lambda p: deform(p * [1, 1.1, 0.8] + [length - 0.02, -0.07, 0.0]))
    return _stand_or_lie(rng, [*objects, opening, tab], stand)


def drinks_can(rng: Generator) -> Objects:
    """A drinks can, whole or with a few dents."""
    dent = rng.uniform() < 0.5
    count = int(rng.integers(1, 4))
    return _can(rng, lambda l, r: mesh.chain(mesh.dents(rng, l, r, count, 0.4) if dent else None), 0.22)


def crushed_can(rng: Generator) -> Objects:
    """A drinks can pressed flat across, or dented all over."""
    if rng.uniform() < 0.7:
        return _can(rng, lambda l, r: mesh.flatten(rng, l, r, rng.uniform(0.4, 0.85)), 0.0)
    return _can(rng, lambda l, r: mesh.dents(rng, l, r, 9, 0.75), 0.0)


def food_tin(rng: Generator) -> Objects:
    """A steel food tin with ribs, open or closed, bare or with a paper label."""
    length, radius = (rng.uniform(0.4, 0.6), rng.uniform(0.38, 0.46)) if rng.uniform() < 0.4 else (rng.uniform(0.9, 1.2), rng.uniform(0.33, 0.42))
    deform = mesh.dents(rng, length, radius, int(rng.integers(0, 3)), 0.3)
    bare = mat.principled("tin", (0.66, 0.64, 0.6), 0.3, metallic=1.0)
    inside = mat.principled("lacquer", (0.75, 0.66, 0.45), 0.35, metallic=0.9)
    opened = rng.uniform() < 0.6
    side = mesh.resample([(0.03, 0.0), (0.03, radius * 0.93), (0.0, radius), (0.03, radius * 1.03), (0.05, radius), (length - 0.05, radius),
                          (length - 0.03, radius * 1.03), (length, radius)], 0.02, 0)
    ribs = lambda x, a: 1 + 0.018 * np.sin(x * 55) * np.clip((x - 0.2) * 9, 0, 1) * np.clip((length - 0.2 - x) * 9, 0, 1)  # noqa: E731
    objects = [mesh.lathe("tin", side, bare, 64, deform, shape=ribs)]
    if opened:
        well = mesh.resample([(length, radius * 0.99), (0.06, radius * 0.97), (0.05, 0.0)], 0.03, 0)
        objects.append(mesh.lathe("inside", well, inside, 64, deform))
    else:
        lid = mesh.resample([(length, radius), (length - 0.04, radius * 0.95), (length - 0.02, radius * 0.6), (length - 0.035, radius * 0.4), (length - 0.03, 0)], 0.02, 1)
        objects.append(mesh.lathe("lid", lid, bare, 64, deform))
    if rng.uniform() < 0.55:
        xs = np.linspace(0.08, length - 0.08, 12)
        objects.append(mesh.lathe("paper", np.stack([xs, np.full(12, radius * 1.022)], 1), mat.principled("label", prints.tub(rng), 0.5), 64, deform))
    return _stand_or_lie(rng, objects, 0.45)


def _thick(outer: list[tuple[float, float]], wall: float) -> np.ndarray:
    """The profile of a body with an inner wall, from the outside of its base to the mouth and back in."""
    out = mesh.resample(outer, 0.04, 2)
    inner = [(max(x, outer[0][0] + wall * 2.2), max(r - wall, 0.0)) for x, r in out[::-1]]
    inner[-1] = (outer[0][0] + wall * 2.2, 0.0)
    return np.concatenate([out, np.asarray(inner)])


def glass_bottle(rng: Generator) -> Objects:
    """A beer, soju, wine or juice bottle; with or without label and crown."""
    kind = rng.uniform()
    brown, green, clear = (0.42, 0.16, 0.03), (0.08, 0.5, 0.2), (0.93, 0.97, 0.95)
    if kind < 0.35:
        colour, length, radius, neck, shoulder = brown, rng.uniform(2.2, 2.6), rng.uniform(0.3, 0.36), 0.13, 0.58
    elif kind < 0.75:
        colour, length, radius, neck, shoulder = green, rng.uniform(2.05, 2.2), 0.325, 0.125, 0.55
    else:
        colour, length, radius, neck, shoulder = clear, rng.uniform(1.5, 2.1), rng.uniform(0.28, 0.36), 0.16, 0.6
    if rng.uniform() < 0.15:
        colour = (0.25, 0.42, 0.14)
    s = length * shoulder
    outer = [(0.05, 0.0), (0.0, radius * 0.75), (0.03, radius * 0.96), (0.1, radius), (s, radius), (s + (length - s) * 0.3, radius * 0.78), (s + (length - s) * 0.52, neck * 1.15),
             (length - 0.2, neck), (length - 0.18, neck * 1.2), (length - 0.12, neck * 1.2), (length - 0.1, neck * 1.05), (length, neck * 1.05)]
    objects = [mesh.lathe("glass", _thick(outer, 0.035), mat.glass("glass", colour), 64)]
    if rng.uniform() < 0.55:
        a, b = s * rng.uniform(0.2, 0.35), s * rng.uniform(0.75, 0.92)
        xs = np.linspace(a, b, 10)
        objects.append(mesh.lathe("label", np.stack([xs, np.full(10, radius * 1.008)], 1), mat.principled("label", prints.label(rng), 0.45), 64))
    if rng.uniform() < 0.35:
        metal = mat.principled("crown", _pick(rng, CAP_COLOURS), 0.3, metallic=0.6)
        crown = mesh.resample([(length + 0.03, 0.0), (length + 0.03, neck * 1.05), (length - 0.06, neck * 1.25)], 0.02, 1)
        objects.append(mesh.lathe("crown", crown, metal, 63, shape=lambda x, a: 1 + 0.06 * np.cos(a * 21) * (x < length + 0.01)))
    return _stand_or_lie(rng, objects, 0.0)


def glass_jar(rng: Generator) -> Objects:
    """A clear jar with a metal lid or none."""
    length, radius = rng.uniform(0.9, 1.3), rng.uniform(0.36, 0.45)
    outer = [(0.04, 0.0), (0.0, radius * 0.8), (0.04, radius), (length - 0.25, radius), (length - 0.15, radius * 0.82), (length, radius * 0.82)]
    objects = [mesh.lathe("jar", _thick(outer, 0.035), mat.glass("glass", (0.94, 0.98, 0.96)), 64)]
    if rng.uniform() < 0.5:
        lid = mesh.resample([(length + 0.02, 0.0), (length + 0.02, radius * 0.86), (length - 0.12, radius * 0.88)], 0.02, 1)
        objects.append(mesh.lathe("lid", lid, mat.principled("lid", _pick(rng, [(0.7, 0.55, 0.1), (0.6, 0.03, 0.03), (0.7, 0.7, 0.7)]), 0.3, metallic=0.7), 64))
    if rng.uniform() < 0.5:
        xs = np.linspace(0.2, length - 0.4, 10)
        objects.append(mesh.lathe("label", np.stack([xs, np.full(10, radius * 1.008)], 1), mat.principled("label", prints.tub(rng), 0.45), 64))
    return _stand_or_lie(rng, objects, 0.3)


def detergent(rng: Generator) -> Objects:
    """An opaque bottle of shampoo, detergent or yoghurt drink, with a coloured cap."""
    length, radius = rng.uniform(1.3, 2.3), rng.uniform(0.3, 0.45)
    small = rng.uniform() < 0.25
    if small:
        length, radius = rng.uniform(0.75, 1.0), rng.uniform(0.19, 0.25)
    flat = 1.0 if small else rng.uniform(0.55, 1.0)
    colour = tuple((np.array(prints.vivid(rng)) / 255.0) ** 2.2) if rng.uniform() < 0.6 else (0.82, 0.82, 0.8)
    s = length * rng.uniform(0.68, 0.82)
    outer = [(0.03, 0.0), (0.0, radius * 0.85), (0.06, radius), (s, radius * rng.uniform(0.88, 1.0)), (s + (length - s) * 0.4, radius * 0.6), (length - 0.15, 0.16), (length, 0.15)]
    squash = lambda p: p * [1, 1, flat]  # noqa: E731
    deform = mesh.chain(squash, mesh.dents(rng, length, radius, 2, 0.3) if rng.uniform() < 0.4 else None)
    body = mat.principled("bottle", colour, rng.uniform(0.25, 0.45))
    objects = [mesh.lathe("bottle", mesh.resample(outer, 0.03, 3), body, 64, deform)]
    cap = mat.principled("cap", _pick(rng, CAP_COLOURS), 0.35)
    top = mesh.resample([(length + 0.22, 0.0), (length + 0.22, 0.15), (length - 0.06, 0.2), (length - 0.06, 0.14)], 0.03, 1)
    objects.append(mesh.lathe("cap", top, cap, 40))
    if rng.uniform() < 0.3 and not small:
        objects.append(mesh.box("pump", (0.12, 0.55, 0.1), cap, (length + 0.3, 0.18, 0), 0.03))
    if rng.uniform() < 0.8:
        xs = np.linspace(length * 0.15, s - 0.12, 14)
        rows = np.stack([xs, np.interp(xs, *mesh.resample(outer, 0.03, 3).T) * 1.01], 1)
        objects.append(mesh.lathe("label", rows, mat.principled("label", prints.tub(rng), 0.35), 64, deform))
    return objects
