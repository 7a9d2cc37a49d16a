"""Converts MediaPipe's selfie segmentation to ONNX: `python -m omote.engine.training.person_mask --help`.

The original file needs an operator that only MediaPipe has.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOURCE_SHA256 = "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27"
SIDE = 256
_TRANSPOSED = b"Convolution2DTransposeBias"


class _Converter:
    """Converts the operators of a TensorFlow Lite graph to ONNX nodes; pictures become NCHW."""

    def __init__(self, content: bytes) -> None:
        import tflite

        self.model = tflite.Model.GetRootAs(content, 0)
        self.graph = self.model.Subgraphs(0)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.value: dict[int, NDArray[Any]] = {}
        for number in range(self.graph.TensorsLength()):
            tensor = self.graph.Tensors(number)
            buffer = self.model.Buffers(tensor.Buffer())
            if buffer.DataLength():
                types = {0: np.float32, 1: np.float16, 2: np.int32}
                raw = np.frombuffer(buffer.DataAsNumpy().tobytes(), types[tensor.Type()])
                self.value[number] = raw.reshape(tensor.ShapeAsNumpy() if tensor.ShapeLength() else ())

    def run(self) -> Any:
        """The whole network as an ONNX model: `picture` [1,3,256,256] 0 to 1 to `mask` [1,1,256,256] 0 to 1."""
        from onnx import TensorProto, helper

        for k in range(self.graph.OperatorsLength()):
            self._operator(self.graph.Operators(k))
        picture, mask = "picture", "mask"
        self.nodes.append(helper.make_node("Identity", [f"t{self.graph.Outputs(0)}"], [mask]))
        self.nodes.insert(0, helper.make_node("Identity", [picture], [f"t{self.graph.Inputs(0)}"]))
        graph = helper.make_graph(
            self.nodes,
            "person_mask",
            [helper.make_tensor_value_info(picture, TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
            [helper.make_tensor_value_info(mask, TensorProto.FLOAT, [1, 1, SIDE, SIDE])],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import helper, numpy_helper

        if value.dtype == np.float16:  # half precision in the file
            self.constants.append(numpy_helper.from_array(value, f"{name}_half"))
            self.nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=1))
        else:
            self.constants.append(numpy_helper.from_array(value, name))
        return name

    def _node(self, kind: str, inputs: list[str], output: int, activation: int = 0, **attributes: Any) -> None:
        from onnx import helper

        name = f"t{output}"
        before = name if activation == 0 else f"{name}_before"
        self.nodes.append(helper.make_node(kind, inputs, [before], **attributes))
        if activation == 1:
            self.nodes.append(helper.make_node("Relu", [before], [name]))
        elif activation != 0:
            raise ValueError(f"{kind} has the fused activation {activation}, wanted none or ReLU")

    def _operator(self, operator: Any) -> None:
        import tflite

        code = self.model.OperatorCodes(operator.OpcodeIndex())
        kinds = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
        kind = kinds[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs, output = [int(n) for n in operator.InputsAsNumpy()], int(operator.OutputsAsNumpy()[0])
        names = [f"t{n}" for n in inputs]

        def options(table: Any) -> Any:
            raw = operator.BuiltinOptions()
            table.Init(raw.Bytes, raw.Pos)
            return table

        match kind:
            case "DEQUANTIZE":
                self.value[output] = self.value[inputs[0]]
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                is_deep = kind == "DEPTHWISE_CONV_2D"
                settings = options(tflite.DepthwiseConv2DOptions() if is_deep else tflite.Conv2DOptions())
                order = (3, 0, 1, 2) if is_deep else (0, 3, 1, 2)
                weight = self.value[inputs[1]].transpose(order)
                constants = [
                    self._constant(f"w{output}", weight.copy()),
                    self._constant(f"b{output}", self.value[inputs[2]]),
                ]
                self._node(
                    "Conv",
                    [names[0], *constants],
                    output,
                    settings.FusedActivationFunction(),
                    auto_pad="SAME_UPPER" if settings.Padding() == tflite.Padding.SAME else "VALID",
                    strides=[settings.StrideH(), settings.StrideW()],
                    group=len(weight) if is_deep else 1,
                )
            case "CUSTOM" if code.CustomCode() == _TRANSPOSED:
                raw = np.frombuffer(operator.CustomOptionsAsNumpy().tobytes(), np.int32)
                weight = self.value[inputs[1]].transpose(3, 0, 1, 2)  # [in,out,h,w] of [out,h,w,in]
                constants = [
                    self._constant(f"w{output}", weight.copy()),
                    self._constant(f"b{output}", self.value[inputs[2]]),
                ]
                if weight.shape[2:] != (2, 2) or list(raw[1:3]) != [2, 2]:
                    raise ValueError(f"the transposed convolution is {weight.shape[2:]} by {raw[1:3]}, wanted 2 by 2")
                self._node("ConvTranspose", [names[0], *constants], output, strides=[2, 2])
            case "HARD_SWISH":
                self._node("HardSwish", names, output)
            case "LOGISTIC":
                self._node("Sigmoid", names, output)
            case "RELU":
                self._node("Relu", names, output)
            case "AVERAGE_POOL_2D":
                settings = options(tflite.Pool2DOptions())
                side = tuple(self.graph.Tensors(inputs[0]).ShapeAsNumpy()[1:3])
                if (settings.FilterHeight(), settings.FilterWidth()) != side:
                    raise ValueError("wanted a pool over the whole picture")
                self._node("GlobalAveragePool", names, output)
            case "ADD" | "MUL":
                settings = options(tflite.AddOptions() if kind == "ADD" else tflite.MulOptions())
                self._node("Add" if kind == "ADD" else "Mul", names, output, settings.FusedActivationFunction())
            case "RESIZE_BILINEAR":
                settings = options(tflite.ResizeBilinearOptions())
                way = (
                    "align_corners"
                    if settings.AlignCorners()
                    else "half_pixel"
                    if settings.HalfPixelCenters()
                    else "asymmetric"
                )
                before, after = (self.graph.Tensors(n).ShapeAsNumpy()[1:3] for n in (inputs[0], output))
                scale = np.array([1.0, 1.0, *(after / before)], np.float32)
                constant = self._constant(f"s{output}", scale)
                self._node(
                    "Resize", [names[0], "", constant], output, mode="linear", coordinate_transformation_mode=way
                )
            case _:
                raise ValueError(f"the network has the operator {kind}, which is not converted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tflite", type=Path, required=True, help="selfie_segmentation.tflite of MediaPipe")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    content = args.tflite.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SOURCE_SHA256:
        raise SystemExit(f"{args.tflite} has the sha256 {found[:16]}…, wanted {SOURCE_SHA256[:16]}…")
    args.out.write_bytes(_Converter(content).run().SerializeToString())
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
