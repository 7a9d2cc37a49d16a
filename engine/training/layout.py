"""Rewrites an exported network, number for number, into forms that a CPU runs without copying pictures about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_STRIDED = ".strided"
_UNSHUFFLE = (0, 1, 3, 5, 2, 4)  # how torch's pixel_unshuffle turns [B,C,H,r,W,r]


@dataclass(frozen=True)
class _Unshuffle:
    """A pixel_unshuffle that ends in a convolution, as torch writes it."""

    split: onnx.NodeProto  # [B,C,H*r,W*r] → [B,C,H,r,W,r]
    turn: onnx.NodeProto
    join: onnx.NodeProto  # → [B,C*r*r,H,W]
    conv: onnx.NodeProto
    channels: int
    factor: int


def stride_unshuffles(model: onnx.ModelProto) -> int:
    """Turns each convolution of an unshuffled picture into one with longer steps on the picture itself; says how many.

    A k-by-k convolution of blocks of r by r pixels is one of rk by rk pixels that steps by r. What is unshuffled for
    somebody else as well, and convolutions with strides, dilation or groups, stay as they are.
    """
    found = _unshuffles(model.graph)
    for each in found:
        _stride(model.graph, each)
    gone = [id(node) for each in found for node in (each.split, each.turn, each.join)]
    kept = [node for node in model.graph.node if id(node) not in gone]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return len(found)


def _unshuffles(graph: onnx.GraphProto) -> list[_Unshuffle]:
    maker = {name: node for node in graph.node for name in node.output}
    readers: dict[str, int] = {}
    for name in (*(name for node in graph.node for name in node.input), *(value.name for value in graph.output)):
        readers[name] = readers.get(name, 0) + 1
    constant = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constant[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    found = []
    for conv in graph.node:
        if conv.op_type != "Conv" or not _is_plain(conv) or conv.input[1] not in constant:
            continue
        chain = [conv]
        for kind in ("Reshape", "Transpose", "Reshape"):
            name = chain[-1].input[0]
            if name not in maker or maker[name].op_type != kind or readers[name] != 1:
                break
            chain.append(maker[name])
        else:
            _, join, turn, split = chain
            shape = constant.get(split.input[1], np.zeros(0)).ravel()
            joined = constant.get(join.input[1], np.zeros(0)).ravel()
            if _whole(turn, "perm", ()) == _UNSHUFFLE and _is_unshuffle(shape, joined):
                found.append(_Unshuffle(split, turn, join, conv, int(shape[1]), int(shape[3])))
    return found


def _is_plain(conv: onnx.NodeProto) -> bool:
    """Every stride and dilation 1, one group, padding by number."""
    ones = [n for name in ("strides", "dilations", "group") for n in _whole(conv, name, ())]
    return set(ones) <= {1} and all(attribute.name != "auto_pad" for attribute in conv.attribute)


def _is_unshuffle(split: NDArray[np.generic], joined: NDArray[np.generic]) -> bool:
    if split.shape != (6,) or joined.shape != (4,):
        return False
    _, channels, height, r, width, r_again = (int(n) for n in split)
    return r == r_again and [int(n) for n in joined[1:]] == [channels * r * r, height, width]


def _stride(graph: onnx.GraphProto, found: _Unshuffle) -> None:
    conv, c, r = found.conv, found.channels, found.factor
    weight = next(tensor for tensor in graph.initializer if tensor.name == conv.input[1])
    old = numpy_helper.to_array(weight)  # [O,C*r*r,kh,kw]
    out, _, high, wide = old.shape
    blocks = old.reshape(out, c, r, r, high, wide).transpose(0, 1, 4, 2, 5, 3)  # [O,C,kh,r,kw,r]
    longer = np.ascontiguousarray(blocks).reshape(out, c, high * r, wide * r)
    pads = [r * n for n in _whole(conv, "pads", (0, 0, 0, 0))]
    del conv.attribute[:]
    conv.attribute.extend(
        helper.make_attribute(key, value)
        for key, value in (("kernel_shape", longer.shape[2:]), ("strides", (r, r)), ("pads", pads))
    )
    conv.input[0] = found.split.input[0]
    name = f"{weight.name}{_STRIDED}{r}"  # the old weights may have another reader
    conv.input[1] = name
    graph.initializer.append(numpy_helper.from_array(longer, name))
    if not any(weight.name in node.input for node in graph.node):
        graph.initializer.remove(weight)


def restored(name: str, weight: NDArray[np.float32]) -> tuple[str, NDArray[np.float32]]:
    """A weight's name and numbers as they were before `stride_unshuffles`; others as they are."""
    old, mark, factor = name.partition(_STRIDED)
    if not mark:
        return name, weight
    r = int(factor)
    out, c, high, wide = weight.shape
    blocks = weight.reshape(out, c, high // r, r, wide // r, r).transpose(0, 1, 3, 5, 2, 4)
    return old, np.ascontiguousarray(blocks).reshape(out, c * r * r, high // r, wide // r)


def _whole(node: onnx.NodeProto, name: str, otherwise: tuple[int, ...]) -> tuple[int, ...]:
    """An attribute of whole numbers, one number as a row of one."""
    for attribute in node.attribute:
        if attribute.name == name:
            return tuple(int(n) for n in np.atleast_1d(helper.get_attribute_value(attribute)))
    return otherwise
