"""The library of items: which generators make which stream, and how an item lies in the chamber.

A generator takes a `numpy.random.Generator` and returns its objects, built about the origin in any attitude it is
found in; `place` turns them, sets them down on the floor and moves them aside. Same seed, same item.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import bpy
import numpy as np
from mathutils import Matrix, Vector

import items_bottles as bottles
import items_hand as hands
import items_misc as misc
import items_packs as packs
import items_sheets as sheets

Generator = np.random.Generator
Builder = Callable[[Generator], list[bpy.types.Object]]


def nothing(rng: Generator) -> list[bpy.types.Object]:
    """No object: the empty chamber; `make` puts two others together for `two_items`."""
    del rng
    return []


LIBRARY: dict[str, list[tuple[Builder, float]]] = {
    "clear_pet": [(bottles.pet_bare, 0.55), (bottles.pet_crushed, 0.3), (bottles.pet_labelled, 0.15)],
    "plastic": [(bottles.detergent, 0.3), (packs.tub, 0.25), (packs.clear_cup, 0.15), (bottles.pet_coloured, 0.15), (packs.lid_and_tray, 0.15)],
    "can": [(bottles.drinks_can, 0.55), (bottles.crushed_can, 0.25), (bottles.food_tin, 0.2)],
    "glass": [(bottles.glass_bottle, 0.8), (bottles.glass_jar, 0.2)],
    "paper": [(sheets.news_page, 0.18), (sheets.print_sheet, 0.17), (sheets.paper_ball, 0.2), (packs.cardboard_box, 0.25), (sheets.flattened_box, 0.2)],
    "carton": [(packs.gable_carton, 0.5), (packs.brick_carton, 0.3), (packs.flat_carton, 0.2)],
    "film": [(sheets.carrier_bag, 0.4), (sheets.clear_film, 0.25), (sheets.snack_bag, 0.35)],
    "foam": [(packs.foam_tray, 0.45), (packs.foam_block, 0.3), (packs.foam_bowl, 0.25)],
    "general": [(misc.tissue, 0.3), (misc.dirty_cup, 0.2), (misc.soiled_wrapper, 0.25), (misc.chopsticks, 0.1), (misc.mask, 0.15)],
    "unknown": [(misc.fruit, 0.3), (misc.toy, 0.27), (misc.phone, 0.2), (packs.full_cup, 0.23)],
    "hand": [(hands.hand, 1.0)],
    "two_items": [(nothing, 1.0)],
    "empty": [(nothing, 1.0)],
}
STREAM_KEY = {name: number for number, name in enumerate(LIBRARY)}


def _root(objects: list[bpy.types.Object]) -> bpy.types.Object:
    root = bpy.data.objects.new("item", None)
    bpy.context.scene.collection.objects.link(root)
    for obj in objects:
        if obj.parent is None:
            obj.parent = root
    return root


def build(stream: str, rng: Generator, variant: str | None = None) -> bpy.types.Object:
    """Builds an item of the stream and returns its root; `variant` names one generator function."""
    choices = LIBRARY[stream]
    if variant is not None:
        choices = [c for c in choices if c[0].__name__ == variant]
        if not choices:
            names = ", ".join(c[0].__name__ for c in LIBRARY[stream])
            raise SystemExit(f"render: no item {variant!r} in {stream!r}; it has: {names}")
    weights = np.array([w for _, w in choices])
    builder = choices[int(rng.choice(len(choices), p=weights / weights.sum()))][0]
    return _root(builder(rng))


def _points(root: bpy.types.Object) -> np.ndarray:
    """World positions of every vertex under the root, with modifiers applied."""
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    found = []
    for obj in root.children_recursive:
        if obj.type != "MESH":
            continue
        shape = obj.evaluated_get(graph).data
        flat = np.empty(len(shape.vertices) * 3, dtype=np.float32)
        shape.vertices.foreach_get("co", flat)
        world = np.array(obj.matrix_world)
        found.append(flat.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
    return np.concatenate(found) if found else np.zeros((1, 3))


def place(root: bpy.types.Object, x: float, y: float, turn: float, tilt: float = 0.0) -> None:
    """Turns the item about z (radians), rests it on the floor, its middle over (x, y)."""
    root.matrix_world = Matrix.Rotation(turn, 4, "Z") @ Matrix.Rotation(tilt, 4, "X")
    p = _points(root)
    low, high = p.min(axis=0), p.max(axis=0)
    middle = (low + high) / 2
    root.location = Vector((x - middle[0], y - middle[1], 0.003 - low[2]))
    bpy.context.view_layer.update()


def make(stream: str, rng: Generator, variant: str | None = None, view_dm: float = 3.6) -> bpy.types.Object | None:
    """Builds and places an item so that most of it is in a view of that width; None for the empty chamber."""
    if stream == "empty":
        return None
    if stream == "two_items":
        first, second = rng.choice(["can", "glass", "clear_pet", "paper", "carton"], 2, replace=False)
        apart = view_dm / 3.6
        place(build(str(first), rng), apart * rng.uniform(-1.1, -0.7), rng.uniform(-0.5, 0.5), rng.uniform(1.0, 2.1))
        root = build(str(second), rng)
        place(root, apart * rng.uniform(0.7, 1.1), rng.uniform(-0.5, 0.5), rng.uniform(1.0, 2.1))
        return root
    root = build(stream, rng, variant)
    if stream == "hand":
        hands.place_random(root, rng)
        return root
    spread = (0.085 if rng.uniform() < 0.85 else 0.16) * view_dm
    limit = 0.27 * view_dm
    x, y = np.clip(rng.normal(size=2) * spread, -limit, limit)
    place(root, x, y, rng.uniform(0, 2 * math.pi), rng.normal() * 0.03)
    return root
