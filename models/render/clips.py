"""The demo clips: an item falls into the chamber, lies still, and leaves through the flap.

    nice -n 15 blender -b -P models/render/clips.py -- [--only can ...]

Writes `tests/data/clips/<name>/clip.toml` and its distinct frames as `NNNN.jpg` (640x480); a missing number holds
the picture before it. All clips share `Rig()` and the very same picture of the empty chamber, so one calibration
fits all. A clip whose `clip.toml` exists is not made again. Never uses the seeds of the training set.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import setup_paths  # noqa: E402

setup_paths.make_importable()

import bpy  # noqa: E402
import numpy as np  # noqa: E402
from mathutils import Matrix, Vector  # noqa: E402

import chamber  # noqa: E402
import items  # noqa: E402
import items_hand as hands  # noqa: E402
import picture  # noqa: E402
from clip_scripts import CLIPS, Clip, Thing  # noqa: E402

FPS = 30
SEED_BASE = 1_000_000  # the training set stays below
HINGE = Vector((0, chamber.DEPTH / 2, 0))
# (frames after the item is first seen, height of its middle above rest, turn left in degrees, blur length in dm)
FALL = ((0, 2.5, 36, 0.8), (2, 1.5, 22, 1.0), (4, 0.5, 8, 0.9))
WOBBLE = ((6, 0.10, -5.0), (9, 0.02, 1.5))
# (frames after the flap starts, flap angle in degrees, how far the item has slid along it in dm)
LEAVE = ((0, 14, 0.05), (2, 36, 0.7), (4, 58, 2.0))
FLAP_CLOSING_DEG = 24.0  # seen for a moment after the item has gone; the same in every clip
SETTLED_FRAMES = 84


@dataclass
class Quality:
    """Samples per pixel for pictures that are looked at and for moving ones."""

    still: int = 20
    moving: int = 4


@dataclass
class Recorder:
    """Renders into one clip's folder and remembers the truth."""

    folder: Path
    quality: Quality
    jpeg_quality: int
    shots: int = 0
    truth: list[str] = field(default_factory=list)

    def shoot(self, frame: int, still: bool) -> None:
        """Renders the scene as it stands into frame `frame`."""
        scene = bpy.context.scene
        scene.cycles.samples = self.quality.still if still else self.quality.moving
        image = picture.develop(picture.render(7 if still else 11 + frame, fast=not still), chamber.Rig().look)
        picture.save(image, self.folder / f"{frame:04d}.jpg", self.jpeg_quality)
        self.shots += 1

    def copy(self, source: Path, frame: int) -> None:
        """Uses a picture made before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, self.folder / f"{frame:04d}.jpg")

    def item(self, thing: Thing, first: int, last: int) -> None:
        """Notes an item for `clip.toml`."""
        lines = ["[[item]]", f'stream = "{thing.stream}"', f"first_frame = {first}", f"last_frame = {last}"]
        self.truth.append("\n".join([*lines, *([f'reason = "{thing.reason}"'] if thing.reason else [])]))

    def finish(self, what: str, frames: int) -> None:
        """Writes `clip.toml`: from here on the clip is complete."""
        head = f"# {what}; made by models/render/clips.py\nfps = {FPS}\nframes = {frames}\n"
        (self.folder / "clip.toml").write_text(head + "".join("\n" + t + "\n" for t in self.truth))


@dataclass(frozen=True)
class Empty:
    """The pictures of the empty chamber under one light."""

    closed: Path
    closing: Path


def _linear(obj: bpy.types.Object) -> None:
    for curve in obj.animation_data.action.fcurves:
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"


def _move(obj: bpy.types.Object, opens: Matrix, closes: Matrix) -> None:
    """Moves the object in a straight line while the shutter is open."""
    obj.animation_data_clear()
    obj.rotation_mode = "QUATERNION"
    for at, matrix in ((0.5, opens), (1.5, closes)):
        obj.matrix_world = matrix
        for path in ("location", "rotation_quaternion"):
            obj.keyframe_insert(path, frame=at)
    _linear(obj)
    bpy.context.scene.frame_set(1)


def _rest(obj: bpy.types.Object, matrix: Matrix) -> None:
    obj.animation_data_clear()
    obj.matrix_world = matrix
    bpy.context.view_layer.update()


def _lifted(home: Matrix, middle: Vector, height: float, turn_deg: float, aside: float = 0.0) -> Matrix:
    spin = Matrix.Rotation(math.radians(turn_deg), 4, "Z") @ Matrix.Rotation(math.radians(turn_deg * 0.6), 4, "X")
    return Matrix.Translation(middle + Vector((aside, 0, height))) @ spin @ Matrix.Translation(-middle) @ home


def _on_flap(home: Matrix, angle_deg: float, slide: float) -> Matrix:
    turn = Matrix.Rotation(math.radians(angle_deg), 4, "X")
    return Matrix.Translation(HINGE) @ turn @ Matrix.Translation(Vector((0, -slide, 0)) - HINGE) @ home


class Actor:
    """One item: its root, where it comes to rest, and its middle."""

    def __init__(self, thing: Thing):
        rng = np.random.default_rng([SEED_BASE + thing.seed, items.STREAM_KEY[thing.library or thing.stream]])
        self.root = items.build(thing.library or thing.stream, rng, thing.variant)
        items.place(self.root, *thing.at, math.radians(thing.turn_deg))
        self.home = self.root.matrix_world.copy()
        self.middle = Vector((*thing.at, 0.3))

    def fly(self, height: float, turn_deg: float, blur: float) -> None:
        """Somewhere on its way down."""
        a = _lifted(self.home, self.middle, height + blur / 2, turn_deg + 4 * blur)
        _move(self.root, a, _lifted(self.home, self.middle, height - blur / 2, turn_deg - 4 * blur))

    def stay(self) -> None:
        """At rest."""
        _rest(self.root, self.home)


def fall(rec: Recorder, actors: list[Actor], start: int) -> int:
    """The items drop in and come to rest; returns the first settled frame."""
    for after, height, turn, blur in FALL:
        for number, actor in enumerate(actors):
            actor.fly(height * (1 + 0.12 * number), turn * (1 - 2 * (number % 2)), blur)
        rec.shoot(start + after, still=False)
    for after, height, turn in WOBBLE:
        for number, actor in enumerate(actors):
            _rest(actor.root, _lifted(actor.home, actor.middle, height, turn * (1 - 2 * (number % 2))))
        rec.shoot(start + after, still=False)
    settled = start + WOBBLE[-1][0] + 2
    for actor in actors:
        actor.stay()
    rec.shoot(settled, still=True)
    return settled


def leave(rec: Recorder, actors: list[Actor], flap: bpy.types.Object, start: int, empty: Empty) -> tuple[int, int]:
    """The flap opens and closes; returns the last frame with an item and the first frame of the empty chamber."""
    closed = flap.matrix_world.copy()
    before, slid = 0.0, 0.0
    for after, angle, slide in LEAVE:
        _move(flap, closed @ Matrix.Rotation(math.radians((angle + before) / 2), 4, "X"), closed @ Matrix.Rotation(math.radians(angle), 4, "X"))
        for actor in actors:
            _move(actor.root, _on_flap(actor.home, (angle + before) / 2, (slide + slid) / 2), _on_flap(actor.home, angle, slide))
        rec.shoot(start + after, still=False)
        before, slid = angle, slide
    gone = start + LEAVE[-1][0] + 3
    rec.copy(empty.closing, gone)
    rec.copy(empty.closed, gone + 4)
    return gone - 1, gone + 4


def drop_clip(rec: Recorder, clip: Clip, empties: dict[float, Empty]) -> int:
    """Empty, item in, still, item out, empty; perhaps the light switched on the way. Returns the clip's length."""
    rec.copy(empties[1.0].closed, 0)
    start = 30
    if clip.light != 1.0:
        rec.copy(empties[clip.light].closed, 30)
        start = 75
    flap = chamber.build(replace(chamber.Rig(), light=clip.light))
    actors = [Actor(thing) for thing in clip.things]
    settled = fall(rec, actors, start)
    last, gone = leave(rec, actors, flap, settled + SETTLED_FRAMES, empties[clip.light])
    rec.item(clip.things[0], start, last)
    if clip.light != 1.0:
        rec.copy(empties[1.0].closed, gone + 40)
        return gone + 80
    return gone + 25


def _hand_at(root: bpy.types.Object, way: float, phase: float, turn: float = 0.1) -> None:
    """`way` 0 is outside below the picture, 1 is over the middle; `phase` drives the searching movement."""
    sway = way * math.sin(phase)
    hands.pose(root, 0.25 + 0.45 * sway, -3.4 + 2.75 * way + 0.22 * way * math.cos(1.7 * phase), 1.15 - 0.25 * math.cos(phase), turn + 0.22 * sway, 0.2 * sway)


def hand_clip(rec: Recorder, clip: Clip, empties: dict[float, Empty]) -> int:
    """A hand comes in, moves about, leaves; with a thing to lay down if the clip has one."""
    rec.copy(empties[1.0].closed, 0)
    flap = chamber.build(chamber.Rig())
    actors = [Actor(thing) for thing in clip.things]
    arm = items.build("hand", np.random.default_rng([SEED_BASE + clip.hand_seed, items.STREAM_KEY["hand"]]))
    step, start, stay = 5, 30, 9 if actors else 7
    ways = [0.3, 0.6, 0.85] + [1.0] * stay + [0.7, 0.4]
    for number, way in enumerate(ways):
        _hand_at(arm, way, 0.55 * number)
        for actor in actors:
            if number < 4:  # carried in under the palm
                carry = Vector((0, -2.75 * (1 - way), 0.62 - 0.12 * number))
                _rest(actor.root, Matrix.Translation(carry) @ actor.home)
            else:
                actor.stay()
        rec.shoot(start + number * step, still=False)
    out = start + len(ways) * step
    for obj in [arm, *arm.children_recursive]:
        obj.hide_render = True
    if not actors:
        rec.copy(empties[1.0].closed, out)
        return out + 40
    rec.shoot(out, still=True)
    last, gone = leave(rec, actors, flap, out + SETTLED_FRAMES, empties[1.0])
    rec.item(clip.things[0], start, last)
    return gone + 25


def make_empties(folder: Path, quality: Quality, jpeg_quality: int, lights: set[float]) -> dict[float, Empty]:
    """The empty chamber under each light, with the flap closed and closing, rendered once for all clips."""
    made = {}
    for light in sorted(lights):
        paths = Empty(folder / f"empty-{light:g}.jpg", folder / f"closing-{light:g}.jpg")
        for path, samples, angle in ((paths.closed, quality.still, 0.0), (paths.closing, quality.moving, FLAP_CLOSING_DEG)):
            if path.exists():
                continue
            flap = chamber.build(replace(chamber.Rig(), light=light))
            flap.rotation_euler = (math.radians(angle), 0, 0)
            bpy.context.scene.cycles.samples = samples
            picture.save(picture.develop(picture.render(7), chamber.Rig().look), path, jpeg_quality)
        made[light] = paths
    return made


def parse(argv: list[str]) -> argparse.Namespace:
    """The command's arguments."""
    p = argparse.ArgumentParser(prog="clips.py", description="render the demo clips")
    p.add_argument("--out", type=Path, default=setup_paths.REPO / "tests" / "data" / "clips")
    p.add_argument("--work", type=Path, default=setup_paths.REPO / "target" / "render-clips", help="keeps the empty chamber's pictures")
    p.add_argument("--only", nargs="+", choices=sorted(CLIPS), help="only these clips")
    p.add_argument("--size", type=int, nargs=2, default=(640, 480), metavar=("W", "H"))
    p.add_argument("--samples", type=int, nargs=2, default=(20, 4), metavar=("STILL", "MOVING"))
    p.add_argument("--quality", type=int, default=85, help="of the JPEG files")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--again", action="store_true", help="make clips that exist anew")
    return p.parse_args(argv)


def main() -> None:
    """Makes the clips that are missing."""
    a = parse(setup_paths.own_arguments())
    quality = Quality(*a.samples)
    picture.prepare(*a.size, quality.still, a.threads)
    bpy.context.scene.render.use_motion_blur = True
    bpy.context.scene.render.motion_blur_shutter = 1.0
    names = [n for n in CLIPS if (a.only is None or n in a.only) and (a.again or not (a.out / n / "clip.toml").exists())]
    empties = make_empties(a.work, quality, a.quality, {1.0} | {CLIPS[n].light for n in names})
    for number, name in enumerate(names):
        start, clip = time.monotonic(), CLIPS[name]
        folder = a.out / name
        shutil.rmtree(folder, ignore_errors=True)
        rec = Recorder(folder, quality, a.quality)
        frames = (hand_clip if clip.hand_seed is not None else drop_clip)(rec, clip, empties)
        rec.finish(clip.what, frames)
        print(f"clips: {name} ({number + 1}/{len(names)}), {rec.shots} renders, {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
