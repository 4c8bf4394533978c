"""Boxy items: cardboard boxes, drink cartons, tubs and cups, trays, expanded foam."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

import materials as mat
import mesh
import prints

Generator = np.random.Generator
Objects = list[bpy.types.Object]
FOAM = (0.86, 0.86, 0.84)


def cardboard_box(rng: Generator) -> Objects:
    """A small parcel or product box, closed or with its flaps up."""
    size = np.sort(rng.uniform(0.5, 1.9, 3))[::-1] * [1, 1, 0.75]
    kraft = rng.uniform() < 0.65
    material = mat.principled("board", prints.cardboard(rng) if kraft else prints.wrapped_box(rng), 0.75 if kraft else 0.45, bump=("noise", 6.0, 0.05))
    is_open = kraft and rng.uniform() < 0.45
    warp = mesh.crumple(rng, 0.03, 0.8, 6)
    objects = [mesh.box("box", size, material, bevel=0.015, deform=warp, cuts=10, open_top=is_open)]
    if is_open:
        inside = mat.principled("inside", (0.35, 0.24, 0.14), 0.85)
        objects.append(mesh.box("floor", size * [0.97, 0.97, 0.02], inside, (0, 0, -size[2] / 2 + 0.03)))
        for sign in (-1, 1):
            for axis in (0, 1):
                span, reach = (size[1 - axis], size[axis] * 0.4)
                flap = mesh.box("flap", (span * 0.98, reach, 0.03), material, (0, reach / 2, 0))
                flap.rotation_euler = (rng.uniform(-0.6, 0.9), 0, [math.pi / 2, 0][axis] * -1 + (math.pi if sign < 0 else 0))
                at = [0.0, 0.0, size[2] / 2]
                at[axis] = sign * size[axis] / 2
                flap.location = at
    return objects


def _gable(rng: Generator, width: float, height: float, roof: float, deform: mesh.Deform, opened: bool) -> Objects:
    """A gable-top carton standing on z=0: four walls, two sloping roofs, two folded gables, the fin."""
    w = width / 2
    art = mat.principled("carton", prints.carton_sides(rng), 0.4, clearcoat=0.2)
    plain = mat.principled("board", (0.82, 0.81, 0.77), 0.5)
    body = mesh.box("body", (width, width, height), art, (0, 0, 0), deform=None, cuts=12, open_top=True)
    shift = np.array([0, 0, height / 2])
    mesh.move_points(body, deform(mesh.points_of(body) + shift))
    tip = 0.0 if not opened else w * 0.45
    c = [(-w, -w, height), (w, -w, height), (w, w, height), (-w, w, height)]
    ridge = [(-w, -tip, height + roof), (w, -tip, height + roof), (-w, tip, height + roof), (w, tip, height + roof)]
    tuck = [(-w * 0.25, 0, height + roof * 0.75), (w * 0.25, 0, height + roof * 0.75)]
    pts = deform(np.array(c + ridge + tuck))
    faces = [[0, 1, 5, 4], [2, 3, 6, 7], [1, 2, 9], [3, 0, 8], [1, 9, 5], [2, 7, 9], [0, 4, 8], [3, 8, 6]]
    uv = [(0, .82), (.25, .82), (.25, 1), (0, 1), (.5, .82), (.75, .82), (.75, 1), (.5, 1)] + [(.3, .9)] * 18
    roofs = mesh.make_object("roof", pts, faces, art, np.array(uv), smooth=False)
    fin = mesh.box("fin", (width, 0.025, 0.16), plain if rng.uniform() < 0.5 else art, (0, 0, 0), cuts=4)
    mesh.move_points(fin, deform(mesh.points_of(fin) + [0, -tip, height + roof + 0.07]))
    objects = [body, roofs, fin]
    if rng.uniform() < 0.3 and not opened:
        cap = mesh.lathe("cap", mesh.resample([(0.12, 0.0), (0.12, 0.14), (0.0, 0.15)], 0.03, 1), mat.principled("cap", tuple((np.array(prints.vivid(rng)) / 255) ** 2.2), 0.4), 40)
        cap.rotation_mode = "QUATERNION"
        cap.rotation_quaternion = Vector((0, -roof, w)).normalized().to_track_quat("X", "Y")
        cap.location = (0, -w * 0.5, height + roof * 0.5)
        objects.append(cap)
    return objects


def gable_carton(rng: Generator) -> Objects:
    """A milk carton with a gable top, whole, opened or dented; mostly on its side."""
    big = rng.uniform() < 0.4
    width = 0.72 if not big else rng.uniform(0.85, 0.95)
    height = rng.uniform(0.75, 1.1) if not big else rng.uniform(1.6, 1.95)
    deform = mesh.crumple(rng, 0.02 if rng.uniform() < 0.5 else 0.08, 0.8, 7)
    objects = _gable(rng, width, height, width * 0.5, deform, rng.uniform() < 0.3)
    if rng.uniform() < 0.8:
        _lay(objects, int(rng.integers(4)))
    return objects


def _lay(objects: Objects, side: int) -> None:
    """Turns standing objects onto one of their four sides."""
    turn = Matrix.Rotation(math.pi / 2, 4, "X") @ Matrix.Rotation(side * math.pi / 2, 4, "Z")
    for obj in objects:
        obj.matrix_world = turn @ obj.matrix_world if obj.location.length == 0 else turn @ Matrix.LocRotScale(obj.location, obj.rotation_quaternion, None)


def brick_carton(rng: Generator) -> Objects:
    """A small or large brick carton (soy milk, juice), sometimes with a straw."""
    if rng.uniform() < 0.6:
        size = (rng.uniform(0.45, 0.62), rng.uniform(0.36, 0.42), rng.uniform(1.0, 1.3))
    else:
        size = (0.9, rng.uniform(0.6, 0.75), rng.uniform(1.65, 1.95))
    squeeze = rng.uniform(0, 0.35) if rng.uniform() < 0.6 else 0.0

    def waist(p: np.ndarray) -> np.ndarray:
        q = p.copy()
        q[:, 1] *= 1 - squeeze * np.cos(np.clip(p[:, 2] / size[2], -0.5, 0.5) * math.pi)
        return q
    deform = mesh.chain(waist, mesh.crumple(rng, 0.03 + 0.05 * squeeze, 1.0, 7))
    art = mat.principled("carton", prints.carton_sides(rng), 0.35, clearcoat=0.3)
    objects = [mesh.box("brick", size, art, bevel=0.015, deform=deform, cuts=12)]
    seam = mat.principled("seam", (0.8, 0.8, 0.78), 0.4)
    objects.append(mesh.box("seam", (size[0], 0.03, 0.05), seam, (0, 0, size[2] / 2 + 0.02)))
    if rng.uniform() < 0.45:
        straw = mesh.lathe("straw", np.array([[0, 0.03], [0.7, 0.03]]), mat.principled("straw", (0.85, 0.85, 0.85), 0.4), 16)
        straw.location = (size[0] * 0.3, 0, size[2] / 2 - 0.1)
        straw.rotation_mode = "QUATERNION"
        straw.rotation_quaternion = Euler((0, -math.pi / 2 + rng.uniform(-0.3, 0.3), 0)).to_quaternion()
        objects.append(straw)
    if rng.uniform() < 0.85:
        _lay(objects, int(rng.choice([0, 2], p=[0.5, 0.5]) if rng.uniform() < 0.7 else rng.integers(4)))
    return objects


def flat_carton(rng: Generator) -> Objects:
    """A carton cut open and unfolded: print on one side or the white inside up."""
    printed = rng.uniform() < 0.5
    face = prints.carton_sides(rng) if printed else (0.85, 0.84, 0.8)
    material = mat.principled("carton", face, 0.4)
    width, height = rng.uniform(1.9, 2.9), rng.uniform(1.1, 1.7)
    notch = rng.uniform(0.1, 0.2) * height
    panel = width / 4

    def keep(c: np.ndarray) -> np.ndarray:
        edge = np.abs(c[:, 1]) > height / 2 - notch
        slit = np.abs((c[:, 0] / panel) % 1.0 - 0.5) > 0.44
        return ~(edge & slit)

    def fold(p: np.ndarray) -> np.ndarray:
        q = p.copy()
        q[:, 2] += 0.14 * np.abs(((p[:, 0] / panel) + 0.5) % 1.0 - 0.5) * panel * 2
        return q
    return [mesh.sheet("flat", width, height, material, mesh.chain(fold, mesh.crumple(rng, 0.05, 0.7, 7)), 90, keep)]


def _frustum(rng: Generator, low: float, high: float, height: float, wall: object, rim: float = 0.05) -> Objects:
    profile = [(0.03, 0.0), (0.03, low * 0.85), (0.0, low * 0.95), (0.0, low), (height, high), (height + 0.01, high + rim), (height - 0.03, high + rim * 1.1),
               (height - 0.02, high - 0.01), (0.05, low - 0.02), (0.05, 0.0)]
    deform = mesh.dents(rng, height, high, int(rng.integers(0, 3)), 0.4)
    return [mesh.lathe("cup", mesh.resample(profile, 0.03, 1), wall, 64, deform)]


def _drop(rng: Generator, objects: Objects, stand: float) -> Objects:
    """Stands up (+z), lies, or upside down."""
    u = rng.uniform()
    angle = -math.pi / 2 if u < stand else (math.pi / 2 if u < stand + 0.12 else 0.0)
    for obj in objects:
        obj.rotation_euler = (0, angle, 0)
    return objects


def tub(rng: Generator) -> Objects:
    """A yoghurt, ice cream or food tub, opaque, printed or plain."""
    height, high = rng.uniform(0.5, 1.1), rng.uniform(0.42, 0.68)
    plain = tuple((np.array(prints.vivid(rng)) / 255) ** 2.2) if rng.uniform() < 0.4 else (0.85, 0.85, 0.83)
    objects = _frustum(rng, high * rng.uniform(0.72, 0.9), high, height, mat.principled("tub", plain, 0.3))
    if rng.uniform() < 0.6:
        xs = np.linspace(0.1, height - 0.1, 8)
        art = mat.principled("print", prints.tub(rng), 0.3)
        p = mesh.points_of(objects[0])
        radius = np.hypot(p[:, 1], p[:, 2])
        rows = [(x, float(radius[np.abs(p[:, 0] - x) < 0.05].max()) * 1.01) for x in xs]
        objects.append(mesh.lathe("print", np.array(rows), art, 64))
    if rng.uniform() < 0.25:
        lid = mesh.resample([(height + 0.05, 0.0), (height + 0.05, high), (height - 0.02, high + 0.07)], 0.03, 1)
        objects.append(mesh.lathe("lid", lid, mat.principled("lid", tuple((np.array(prints.vivid(rng)) / 255) ** 2.2), 0.35), 64))
    return _drop(rng, objects, 0.45)


def clear_cup(rng: Generator) -> Objects:
    """A clear plastic cup with a dome lid or a straw: plastic, not the bottle stream."""
    height, high = rng.uniform(0.95, 1.3), rng.uniform(0.42, 0.5)
    objects = _frustum(rng, high * 0.68, high, height, mat.thin_clear("cup", (0.95, 0.96, 0.96), (0.5, 0.53, 0.54)), 0.03)
    if rng.uniform() < 0.5:
        lid = mesh.resample([(height + 0.28, 0.1), (height + 0.26, high * 0.5), (height + 0.1, high * 0.95), (height, high + 0.04), (height - 0.04, high + 0.04)], 0.03, 1)
        objects.append(mesh.lathe("lid", lid, mat.thin_clear("lid"), 64))
    if rng.uniform() < 0.5:
        straw = mesh.lathe("straw", np.array([[0.1, 0.035], [height + 0.8, 0.035]]), mat.principled("straw", tuple((np.array(prints.vivid(rng)) / 255) ** 2.2), 0.4), 16)
        objects.append(straw)
    return _drop(rng, objects, 0.25)


def full_cup(rng: Generator) -> Objects:
    """A cup that still has its drink in it, standing: not to be tipped into anything."""
    height, high = rng.uniform(0.85, 1.3), rng.uniform(0.38, 0.5)
    low = high * 0.7
    wall = mat.thin_clear("cup", (0.95, 0.96, 0.96), (0.5, 0.53, 0.54)) if rng.uniform() < 0.5 else mat.principled("cup", prints.tub(rng), 0.5)
    objects = _frustum(rng, low, high, height, wall, 0.03)
    level = rng.uniform(0.35, 0.9)
    drink = [(0.03, 0.012, 0.005), (0.3, 0.17, 0.08), (0.6, 0.2, 0.02), (0.75, 0.72, 0.65), (0.15, 0.3, 0.06)][int(rng.integers(5))]
    wide = low + (high - low) * level - 0.02
    liquid = [(0.02, 0.0), (0.02, low - 0.02), (height * level, wide), (height * level, 0.0)]
    objects.append(mesh.lathe("drink", mesh.resample(liquid, 0.03, 0), mat.principled("drink", drink, 0.05), 48))
    for obj in objects:
        obj.rotation_euler = (0, -math.pi / 2, 0)
    return objects


def _tray(size: tuple[float, float], depth: float, wall: float, material: bpy.types.Material, rim: float, rng: Generator, ribs: float = 0.0) -> bpy.types.Object:
    """A rounded-rectangle tray: rings from the middle of the inside over the rim to the middle of the outside."""
    sx, sy = size[0] / 2, size[1] / 2
    rings = [(0.0, wall), (0.5, wall), (0.8, wall), (0.86, wall * 1.2), (1.0, depth - 0.02), (1.03, depth), (1.03 + rim, depth), (1.04 + rim, depth - wall),
             (1.03, depth - wall * 1.1), (0.9, 0.0), (0.5, 0.0), (0.0, 0.0)]
    profile = mesh.resample(rings, 0.05, 2)
    n = 96
    a = np.arange(n) * 2 * math.pi / n
    power = 0.38  # superellipse: nearly a rectangle
    cx, cy = np.sign(np.cos(a)) * np.abs(np.cos(a)) ** power, np.sign(np.sin(a)) * np.abs(np.sin(a)) ** power
    t, z = profile[:, :1], profile[:, 1:2]
    pts = np.stack([t * cx * sx, t * cy * sy, np.repeat(z, n, 1)], -1).reshape(-1, 3)
    if ribs > 0:
        middle = (np.abs(pts[:, 0]) < sx * 0.8) & (np.abs(pts[:, 1]) < sy * 0.8) & (pts[:, 2] > wall * 0.5) & (pts[:, 2] < wall * 1.5)
        pts[:, 2] += middle * ribs * np.maximum(0, np.sin(pts[:, 0] * 16)) ** 2
    pts = mesh.crumple(rng, 0.015, 0.5, 5)(pts)
    faces, uv = mesh.grid_faces(len(profile), n, wrap=True)
    return mesh.make_object("tray", pts, faces, material, uv)


def lid_and_tray(rng: Generator) -> Objects:
    """A plastic food tray or a clear lid."""
    size = (rng.uniform(1.3, 2.0), rng.uniform(0.9, 1.4))
    u = rng.uniform()
    material = mat.thin_clear("tray") if u < 0.4 else mat.principled("tray", (0.02, 0.02, 0.022) if u < 0.7 else (0.8, 0.8, 0.78), 0.25)
    tray = _tray(size, rng.uniform(0.25, 0.5), 0.02, material, 0.06, rng, 0.03)
    tray.rotation_euler = (math.pi if rng.uniform() < 0.3 else 0, 0, 0)
    return [tray]


def foam_material(rng: Generator, fine: bool, tone: tuple | None = None) -> bpy.types.Material:
    """Expanded polystyrene: matt white with beads."""
    c = tone or tuple(np.array(FOAM) * rng.uniform(0.92, 1.04))
    return mat.principled("foam", c, 0.8, bump=("voronoi", 28.0 if fine else 17.0, 0.35 if fine else 0.7))


def foam_tray(rng: Generator) -> Objects:
    """A supermarket foam tray, white, sometimes black or pink; may be broken in two."""
    u = rng.uniform()
    tone = None if u < 0.8 else ((0.03, 0.03, 0.032) if u < 0.92 else (0.8, 0.45, 0.45))
    size = (rng.uniform(1.4, 2.3), rng.uniform(1.1, 1.5))
    tray = _tray(size, rng.uniform(0.2, 0.36), 0.06, foam_material(rng, True, tone), 0.07, rng, 0.05 if rng.uniform() < 0.6 else 0.0)
    tray.rotation_euler = (math.pi if rng.uniform() < 0.25 else 0, 0, 0)
    return [tray]


def foam_block(rng: Generator) -> Objects:
    """Packing foam: a corner piece, a channel or a broken slab, with coarse beads."""
    foam = foam_material(rng, False)
    a, b, c = rng.uniform(1.2, 2.2), rng.uniform(0.8, 1.5), rng.uniform(0.3, 0.6)
    kind = rng.integers(3)
    rough = mesh.crumple(rng, 0.03, 2.0, 9)
    parts = [mesh.box("slab", (a, b, c), foam, (0, 0, 0), 0.03, rough, 14)]
    if kind == 0:
        parts.append(mesh.box("wall", (a, 0.35, 0.9), foam, (0, b / 2 - 0.175, 0.35), 0.03, None, 4))
        parts.append(mesh.box("wall2", (0.35, b, 0.7), foam, (a / 2 - 0.175, 0, 0.3), 0.03, None, 4))
    elif kind == 1:
        for s in (-1, 1):
            parts.append(mesh.box("rib", (a, b * 0.22, 0.4), foam, (0, s * b * 0.38, c / 2 + 0.15), 0.03, None, 4))
        parts.append(mesh.box("knob", (a * 0.3, b * 0.3, 0.2), foam, (0, 0, c / 2), 0.04, None, 3))
    return parts


def foam_bowl(rng: Generator) -> Objects:
    """A foam noodle bowl or cup, with or without print."""
    height, high = (rng.uniform(0.55, 0.8), rng.uniform(0.6, 0.75)) if rng.uniform() < 0.6 else (rng.uniform(0.9, 1.1), 0.46)
    profile = [(0.0, 0.0), (0.0, high * 0.66), (0.06, high * 0.7), (height * 0.93, high), (height, high * 1.05), (height, high * 0.95), (height * 0.9, high * 0.9), (0.1, high * 0.6), (0.08, 0.0)]
    bowl = mesh.lathe("bowl", mesh.resample(profile, 0.03, 2), foam_material(rng, True), 64, mesh.dents(rng, height, high, int(rng.integers(0, 2)), 0.25))
    objects = [bowl]
    if rng.uniform() < 0.35:
        xs = np.linspace(height * 0.2, height * 0.85, 8)
        rows = np.stack([xs, np.interp(xs, [0.06, height * 0.93], [high * 0.7, high]) * 1.015], 1)
        objects.append(mesh.lathe("print", rows, mat.principled("print", prints.tub(rng), 0.6), 64))
    return _drop(rng, objects, 0.6)
