"""A forearm and hand reaching in: overlapping capsules melted into one skin by a voxel remesh.

The arm lies along -y with the finger tips towards +y, palm down, the wrist at the origin. Skin tones, gloves,
sleeves and the spread of the fingers follow the seed.
"""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Matrix

import materials as mat
import mesh
import prints

Generator = np.random.Generator
Objects = list[bpy.types.Object]
SKINS = [(0.72, 0.42, 0.29), (0.6, 0.33, 0.21), (0.78, 0.5, 0.38), (0.42, 0.21, 0.12), (0.2, 0.09, 0.05)]


def _capsule(points: list, faces: list, a: np.ndarray, b: np.ndarray, ra: float, rb: float, flat: float = 1.0) -> None:
    """Adds a rounded tapering limb from a to b."""
    axis = (b - a) / np.linalg.norm(b - a)
    side = np.cross(axis, [0, 0, 1.0])
    side = side / np.linalg.norm(side) if np.linalg.norm(side) > 1e-6 else np.array([1.0, 0, 0])
    up = np.cross(side, axis)
    n, base = 14, sum(len(p) for p in points)
    angle = np.arange(n) * 2 * math.pi / n
    ring = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * up * flat
    rows = []
    for t in np.linspace(-math.pi / 2 + 0.05, 0, 5):
        rows.append(a + axis * ra * math.sin(t) + ring * ra * math.cos(t))
    for t in np.linspace(0, math.pi / 2 - 0.05, 5):
        rows.append(b + axis * rb * math.sin(t) + ring * rb * math.cos(t))
    quads, _ = mesh.grid_faces(len(rows), n, wrap=True)
    points.append(np.concatenate(rows))
    faces.extend((quads + base).tolist())
    faces.append([base + i for i in range(n)][::-1])
    faces.append([base + (len(rows) - 1) * n + i for i in range(n)])


def _fingers(rng: Generator, grip: float) -> list[list[np.ndarray]]:
    """Joints of five fingers; `grip` 0 is stretched out, 1 closed round a bottle."""
    chains = []
    for k, (x, y, length, spread) in enumerate([(-0.3, 0.88, 0.72, -0.16), (-0.1, 0.95, 0.82, -0.04), (0.1, 0.92, 0.76, 0.06), (0.29, 0.82, 0.6, 0.18)]):
        at, pitch, yaw = np.array([x, y, 0.0]), -0.15 - 0.3 * grip + rng.normal() * 0.06, spread * (1.1 - 0.6 * grip) + rng.normal() * 0.03
        joints = [at]
        for part in (0.45, 0.32, 0.25):
            step = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
            joints.append(joints[-1] + step * length * part)
            pitch -= 0.15 + 0.75 * grip
        chains.append(joints)
    thumb = [np.array([-0.3, 0.3, -0.05]), np.array([-0.55, 0.55, -0.14]), np.array([-0.66 + 0.2 * grip, 0.82, -0.2 - 0.25 * grip]), np.array([-0.66 + 0.35 * grip, 1.02, -0.24 - 0.4 * grip])]
    return [*chains, thumb]


def hand(rng: Generator, grip: float | None = None) -> Objects:
    """Builds the arm; `grip` fixes how far the fingers close."""
    grip = float(rng.uniform(0, 0.7)) if grip is None else grip
    gloved = rng.uniform() < 0.2
    tone = SKINS[int(rng.choice(len(SKINS), p=[0.35, 0.2, 0.25, 0.12, 0.08]))]
    if gloved:
        tone = [(0.1, 0.25, 0.6), (0.75, 0.75, 0.72), (0.02, 0.02, 0.02), (0.7, 0.1, 0.08)][int(rng.integers(4))]
    skin = mat.principled("skin", tone, 0.55 if not gloved else 0.4, bump=("fine", 9.0, 0.12), subsurface=0.0)
    points: list[np.ndarray] = []
    faces: list = []
    _capsule(points, faces, np.array([0.0, -3.4, 0.1]), np.array([0.0, -0.15, 0.0]), 0.44, 0.27, 0.85)
    _capsule(points, faces, np.array([0.0, -0.1, 0.0]), np.array([0.0, 0.3, 0.0]), 0.28, 0.34, 0.6)
    for x0, x1, y1 in ((-0.16, -0.28, 0.82), (-0.04, -0.1, 0.88), (0.08, 0.1, 0.86), (0.18, 0.27, 0.76)):
        _capsule(points, faces, np.array([x0, 0.1, 0.0]), np.array([x1, y1, 0.0]), 0.19, 0.145, 0.8)
    _capsule(points, faces, np.array([-0.14, 0.12, -0.04]), np.array([-0.36, 0.4, -0.08]), 0.19, 0.14, 0.9)
    tips = []
    for number, joints in enumerate(_fingers(rng, grip)):
        thick = 0.118 if number == 4 else (0.1, 0.105, 0.1, 0.088)[number]
        for k, (a, b) in enumerate(zip(joints[:-1], joints[1:])):
            _capsule(points, faces, a, b, thick * (1.12 - 0.08 * k), thick * (1.06 - 0.1 * k), 0.92)
        tips.append((joints[-2], joints[-1], thick))
    arm = mesh.make_object("arm", np.concatenate(points), faces, skin)
    melt = arm.modifiers.new("melt", "REMESH")
    melt.mode, melt.voxel_size, melt.use_smooth_shade = "VOXEL", 0.032, True
    soft = arm.modifiers.new("soft", "SMOOTH")
    soft.factor, soft.iterations = 0.5, 7
    objects = [arm]
    if not gloved:
        nail = mat.principled("nail", tuple(min(1.0, c * 1.25 + 0.06) for c in tone), 0.25)
        for a, b, thick in tips:
            d = (b - a) / np.linalg.norm(b - a)
            up = np.array([0, 0, 1.0]) - d * d[2]
            spot = mesh.ball("nail", 1.0, nail, lambda p: p * [0.055, 0.075, 0.025], 3, True)
            spot.location = b + d * 0.02 + up / np.linalg.norm(up) * thick * 0.8
            spot.rotation_euler = (math.atan2(d[2], math.hypot(d[0], d[1])), 0, -math.atan2(d[0], d[1]))
            objects.append(spot)
    if rng.uniform() < 0.65:
        cloth = mat.principled("sleeve", tuple((np.array(prints.vivid(rng, (0.15, 0.8), (0.05, 0.7))) / 255) ** 2.2), 0.9)
        start = -rng.uniform(0.5, 1.4)
        profile = mesh.resample([(start, 0.36), (start - 0.1, 0.42), (-3.5, 0.58)], 0.05, 1)
        folds = lambda x, a: 1 + 0.04 * np.sin(x * 9 + 2 * np.sin(a)) + 0.03 * np.sin(x * 17 + a * 2)  # noqa: E731
        objects.append(mesh.lathe("sleeve", profile, cloth, 48, lambda p: p[:, [1, 0, 2]] + [0, 0, 0.06], shape=folds))
    return objects


def pose(root: bpy.types.Object, x: float, y: float, z: float, turn: float, roll: float = 0.0) -> None:
    """Puts the wrist at (x, y, z), pointing along `turn` (0: fingers up the picture)."""
    root.matrix_world = Matrix.Translation((x, y, z)) @ Matrix.Rotation(turn, 4, "Z") @ Matrix.Rotation(roll, 4, "Y") @ Matrix.Rotation(-0.12, 4, "X")
    bpy.context.view_layer.update()


def place_random(root: bpy.types.Object, rng: Generator) -> None:
    """Reaches in from a side of the picture, at some height above the floor."""
    turn = float(rng.choice([0, 0, math.pi / 2, -math.pi / 2, math.pi])) + rng.normal() * 0.35
    reach = rng.uniform(0.2, 1.1)
    pose(root, math.sin(turn) * reach + rng.normal() * 0.3, -math.cos(turn) * reach + rng.normal() * 0.3, rng.uniform(0.6, 1.7), turn, rng.normal() * 0.3)
