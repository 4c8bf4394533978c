"""The chamber of a bin seen from its camera: floor (the flap), walls, light, camera; and one picture of one item.

    nice -n 15 blender -b -P models/render/chamber.py -- --stream can --seed 3 --out /tmp/can.jpg

The floor's top is z = 0, x to the right of the picture, y up, one unit is a decimetre. The flap is hinged along
its upper edge (y = +DEPTH/2) and hangs down into the dark below when it opens. Never places an item: that is
`items.place`.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import setup_paths  # noqa: E402

setup_paths.make_importable()

import bpy  # noqa: E402
import numpy as np  # noqa: E402

import floors  # noqa: E402
import materials as mat  # noqa: E402
import mesh  # noqa: E402
import picture  # noqa: E402

Generator = np.random.Generator
WIDTH, DEPTH, WALL = 4.0, 3.0, 3.4  # dm
PAINT_LIGHT = {"steel": 0.85, "white": 0.62, "grey": 0.85, "teal": 0.85, "dark": 1.0}  # auto-exposure, roughly
FINISHES = ("steel", "white", "grey", "teal", "dark")


@dataclass(frozen=True)
class Rig:
    """One bin: its finish, camera and lamps. The default is the rig of the demo clips."""

    finish: str = "steel"
    camera_height: float = 6.2
    camera_shift: tuple[float, float] = (0.0, -0.12)
    aim: tuple[float, float] = (0.0, 0.0)
    roll_deg: float = 0.0
    view_dm: float = 4.5  # width of the floor that the picture shows
    light: float = 1.0
    warmth: float = 0.0
    lamps: tuple[tuple[float, float, float], ...] = ((-1.2, 0.35, 3.9), (1.2, 0.35, 3.9))
    lamp_size: tuple[float, float] = (0.7, 1.7)
    ambient: float = 0.16
    marks: int = 1  # seed of stains and screws
    floor: str | None = None  # a floor of `floors`; None: of the finish, as a flap
    enclosure: str = "chamber"  # or "tray" with a low rim, or "open", without walls
    look: picture.Look = field(default_factory=picture.Look)


def varied_rig(rng: Generator, unseen: bool = False) -> Rig:
    """Another place, for training: floor, walls, view, light and camera differ.

    An `unseen` one has a floor, a light and a camera from ranges that the others never touch.
    """
    finish = str(rng.choice(FINISHES, p=[0.4, 0.22, 0.18, 0.08, 0.12]))
    enclosure = str(rng.choice(["chamber", "tray", "open"], p=[0.45, 0.2, 0.35]))
    floor = None if not unseen and rng.uniform() < 0.3 else floors.pick(rng, unseen)
    if unseen:  # one strong warm lamp low at the side, and a camera that looks askance
        angle = rng.uniform(0, 2 * math.pi)
        reach = 1.3 if enclosure == "chamber" else 2.6
        lamps, low = ((reach * math.cos(angle), reach * math.sin(angle), 2.6),), (0.3, 0.3)
        tilt, warmth, height = (0.8 if enclosure == "chamber" else 1.6), rng.uniform(2.2, 3.2), rng.uniform(3.6, 4.7)
    else:
        x, y = rng.uniform(0.6, 1.6), rng.uniform(-1.2, 1.2)
        side, up = rng.uniform(), rng.uniform(2.8, 3.9)
        if side < 0.45:
            lamps = ((-x, y, up), (x, y, up))
        else:
            lamps = ((float(rng.normal()) * 1.3, float(rng.normal()) * 1.3, up),)
        low = (rng.uniform(0.5, 1.6), rng.uniform(0.25, 0.8)) if rng.uniform() < 0.75 else (0.15, 0.15)  # the last: hard shadows
        tilt, warmth, height = (0.45 if enclosure == "chamber" else 1.0), rng.normal() * 0.6, rng.uniform(4.8, 7.5)
    light = PAINT_LIGHT[finish] * float(np.exp(rng.normal() * 0.25)) * (0.45 if rng.uniform() < 0.12 else 1.0)
    return Rig(finish, height, (rng.normal() * tilt, rng.normal() * tilt), (rng.normal() * 0.1, rng.normal() * 0.1),
               rng.normal() * 6, rng.uniform(2.0, 4.3), light, warmth, lamps, low, rng.uniform(0.04, 0.5), int(rng.integers(1, 10**6)),
               floor, enclosure, picture.varied_look(rng))


def _surface(rig: Rig, name: str, along: int) -> bpy.types.Material:
    if rig.finish == "steel":
        return mat.brushed_metal(name, (0.6, 0.6, 0.6), 0.4, along)
    paint = {"white": (0.82, 0.82, 0.8), "grey": (0.33, 0.34, 0.35), "teal": (0.1, 0.3, 0.31), "dark": (0.045, 0.047, 0.05)}
    c = paint[rig.finish]
    return mat.principled(name, c, 0.45, bump=("noise", 18.0, 0.06), stain=(tuple(0.75 * v for v in c), 1.6, 0.35))


def clear_scene() -> None:
    """Removes everything, so that a process can render thousands of scenes without growing."""
    for collection in (bpy.data.objects, bpy.data.meshes, bpy.data.materials, bpy.data.lights, bpy.data.cameras,
                       bpy.data.images, bpy.data.metaballs, bpy.data.actions):
        for block in list(collection):
            if collection is not bpy.data.images or block.type == "IMAGE":
                collection.remove(block)


def _lamps(rig: Rig) -> None:
    tone = (1.0, 1.0 - 0.04 * rig.warmth, 1.0 - 0.1 * rig.warmth)
    for number, position in enumerate(rig.lamps):
        lamp = bpy.data.lights.new(f"lamp{number}", "AREA")
        lamp.shape, lamp.size, lamp.size_y = "RECTANGLE", *rig.lamp_size
        lamp.energy = 150.0 * rig.light / len(rig.lamps)
        lamp.color = tone
        obj = bpy.data.objects.new(lamp.name, lamp)
        obj.location = position
        bpy.context.scene.collection.objects.link(obj)
    world = bpy.context.scene.world or bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    node = world.node_tree.nodes["Background"]
    node.inputs[0].default_value = (*tone, 1.0)
    node.inputs[1].default_value = rig.ambient * rig.light


def _camera(rig: Rig) -> None:
    data = bpy.data.cameras.new("camera")
    camera = bpy.data.objects.new("camera", data)
    scene = bpy.context.scene
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.location = (rig.aim[0] + rig.camera_shift[0], rig.aim[1] + rig.camera_shift[1], rig.camera_height)
    dx, dy = -rig.camera_shift[0], -rig.camera_shift[1]
    camera.rotation_euler = (math.atan2(dy, rig.camera_height), -math.atan2(dx, rig.camera_height), math.radians(rig.roll_deg))
    data.sensor_fit = "HORIZONTAL"
    data.angle = 2 * math.atan(rig.view_dm / 2 / rig.camera_height)


def _walls(rig: Rig) -> None:
    w, d, slope, top = WIDTH / 2 + 0.04, DEPTH / 2 + 0.04, 0.25, WALL
    corners = [(-w, -d), (w, -d), (w, d), (-w, d)]
    for number in range(4):
        (ax, ay), (bx, by) = corners[number], corners[(number + 1) % 4]
        outward = 1 + slope / (w if number % 2 else d)
        pts = np.array([[ax, ay, 0], [bx, by, 0], [bx * outward, by * outward, top], [ax * outward, ay * outward, top]])
        mesh.make_object("wall", pts, [[0, 1, 2, 3]], _surface(rig, "wall", 0 if number % 2 == 0 else 1), smooth=False)
    # The dark bay under the flap.
    dark = mat.principled("bay", (0.012, 0.012, 0.014), 0.9)
    mesh.box("bay", (2 * w + 0.2, 2 * d + 0.2, 3.0), dark, (0, 0, -1.65), open_top=True)


def _floor(rig: Rig) -> bpy.types.Object:
    """The flap: a plate turning about its upper edge; its fittings are its children."""
    hinge = bpy.data.objects.new("flap", None)
    bpy.context.scene.collection.objects.link(hinge)
    hinge.location = (0, DEPTH / 2, 0)
    plate = mesh.box("plate", (WIDTH, DEPTH, 0.08), _surface(rig, "floor", 0), (0, -DEPTH / 2, -0.04), bevel=0.012)
    plate.parent = hinge
    rng = np.random.default_rng(rig.marks)
    screw = mat.principled("screw", (0.35, 0.35, 0.36), 0.3, 0.9)
    inset = rng.uniform(0.14, 0.24)
    for sx in (-1, 1):
        for sy in (-1, 1):
            head = mesh.lathe("screw", np.array([[0.0, 0.055], [0.02, 0.05], [0.025, 0.0]]), screw, 16)
            head.rotation_euler = (0, -math.pi / 2, 0)
            head.location = (sx * (WIDTH / 2 - inset), -DEPTH / 2 + sy * (DEPTH / 2 - inset), 0.001)
            head.parent = hinge
    return hinge


def _ground(rig: Rig) -> bpy.types.Object:
    """A floor that is no flap: wide under an open place, with a low rim as a tray."""
    material = floors.make(rig.floor or "steel", rig.marks)
    root = bpy.data.objects.new("ground", None)
    bpy.context.scene.collection.objects.link(root)
    wide = (14.0, 14.0) if rig.enclosure == "open" else (WIDTH, DEPTH)
    mesh.box("ground", (*wide, 0.08), material, (0, 0, -0.04)).parent = root
    if rig.enclosure == "tray":
        rng = np.random.default_rng(rig.marks)
        high, thick = rng.uniform(0.25, 1.0), 0.12
        rim = material if rng.uniform() < 0.7 else _surface(rig, "rim", 0)
        for sx, sy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            size = (thick, DEPTH + 2 * thick, high) if sx else (WIDTH, thick, high)
            middle = (sx * (WIDTH + thick) / 2, sy * (DEPTH + thick) / 2, high / 2 - 0.08)
            mesh.box("rim", size, rim, middle, bevel=0.03).parent = root
        below = mat.principled("below", tuple(float(v) for v in rng.uniform(0.02, 0.5, 3)), 0.8)
        mesh.box("below", (14.0, 14.0, 0.1), below, (0, 0, -0.4)).parent = root
    return root


def build(rig: Rig) -> bpy.types.Object:
    """Builds the empty place in a cleared scene and returns the flap (rotate about x to open it) or the ground."""
    clear_scene()
    if rig.enclosure == "chamber":
        _walls(rig)
    flap = _floor(rig) if rig.floor is None and rig.enclosure == "chamber" else _ground(rig)
    _lamps(rig)
    _camera(rig)
    return flap


def parse(argv: list[str]) -> argparse.Namespace:
    """Arguments of the one-picture command."""
    import items

    p = argparse.ArgumentParser(prog="chamber.py", description="render one item in a chamber")
    p.add_argument("--stream", required=True, choices=sorted(items.LIBRARY), nargs="+")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=1, help="this many seeds, side by side in one picture")
    p.add_argument("--variant", help="only this kind of item, by the name of its function")
    p.add_argument("--unseen", action="store_true", help="floors, light and camera that no training picture has")
    p.add_argument("--fixed", action="store_true", help="the rig of the clips instead of a varied one")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--size", type=int, nargs=2, default=(256, 256), metavar=("W", "H"))
    p.add_argument("--samples", type=int, default=20)
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args(argv)


def main() -> None:
    """Renders the pictures asked for into one file."""
    from PIL import Image

    import items

    a = parse(setup_paths.own_arguments())
    picture.prepare(*a.size, a.samples, a.threads)
    grid = Image.new("RGB", (a.size[0] * a.count, a.size[1] * len(a.stream)))
    for row, stream in enumerate(a.stream):
        for column in range(a.count):
            rng = np.random.default_rng([a.seed + column, items.STREAM_KEY[stream]])
            rig = replace(Rig(), view_dm=3.6) if a.fixed else varied_rig(rng, a.unseen)
            build(rig)
            items.make(stream, rng, a.variant, rig.view_dm)
            tile = picture.develop(picture.render(a.seed), rig.look, rng)
            grid.paste(tile, (column * a.size[0], row * a.size[1]))
            print(f"render: {stream} {a.seed + column}", flush=True)
    picture.save(grid, a.out, 90)


if __name__ == "__main__":
    main()
