"""Write the network as an ONNX graph: normalisation folded into the convolutions, padding in their attributes.

Built node by node and not by tracing, so that the graph is small, its names stay, and no pad or shape
arithmetic is left for the runtime to find.

The float graph takes scaled pixels `x` float32 [N, 3, 224, 224]; `take_bytes` turns a quantised one into the model
that ships: `pixels` uint8 [1, 224, 224, 3], RGB. Both give `logits` [N, labels] and `embedding` [N, 1280], float32.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import EMBEDDING, PIXEL_SCALE, PIXEL_ZERO, ConvNorm, Lite

OPSET = 17
IR_VERSION = 8
SIZE = 224
INPUT = "x"
POOL_NODES = ("pool", "flatten", "last")


class _Builder:
    """Nodes and weights collected so far."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.constant("zero", np.float32(0.0))
        self.constant("six", np.float32(6.0))

    def constant(self, name: str, value: np.ndarray | np.float32) -> str:
        """Add a weight and give its name."""
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def node(self, kind: str, name: str, inputs: list[str], **attributes: object) -> str:
        """Add a node whose output is called after it, and give that name."""
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}:0"], name=name, **attributes))
        return f"{name}:0"

    def conv(self, name: str, layer: ConvNorm, x: str) -> str:
        """Add a convolution with its normalisation folded in, and its ReLU6."""
        norm, conv = layer.norm, layer.conv
        gain = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double()
        weight = (conv.weight.detach().double() * gain.view(-1, 1, 1, 1)).float().numpy()
        bias = (norm.bias.detach().double() - norm.running_mean.double() * gain).float().numpy()
        before, after = layer.padding
        x = self.node(
            "Conv",
            name,
            [x, self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)],
            kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride),
            pads=[before, before, after, after],
            group=conv.groups,
        )
        return self.node("Clip", f"{name}.relu6", [x, "zero", "six"]) if layer.active else x


def float_model(network: Lite, size: int = SIZE) -> onnx.ModelProto:
    """The float graph of a network in evaluation mode, for pictures of `size` x `size`."""
    build = _Builder()
    x = build.conv("stem", network.stem, INPUT)
    for index, block in enumerate(network.blocks):
        y = x if block.expand is None else build.conv(f"block{index}.expand", block.expand, x)
        y = build.conv(f"block{index}.depthwise", block.depthwise, y)
        y = build.conv(f"block{index}.project", block.project, y)
        x = build.node("Add", f"block{index}.add", [x, y]) if block.skip else y
    x = build.conv("head", network.head, x)
    x = build.node("GlobalAveragePool", "pool", [x])
    build.nodes.append(helper.make_node("Flatten", [x], ["embedding"], name="flatten", axis=1))
    weight = build.constant("last.weight", network.last.weight.detach().numpy())
    bias = build.constant("last.bias", network.last.bias.detach().numpy())
    build.nodes.append(helper.make_node("Gemm", ["embedding", weight, bias], ["logits"], name="last", transB=1))
    graph = helper.make_graph(
        build.nodes,
        "bunri-lite0",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, size, size])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", network.last.out_features]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", EMBEDDING]),
        ],
        build.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="bunri")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def take_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace the first quantisation of a QDQ model by the bytes themselves.

    The pixels, transposed as bytes, are the quantised tensor: scale 1/128, zero point 127.

    Raises:
        ValueError: the model's first quantisation is not that scaling, or there is more than one.
    """
    graph = model.graph
    first = [node for node in graph.node if node.input and node.input[0] == INPUT]
    if len(first) != 1 or first[0].op_type != "QuantizeLinear":
        raise ValueError(f"expected one QuantizeLinear on {INPUT!r}, found {[node.op_type for node in first]}")
    quantise = first[0]
    weights = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    scale, zero = weights[quantise.input[1]], weights[quantise.input[2]]
    if float(scale) != PIXEL_SCALE or int(zero) != PIXEL_ZERO or zero.dtype != np.uint8:
        raise ValueError(f"first quantisation has scale {scale} and zero point {zero}, not 1/128 and 127")
    transpose = helper.make_node("Transpose", ["pixels"], [quantise.output[0]], name="to_nchw", perm=[0, 3, 1, 2])
    nodes = [transpose] + [node for node in graph.node if node is not quantise]
    size = graph.input[0].type.tensor_type.shape.dim[2].dim_value
    labels = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    fixed = helper.make_graph(
        nodes,
        graph.name,
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, size, size, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, labels]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, EMBEDDING]),
        ],
        list(graph.initializer),
    )
    result = helper.make_model(fixed, opset_imports=list(model.opset_import), producer_name="bunri")
    result.ir_version = max(model.ir_version, IR_VERSION)
    onnx.checker.check_model(result, full_check=True)
    return result
