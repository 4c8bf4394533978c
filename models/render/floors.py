"""What an item may lie on: the floors of chambers, trays, belts and rooms, and what has been spilt on them.

Each floor is a procedural material with its own random colours and wear. `SEEN` may appear in pictures that a network
learns from; `UNSEEN` never do: they measure what it makes of a place it does not know.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import bpy
import numpy as np

import materials as mat

Generator = np.random.Generator
Colour = tuple[float, float, float]
Socket = bpy.types.NodeSocket


def _tint(rng: Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    return colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))


def _times(colour: Colour, factor: float) -> Colour:
    return tuple(min(1.0, c * factor) for c in colour)


class _Floor:
    """Nodes for one floor: coordinates in decimetres turned by a random angle, then a base colour and a height."""

    def __init__(self, name: str, rng: Generator):
        self.n, self.rng = mat.Nodes(name), rng
        coordinate = self.n.add("ShaderNodeTexCoord")
        self.turn = float(rng.uniform(0, np.pi))
        self.at = self.n.add("ShaderNodeMapping", Vector=coordinate.outputs["Object"], Rotation=(0.0, 0.0, self.turn))

    def stretched(self, x: float, y: float) -> Socket:
        """Coordinates scaled apart along the two directions."""
        return self.n.add("ShaderNodeMapping", Vector=self.at.outputs[0], Scale=(x, y, 1.0)).outputs[0]

    def noise(self, scale: float, detail: float = 3.0, at: Socket | None = None) -> Socket:
        """Smooth noise, about 0.5."""
        return self.n.add("ShaderNodeTexNoise", Vector=at or self.at.outputs[0], Scale=scale, Detail=detail).outputs["Fac"]

    def cells(self, scale: float, output: str = "Distance") -> Socket:
        """Voronoi cells: distance to the middle, or a colour for each."""
        return self.n.add("ShaderNodeTexVoronoi", Vector=self.at.outputs[0], Scale=scale).outputs[output]

    def lines(self, scale: float, distortion: float = 0.0) -> Socket:
        """Parallel waves, 0 to 1."""
        node = self.n.add("ShaderNodeTexWave", Vector=self.at.outputs[0], Scale=scale, Distortion=distortion, Detail=2.0)
        return node.outputs["Fac"]

    def above(self, value: Socket, limit: float, sharp: float = 10.0) -> Socket:
        """0 below the limit, 1 above it, over 1/sharp."""
        n = self.n
        return n.math("MULTIPLY", n.math("SUBTRACT", value, limit).outputs[0], sharp).outputs[0]

    def raw(self, operation: str, a: Socket, b: object = 0.0) -> Socket:
        """Arithmetic that is not clamped to 0..1."""
        node = self.n.math(operation, a, b)
        node.use_clamp = False
        return node.outputs[0]

    def mix(self, factor: object, a: object, b: object) -> Socket:
        """One colour over another."""
        return self.n.colour_mix(factor, a, b).outputs[0]

    def done(self, base: object, rough: float, metallic: float = 0.0, height: Socket | None = None, strength: float = 0.3) -> bpy.types.Material:
        """Adds dirt and wet patches by chance, and the bump."""
        n, rng = self.n, self.rng
        if rng.uniform() < 0.45:
            dirt = self.above(self.noise(rng.uniform(0.6, 3.0), 5.0), rng.uniform(0.5, 0.62), rng.uniform(2, 8))
            base = self.mix(n.math("MULTIPLY", dirt, rng.uniform(0.2, 0.7)), base, _tint(rng, (0.1, 0.6), (0.03, 0.3)))
        roughness: object = rough
        if rng.uniform() < 0.2:
            wet = self.above(self.noise(rng.uniform(0.5, 1.6), 2.0), 0.52, 12.0)
            roughness = n.math("SUBTRACT", rough, n.math("MULTIPLY", wet, rough - 0.04).outputs[0]).outputs[0]
        shader = n.add("ShaderNodeBsdfPrincipled", Roughness=roughness, Metallic=metallic)
        n.put(shader.inputs["Base Color"], base)
        if height is not None:
            n.put(shader.inputs["Normal"], n.add("ShaderNodeBump", Height=height, Strength=strength, Distance=0.03))
        return n.done(shader)


def steel(rng: Generator) -> bpy.types.Material:
    """Rolled or brushed steel, from new to blotched."""
    g = rng.uniform(0.4, 0.75)
    return mat.brushed_metal("steel", (g, g, g * rng.uniform(0.95, 1.05)), rng.uniform(0.28, 0.55), int(rng.integers(2)), rng.uniform(0.1, 0.4), rng.uniform(0.1, 0.6))


def paint(rng: Generator) -> bpy.types.Material:
    """Painted sheet in white, grey or a colour, scratched to the metal."""
    f = _Floor("paint", rng)
    colour = _tint(rng, (0.0, 0.08), (0.05, 0.85)) if rng.uniform() < 0.6 else _tint(rng, (0.2, 0.75), (0.08, 0.6))
    scratch = f.above(f.noise(3.0, 4.0, f.stretched(1.0, rng.uniform(15, 60))), rng.uniform(0.62, 0.75), 14.0)
    return f.done(f.mix(scratch, colour, (0.3, 0.3, 0.3)), rng.uniform(0.25, 0.6), 0.0, scratch, 0.15)


def belt(rng: Generator) -> bpy.types.Material:
    """A conveyor's rubber belt: black, grey or green, dusty, with a weave or ribs."""
    f = _Floor("belt", rng)
    colour = (0.02, 0.021, 0.022) if rng.uniform() < 0.6 else _times(_tint(rng, (0.1, 0.6), (0.1, 0.3)), 0.8)
    dust = f.noise(rng.uniform(4, 14), 6.0, f.stretched(1.0, 0.15))
    height = f.lines(rng.uniform(3, 9)) if rng.uniform() < 0.4 else f.noise(60.0)
    return f.done(f.mix(f.n.math("MULTIPLY", dust, rng.uniform(0.1, 0.6)), colour, (0.25, 0.24, 0.22)), rng.uniform(0.5, 0.85), 0.0, height, rng.uniform(0.1, 0.6))


def stone(rng: Generator) -> bpy.types.Material:
    """Concrete or asphalt: grey, speckled, rough."""
    f = _Floor("stone", rng)
    value = rng.uniform(0.04, 0.45)
    base = f.mix(f.noise(rng.uniform(8, 40), 8.0), _times((1.0, 0.97, 0.92), value * 0.55), _times((1.0, 0.98, 0.95), value * 1.3))
    speck = f.above(f.cells(rng.uniform(20, 60)), rng.uniform(0.4, 0.6), 6.0)
    return f.done(f.mix(f.n.math("MULTIPLY", speck, rng.uniform(0.1, 0.6)), base, _times((1, 1, 1), value * 0.35)), 0.9, 0.0, f.noise(45.0, 6.0), rng.uniform(0.2, 0.8))


def wood(rng: Generator) -> bpy.types.Material:
    """Planks, plywood or a laminate table."""
    f = _Floor("wood", rng)
    light = colorsys.hsv_to_rgb(rng.uniform(0.05, 0.11), rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.75))
    grain = f.noise(rng.uniform(1.5, 4), 6.0, f.stretched(1.0, rng.uniform(8, 20)))
    base = f.mix(f.above(grain, 0.35, 3.0), _times(light, rng.uniform(0.4, 0.7)), light)
    gap = f.above(f.lines(rng.uniform(0.25, 0.6)), 0.985, 60.0) if rng.uniform() < 0.5 else None
    if gap is not None:
        base = f.mix(gap, base, _times(light, 0.12))
    return f.done(base, rng.uniform(0.25, 0.7), 0.0, grain, 0.1)


def tray(rng: Generator) -> bpy.types.Material:
    """Moulded plastic: a crate's or tray's bottom in any colour but blue."""
    hue = (0.72 + 0.75 * rng.uniform()) % 1.0  # leaves out blue, which is unseen
    colour = colorsys.hsv_to_rgb(hue, rng.uniform(0.0, 0.9), rng.uniform(0.1, 0.85))
    f = _Floor("tray", rng)
    height = f.noise(50.0) if rng.uniform() < 0.6 else f.lines(rng.uniform(1.0, 3.0))
    return f.done(colour, rng.uniform(0.2, 0.55), 0.0, height, rng.uniform(0.05, 0.4))


def cardboard(rng: Generator) -> bpy.types.Material:
    """The bottom of a box."""
    f = _Floor("cardboard", rng)
    kraft = _times((0.52, 0.36, 0.2), rng.uniform(0.6, 1.2))
    return f.done(f.mix(f.noise(30.0, 6.0), _times(kraft, 0.85), kraft), 0.85, 0.0, f.lines(rng.uniform(4, 7)), 0.06)


def tiles(rng: Generator) -> bpy.types.Material:
    """Tiles with joints, in two close tones."""
    f = _Floor("tiles", rng)
    one = _tint(rng, (0.0, 0.3), (0.15, 0.85))
    node = f.n.add("ShaderNodeTexBrick", Vector=f.at.outputs[0], Color1=one, Color2=_times(one, rng.uniform(0.8, 1.15)),
                   Mortar=_times((1, 1, 1), rng.uniform(0.05, 0.6)), Scale=rng.uniform(0.25, 1.2), Brick_Width=0.5, Row_Height=float(rng.choice([0.25, 0.5])))
    node.inputs["Mortar Size"].default_value = rng.uniform(0.006, 0.02)
    node.offset = float(rng.choice([0.0, 0.5]))
    return f.done(node.outputs["Color"], rng.uniform(0.1, 0.6), 0.0, node.outputs["Fac"], -0.2)


def cloth(rng: Generator) -> bpy.types.Material:
    """Carpet or felt."""
    f = _Floor("cloth", rng)
    colour = _tint(rng, (0.0, 0.6), (0.05, 0.6))
    weave = f.noise(rng.uniform(30, 90), 2.0)
    return f.done(f.mix(weave, _times(colour, 0.5), _times(colour, 1.2)), 1.0, 0.0, weave, 0.7)


def holes(rng: Generator) -> bpy.types.Material:
    """Perforated sheet."""
    f = _Floor("holes", rng)
    pitch = rng.uniform(12, 30)
    x, y, _ = f.n.add("ShaderNodeSeparateXYZ", Vector=f.stretched(pitch, pitch)).outputs
    dots = f.raw("MULTIPLY", f.raw("SINE", x), f.raw("SINE", y))
    hole = f.above(dots, rng.uniform(0.3, 0.55), 20.0)
    g = rng.uniform(0.3, 0.6)
    return f.done(f.mix(hole, (g, g, g), (0.01, 0.01, 0.01)), 0.4, 0.6)


def terrazzo(rng: Generator) -> bpy.types.Material:
    """Chips of stone in a light ground."""
    f = _Floor("terrazzo", rng)
    ground = _tint(rng, (0.0, 0.15), (0.4, 0.8))
    chips = f.cells(rng.uniform(4, 12), "Color")
    chosen = f.above(f.noise(rng.uniform(6, 12)), 0.52, 20.0)
    return f.done(f.mix(chosen, ground, chips), rng.uniform(0.1, 0.4))


def blue_tray(rng: Generator) -> bpy.types.Material:
    """Moulded plastic in blue."""
    f = _Floor("blue", rng)
    colour = colorsys.hsv_to_rgb(rng.uniform(0.52, 0.68), rng.uniform(0.4, 0.95), rng.uniform(0.15, 0.8))
    return f.done(colour, rng.uniform(0.2, 0.5), 0.0, f.noise(50.0), 0.2)


def chequer(rng: Generator) -> bpy.types.Material:
    """Chequer plate: raised dashes on metal."""
    f = _Floor("chequer", rng)
    g = rng.uniform(0.3, 0.65)
    raised = f.above(f.cells(rng.uniform(2.5, 4.5)), 0.25, -8.0)
    return f.done((g, g, g), rng.uniform(0.3, 0.5), 0.8, raised, 0.8)


Maker = Callable[[Generator], bpy.types.Material]
SEEN: dict[str, tuple[Maker, float]] = {
    "steel": (steel, 0.26), "paint": (paint, 0.22), "belt": (belt, 0.1), "stone": (stone, 0.12), "wood": (wood, 0.09),
    "tray": (tray, 0.1), "cardboard": (cardboard, 0.04), "tiles": (tiles, 0.07),
}
UNSEEN: dict[str, tuple[Maker, float]] = {
    "cloth": (cloth, 0.2), "holes": (holes, 0.2), "terrazzo": (terrazzo, 0.2), "blue_tray": (blue_tray, 0.2), "chequer": (chequer, 0.2),
}


def pick(rng: Generator, unseen: bool) -> str:
    """The name of a floor."""
    table = UNSEEN if unseen else SEEN
    weights = np.array([w for _, w in table.values()])
    return str(rng.choice(list(table), p=weights / weights.sum()))


def make(name: str, seed: int) -> bpy.types.Material:
    """The floor's material; same name and seed, same floor."""
    return (SEEN | UNSEEN)[name][0](np.random.default_rng(seed))
