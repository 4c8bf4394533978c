"""Meshes as numpy arrays: turned bodies, boxes, sheets, and the ways in which people crush them.

Lengths are decimetres everywhere (1.0 = 10 cm). Bodies of revolution lie along +x. Nothing here is random but
through the `numpy.random.Generator` given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy
import numpy as np

Deform = Callable[[np.ndarray], np.ndarray]
Generator = np.random.Generator


def make_object(name: str, points: np.ndarray, faces: Sequence[Sequence[int]], material: bpy.types.Material,
                uv: np.ndarray | None = None, smooth: bool = True) -> bpy.types.Object:
    """A mesh object; `uv` has one row per face corner, in the order of `faces`."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], [list(map(int, f)) for f in faces])
    if uv is not None:
        layer = mesh.uv_layers.new(name="uv")
        layer.data.foreach_set("uv", np.ascontiguousarray(uv, dtype=np.float32).ravel())
    mesh.polygons.foreach_set("use_smooth", [smooth] * len(mesh.polygons))
    mesh.materials.append(material)
    mesh.update()
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def points_of(obj: bpy.types.Object) -> np.ndarray:
    """The object's own vertices, (n, 3), without modifiers."""
    flat = np.empty(len(obj.data.vertices) * 3, dtype=np.float32)
    obj.data.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def move_points(obj: bpy.types.Object, points: np.ndarray) -> None:
    """Gives the vertices new places."""
    obj.data.vertices.foreach_set("co", np.ascontiguousarray(points, dtype=np.float32).ravel())
    obj.data.update()


def resample(profile: Sequence[tuple[float, float]], step: float = 0.03, round_off: int = 2) -> np.ndarray:
    """A polyline of (x, radius), cut into pieces of at most `step` and with its corners rounded."""
    p = np.asarray(profile, dtype=float)
    out = [p[:1]]
    for a, b in zip(p[:-1], p[1:]):
        n = max(1, int(np.ceil(np.linalg.norm(b - a) / step)))
        out.append(a + (b - a) * (np.arange(1, n + 1) / n)[:, None])
    q = np.concatenate(out)
    for _ in range(round_off):
        q[1:-1] = 0.25 * q[:-2] + 0.5 * q[1:-1] + 0.25 * q[2:]
    return q


def grid_faces(rows: int, columns: int, wrap: bool) -> tuple[np.ndarray, np.ndarray]:
    """Quads of a rows x columns lattice and their UVs (u along columns, v along rows)."""
    last = columns if wrap else columns - 1
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(last), indexing="ij")
    i, j = i.ravel(), j.ravel()
    k = (j + 1) % columns
    faces = np.stack([i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j], axis=1)
    u0, u1, v0, v1 = j / last, (j + 1) / last, i / (rows - 1), (i + 1) / (rows - 1)
    uv = np.stack([np.stack([u0, v0], 1), np.stack([u1, v0], 1), np.stack([u1, v1], 1), np.stack([u0, v1], 1)], 1)
    return faces, uv.reshape(-1, 2)


def lathe(name: str, profile: np.ndarray, material: bpy.types.Material, segments: int = 56,
          deform: Deform | None = None, smooth: bool = True,
          shape: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None) -> bpy.types.Object:
    """A body turned about the x axis from rows of (x, radius); `shape(x, angle)` scales the radius."""
    angle = np.arange(segments) * (2 * np.pi / segments)
    x = np.repeat(profile[:, :1], segments, axis=1)
    r = np.repeat(profile[:, 1:2], segments, axis=1)
    a = np.repeat(angle[None, :], len(profile), axis=0)
    if shape is not None:
        r = r * shape(x, a)
    points = np.stack([x, r * np.cos(a), r * np.sin(a)], axis=-1).reshape(-1, 3)
    faces, uv = grid_faces(len(profile), segments, wrap=True)
    if deform is not None:
        points = deform(points)
    return make_object(name, points, faces, material, uv, smooth)


def sheet(name: str, width: float, height: float, material: bpy.types.Material, deform: Deform | None = None,
          cells: int = 80, keep: Callable[[np.ndarray], np.ndarray] | None = None, smooth: bool = False,
          ) -> bpy.types.Object:
    """A flat sheet centred at the origin; `keep(centres)` says which cells are not cut away."""
    rows = max(2, int(cells * height / max(width, height)))
    columns = max(2, int(cells * width / max(width, height)))
    y, x = np.meshgrid(np.linspace(-height / 2, height / 2, rows), np.linspace(-width / 2, width / 2, columns),
                       indexing="ij")
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    faces, uv = grid_faces(rows, columns, wrap=False)
    if keep is not None:
        kept = keep(points[faces].mean(axis=1))
        faces, uv = faces[kept], uv.reshape(-1, 4, 2)[kept].reshape(-1, 2)
    if deform is not None:
        points = deform(points)
    return make_object(name, points, faces, material, uv, smooth)


def box(name: str, size: Sequence[float], material: bpy.types.Material, centre: Sequence[float] = (0, 0, 0),
        bevel: float = 0.0, deform: Deform | None = None, cuts: int = 1, open_top: bool = False) -> bpy.types.Object:
    """A box of six UV-mapped sides (the four walls side by side across u, the ends above), cut for deforming."""
    sx, sy, sz = (s / 2 for s in size)
    sides = [((-sx, -sy, -sz), (2 * sx, 0, 0), (0, 0, 2 * sz)), ((sx, -sy, -sz), (0, 2 * sy, 0), (0, 0, 2 * sz)),
             ((sx, sy, -sz), (-2 * sx, 0, 0), (0, 0, 2 * sz)), ((-sx, sy, -sz), (0, -2 * sy, 0), (0, 0, 2 * sz)),
             ((-sx, sy, -sz), (2 * sx, 0, 0), (0, -2 * sy, 0)), ((-sx, -sy, sz), (2 * sx, 0, 0), (0, 2 * sy, 0))]
    if open_top:
        sides.pop()
    points, faces, uvs, base = [], [], [], 0
    quads, uv = grid_faces(cuts + 1, cuts + 1, wrap=False)
    step = np.arange(cuts + 1) / cuts
    for number, (corner, along, up) in enumerate(sides):
        v, u = np.meshgrid(step, step, indexing="ij")
        points.append((np.asarray(corner) + u[..., None] * np.asarray(along, float)
                       + v[..., None] * np.asarray(up, float)).reshape(-1, 3))
        faces.append(quads + base)
        scale, shift = (0.25, number * 0.25) if number < 4 else (1.0, 0.0)
        uvs.append(np.stack([uv[:, 0] * scale + shift, uv[:, 1]], axis=1))
        base += (cuts + 1) ** 2
    all_points = np.concatenate(points)
    if deform is not None:
        all_points = deform(all_points)
    obj = make_object(name, all_points + np.asarray(centre, float), np.concatenate(faces), material,
                      np.concatenate(uvs), smooth=False)
    weld = obj.modifiers.new("weld", "WELD")
    weld.merge_threshold = 0.002
    if bevel > 0:
        rounded = obj.modifiers.new("bevel", "BEVEL")
        rounded.width, rounded.segments, rounded.angle_limit = bevel, 3, 0.7
        obj.data.polygons.foreach_set("use_smooth", [True] * len(obj.data.polygons))
        obj.data.use_auto_smooth, obj.data.auto_smooth_angle = True, 0.9
    return obj


def ball(name: str, radius: float, material: bpy.types.Material, deform: Deform | None = None,
         detail: int = 5, smooth: bool = False) -> bpy.types.Object:
    """An icosphere at the origin."""
    import bmesh

    shape = bmesh.new()
    bmesh.ops.create_icosphere(shape, subdivisions=detail, radius=radius)
    points = np.array([v.co[:] for v in shape.verts])
    faces = [[v.index for v in f.verts] for f in shape.faces]
    shape.free()
    return make_object(name, deform(points) if deform else points, faces, material, None, smooth)


def _directions(rng: Generator, count: int, flat: bool) -> np.ndarray:
    d = rng.normal(size=(count, 3))
    if flat:
        d[:, 2] = 0
    return d / np.linalg.norm(d, axis=1, keepdims=True)


def crumple(rng: Generator, height: float, scale: float = 1.0, folds: int = 9, shrink: float = 0.0) -> Deform:
    """Sharp folds in a sheet: a sum of triangle waves in random directions, `height` the usual relief."""
    d = _directions(rng, folds, flat=True)
    frequency = scale * rng.uniform(0.5, 2.2, folds)
    phase = rng.uniform(0, 2, folds)
    weight = rng.uniform(0.5, 1.2, folds) / frequency
    weight *= height / (np.sqrt(np.sum(weight ** 2)) * 0.29)
    push = _directions(rng, folds, flat=True)

    def apply(p: np.ndarray) -> np.ndarray:
        bent = p + 0.12 * np.sin(1.7 * scale * p[:, [1, 0, 2]] + phase[0]) * [1, 1, 0]
        t = bent @ d.T * frequency + phase
        wave = np.abs(t - 2 * np.floor(t / 2) - 1) - 0.5
        out = p * [1 - shrink, 1 - shrink, 1]
        out[:, 2] += wave @ weight
        return out + (wave * weight * 0.5) @ push
    return apply


def crumple_ball(rng: Generator, amount: float = 0.25, folds: int = 26, squash: float = 0.8) -> Deform:
    """Turns a sphere into something like a screwed-up ball of paper: many facets that meet in sharp creases."""
    d = _directions(rng, folds, flat=False)
    frequency = rng.uniform(0.7, 3.2, folds)
    phase = rng.uniform(0, 2, folds)
    weight = rng.uniform(0.5, 1.0, folds) / frequency ** 0.7
    weight *= amount / (np.sqrt(np.sum(weight ** 2)) * 0.29)
    push = _directions(rng, folds, flat=False)

    def apply(p: np.ndarray) -> np.ndarray:
        n = p / np.linalg.norm(p, axis=1, keepdims=True)
        t = n @ d.T * frequency + phase
        wave = np.abs(t - 2 * np.floor(t / 2) - 1) - 0.5
        radius = np.linalg.norm(p, axis=1, keepdims=True)
        out = p * np.clip(1 + wave @ weight, 0.5, 1.6)[:, None] + (wave * weight * 0.6) @ push * radius
        return out * [1, 1, squash]
    return apply


def dents(rng: Generator, length: float, radius: float, count: int, depth: float) -> Deform:
    """Local dents in a body lying along x from 0 to `length`."""
    where = rng.uniform(0.12 * length, 0.85 * length, count)
    angle = rng.uniform(0, 2 * np.pi, count)
    size = rng.uniform(0.5, 1.3, count) * radius
    deep = rng.uniform(0.4, 1.0, count) * depth * radius

    def apply(p: np.ndarray) -> np.ndarray:
        out = p.copy()
        for x0, a, s, d in zip(where, angle, size, deep):
            inward = -np.array([0, np.cos(a), np.sin(a)])
            centre = np.array([x0, 0, 0]) - inward * radius
            distance = np.linalg.norm((p - centre) * [1.3, 1, 1], axis=1) / s
            out += np.clip(1 - distance, 0, 1)[:, None] * d * inward
        return out
    return apply


def flatten(rng: Generator, length: float, radius: float, amount: float) -> Deform:
    """Crushes a body lying along x sideways: flat in the middle, kinked, with creases across."""
    centre, spread = rng.uniform(0.35, 0.65) * length, rng.uniform(0.3, 0.5) * length
    d = _directions(rng, 7, flat=False)
    frequency, phase = rng.uniform(1.2, 3.2, 7), rng.uniform(0, 2, 7)
    bend = rng.normal() * 0.09 * amount

    def apply(p: np.ndarray) -> np.ndarray:
        q = p.copy()
        press = amount * np.exp(-((p[:, 0] - centre) / spread) ** 2)
        t = p @ d.T * frequency + phase
        wave = (np.abs(t - 2 * np.floor(t / 2) - 1) - 0.5).mean(axis=1)
        q[:, 2] *= 1 - 0.85 * press
        q[:, 1] *= 1 + 0.35 * press
        q[:, 2] += wave * press * radius * 1.1
        q[:, 1] += wave * press * radius * 0.5 + bend * (p[:, 0] - length / 2) ** 2
        q[:, 0] = length / 2 + (q[:, 0] - length / 2) * (1 - 0.12 * amount)
        return q
    return apply


def chain(*parts: Deform | None) -> Deform:
    """Applies the given deformations one after the other."""
    def apply(p: np.ndarray) -> np.ndarray:
        for part in parts:
            if part is not None:
                p = part(p)
        return p
    return apply
