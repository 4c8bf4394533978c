"""Cycles materials: metals, thin clear plastic, glass, film, paper, expanded foam, skin.

Thin plastic and film are thin-walled (transparent, darker and glossier at grazing angles) and let light through
for shadow rays: this is quick, and looks like an empty bottle. Never uses a picture file.
"""

from __future__ import annotations

import bpy
import numpy as np

Colour = tuple[float, float, float]
_count = 0


def image_from_array(name: str, pixels: np.ndarray) -> bpy.types.Image:
    """A Blender image from uint8 rows (height, width, 3), top row first, sRGB."""
    height, width = pixels.shape[:2]
    rgba = np.ones((height, width, 4), dtype=np.float32)
    rgba[..., :3] = pixels[::-1, :, :3].astype(np.float32) / 255.0
    image = bpy.data.images.new(name, width, height)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image


class Nodes:
    """A small hand for building a node tree."""

    def __init__(self, name: str):
        global _count
        _count += 1
        self.material = bpy.data.materials.new(f"{name}.{_count}")
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()

    def add(self, kind: str, **inputs: object) -> bpy.types.ShaderNode:
        """Adds a node; inputs by name (underscores for spaces), a socket links, anything else is a value."""
        node = self.tree.nodes.new(kind)
        for key, value in inputs.items():
            self.put(node.inputs[key.replace("_", " ")], value)
        return node

    def put(self, socket: bpy.types.NodeSocket, value: object) -> None:
        """Links or sets one input."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif isinstance(value, bpy.types.Node):
            self.tree.links.new(value.outputs[0], socket)
        elif isinstance(value, tuple) and len(value) == 3 and socket.type == "RGBA":
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value

    def mix(self, factor: object, first: object, second: object) -> bpy.types.ShaderNode:
        """Mix Shader."""
        node = self.tree.nodes.new("ShaderNodeMixShader")
        for socket, value in zip(node.inputs, (factor, first, second)):
            self.put(socket, value)
        return node

    def math(self, operation: str, a: object, b: object = 0.0) -> bpy.types.ShaderNode:
        """Math node, clamped to 0..1."""
        node = self.tree.nodes.new("ShaderNodeMath")
        node.operation, node.use_clamp = operation, True
        self.put(node.inputs[0], a)
        self.put(node.inputs[1], b)
        return node

    def colour_mix(self, factor: object, a: object, b: object) -> bpy.types.ShaderNode:
        """MixRGB node."""
        node = self.tree.nodes.new("ShaderNodeMixRGB")
        for socket, value in zip(node.inputs, (factor, a, b)):
            self.put(socket, value)
        return node

    def bump(self, kind: str, scale: float, strength: float, stretch: Colour = (1, 1, 1)) -> bpy.types.ShaderNode:
        """A bump normal from `noise`, `voronoi` or `fine` texture in object space."""
        coordinate = self.add("ShaderNodeTexCoord")
        mapping = self.add("ShaderNodeMapping", Vector=coordinate.outputs["Object"], Scale=tuple(scale * s for s in stretch))
        if kind == "voronoi":
            texture = self.add("ShaderNodeTexVoronoi", Vector=mapping.outputs[0], Scale=1.0)
            height = texture.outputs["Distance"]
        else:
            texture = self.add("ShaderNodeTexNoise", Vector=mapping.outputs[0], Scale=1.0, Detail=2.0 if kind == "noise" else 5.0)
            height = texture.outputs["Fac"]
        return self.add("ShaderNodeBump", Height=height, Strength=strength, Distance=0.05)

    def texture(self, image: bpy.types.Image) -> bpy.types.NodeSocket:
        """The colour of an image by UV."""
        node = self.add("ShaderNodeTexImage")
        node.image = image
        return node.outputs["Color"]

    def shadow_through(self, shader: object, colour: Colour) -> bpy.types.ShaderNode:
        """Lets shadow rays pass, tinted."""
        path = self.add("ShaderNodeLightPath")
        return self.mix(path.outputs["Is Shadow Ray"], shader, self.add("ShaderNodeBsdfTransparent", Color=colour))

    def done(self, shader: object) -> bpy.types.Material:
        """Wires the surface and returns the material."""
        output = self.add("ShaderNodeOutputMaterial")
        self.put(output.inputs["Surface"], shader)
        return self.material


def principled(name: str, colour: Colour | np.ndarray, roughness: float = 0.5, metallic: float = 0.0,
               bump: tuple[str, float, float] | None = None, subsurface: float = 0.0, clearcoat: float = 0.0,
               stain: tuple[Colour, float, float] | None = None) -> bpy.types.Material:
    """An opaque material; `colour` may be pixels of a print; `stain` is (colour, scale, coverage 0..1)."""
    n = Nodes(name)
    base: object = n.texture(image_from_array(name, colour)) if isinstance(colour, np.ndarray) else colour
    if stain is not None:
        coordinate = n.add("ShaderNodeTexCoord")
        noise = n.add("ShaderNodeTexNoise", Vector=coordinate.outputs["Object"], Scale=stain[1], Detail=4.0)
        edge = n.math("MULTIPLY", n.math("SUBTRACT", noise.outputs["Fac"], 0.65 - 0.3 * stain[2]), 9.0)
        base = n.colour_mix(edge, base, stain[0])
    shader = n.add("ShaderNodeBsdfPrincipled", Base_Color=base.outputs[0] if isinstance(base, bpy.types.Node) else base,
                   Roughness=roughness, Metallic=metallic, Clearcoat=clearcoat)
    if subsurface > 0:
        # A cheap stand-in for scattering: some of the light goes through as translucency.
        translucent = n.add("ShaderNodeBsdfTranslucent", Color=base.outputs[0] if isinstance(base, bpy.types.Node) else base)
        if bump:
            n.put(shader.inputs["Normal"], n.bump(*bump))
        return n.done(n.mix(subsurface, shader, translucent))
    if bump:
        n.put(shader.inputs["Normal"], n.bump(*bump))
    return n.done(shader)


def brushed_metal(name: str, colour: Colour, roughness: float, along: int = 0, strength: float = 0.25,
                  dirt: float = 0.2) -> bpy.types.Material:
    """Rolled steel with fine lines along one axis, faint stains, and scratches."""
    n = Nodes(name)
    stretch = [60.0, 60.0, 60.0]
    stretch[along] = 1.2
    coordinate = n.add("ShaderNodeTexCoord")
    mapping = n.add("ShaderNodeMapping", Vector=coordinate.outputs["Object"], Scale=tuple(stretch))
    lines = n.add("ShaderNodeTexNoise", Vector=mapping.outputs[0], Scale=1.0, Detail=3.0)
    stains = n.add("ShaderNodeTexNoise", Vector=coordinate.outputs["Object"], Scale=1.3, Detail=5.0)
    darker = tuple(c * 0.72 for c in colour)
    base = n.colour_mix(n.math("MULTIPLY", lines.outputs["Fac"], 0.7), colour, darker)
    base = n.colour_mix(n.math("MULTIPLY", stains.outputs["Fac"], dirt), base.outputs[0], tuple(c * 0.45 for c in colour))
    rough = n.math("ADD", n.math("MULTIPLY", lines.outputs["Fac"], 0.25), roughness - 0.1)
    bump = n.add("ShaderNodeBump", Height=lines.outputs["Fac"], Strength=strength, Distance=0.01)
    return n.done(n.add("ShaderNodeBsdfPrincipled", Base_Color=base.outputs[0], Metallic=0.95,
                        Roughness=rough.outputs[0], Normal=bump.outputs[0]))


def thin_clear(name: str, tint: Colour = (0.93, 0.96, 0.97), edge: Colour = (0.45, 0.5, 0.52),
               roughness: float = 0.06, ripple: float = 0.25) -> bpy.types.Material:
    """The wall of an empty PET bottle or cup: see-through, glossy, darker where seen along the wall."""
    n = Nodes(name)
    bump = n.bump("noise", 4.0, ripple)
    facing = n.add("ShaderNodeLayerWeight", Blend=0.35, Normal=bump.outputs[0]).outputs["Facing"]
    colour = n.colour_mix(n.math("POWER", facing, 1.8), tint, edge)
    clear = n.add("ShaderNodeBsdfTransparent", Color=colour.outputs[0])
    gloss = n.add("ShaderNodeBsdfGlossy", Color=(1.0, 1.0, 1.0), Roughness=roughness, Normal=bump.outputs[0])
    fresnel = n.add("ShaderNodeFresnel", IOR=1.6, Normal=bump.outputs[0])
    amount = n.math("ADD", n.math("MULTIPLY", fresnel.outputs[0], 1.5), 0.03)
    return n.done(n.shadow_through(n.mix(amount, clear, gloss), tuple(0.93 * t for t in tint)))


def glass(name: str, colour: Colour, roughness: float = 0.0) -> bpy.types.Material:
    """Thick glass that refracts, for bodies with an inner and an outer wall."""
    n = Nodes(name)
    body = n.add("ShaderNodeBsdfGlass", Color=colour, Roughness=roughness, IOR=1.48)
    return n.done(n.shadow_through(body, tuple(0.75 * c for c in colour)))


def film(name: str, colour: Colour | np.ndarray, clear: float, gloss: float = 0.25,
         roughness: float = 0.18) -> bpy.types.Material:
    """A bag's film: part see-through, part milky, with sharp highlights on its wrinkles."""
    n = Nodes(name)
    base: object = n.texture(image_from_array(name, colour)) if isinstance(colour, np.ndarray) else colour
    milky = n.mix(0.4, n.add("ShaderNodeBsdfDiffuse", Color=base), n.add("ShaderNodeBsdfTranslucent", Color=base))
    facing = n.add("ShaderNodeLayerWeight", Blend=0.4).outputs["Facing"]
    through = n.math("SUBTRACT", clear, n.math("MULTIPLY", facing, 0.45 * clear))
    body = n.mix(through, milky, n.add("ShaderNodeBsdfTransparent", Color=(0.97, 0.97, 0.97)))
    fresnel = n.add("ShaderNodeFresnel", IOR=1.5)
    shine = n.add("ShaderNodeBsdfGlossy", Color=(1.0, 1.0, 1.0), Roughness=roughness)
    shader = n.mix(n.math("ADD", n.math("MULTIPLY", fresnel.outputs[0], 1.6), gloss * 0.25), body, shine)
    path = n.add("ShaderNodeLightPath")
    shade = 0.25 + 0.65 * clear
    pass_through = n.math("MULTIPLY", path.outputs["Is Shadow Ray"], shade)
    return n.done(n.mix(pass_through, shader, n.add("ShaderNodeBsdfTransparent", Color=(1.0, 1.0, 1.0))))


def emission(name: str, colour: Colour, strength: float) -> bpy.types.Material:
    """A lit surface."""
    n = Nodes(name)
    return n.done(n.add("ShaderNodeEmission", Color=colour, Strength=strength))
