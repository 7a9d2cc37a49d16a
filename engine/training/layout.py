"""Rewrites an exported network, number for number, into forms that a CPU runs without copying pictures about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from omote.engine.diffusion.shipped import STRIDED

_UNSHUFFLE = (0, 1, 3, 5, 2, 4)  # how torch's pixel_unshuffle turns [B,C,H,r,W,r]


# How torch writes a pixel_unshuffle that ends in a convolution, read backwards: of a picture whose sides it knows, and
# of one whose sides are left open. In the latter a block's side stands last in the shape that splits the columns.
_KNOWN = ("Reshape", "Transpose", "Reshape")
_OPEN = ("Squeeze", "Reshape", "Transpose", "Reshape", "Reshape", "Unsqueeze")


@dataclass(frozen=True)
class _Unshuffle:
    """A pixel_unshuffle that ends in a convolution."""

    picture: str  # the name of what is unshuffled
    between: tuple[onnx.NodeProto, ...]  # from there to the convolution
    conv: onnx.NodeProto
    factor: int


def stride_unshuffles(model: onnx.ModelProto) -> int:
    """Turns each convolution of an unshuffled picture into one with longer steps on the picture itself; says how many.

    A k-by-k convolution of blocks of r by r pixels is one of rk by rk pixels that steps by r. What is unshuffled for
    somebody else as well, and convolutions with strides, dilation or groups, stay as they are.
    """
    found = _unshuffles(model.graph)
    for each in found:
        _stride(model.graph, each)
    gone = [id(node) for each in found for node in each.between]
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
        for kinds in (_KNOWN, _OPEN):
            chain = _chain(conv, kinds, maker, readers)
            factor = _factor(chain, constant) if chain else 0
            if factor:
                found.append(_Unshuffle(chain[-1].input[0], tuple(chain), conv, factor))
    return found


def _chain(
    conv: onnx.NodeProto, kinds: tuple[str, ...], maker: dict[str, onnx.NodeProto], readers: dict[str, int]
) -> list[onnx.NodeProto]:
    """The nodes of these kinds before the convolution, the nearest first, where nobody else reads them; else none."""
    chain: list[onnx.NodeProto] = []
    name = conv.input[0]
    for kind in kinds:
        if name not in maker or maker[name].op_type != kind or readers[name] != 1:
            return []
        chain.append(maker[name])
        name = maker[name].input[0]
    return chain


def _factor(chain: list[onnx.NodeProto], constant: dict[str, NDArray[np.generic]]) -> int:
    """The side of a block where the chain is an unshuffle, else 0."""
    turn = next(k for k, node in enumerate(chain) if node.op_type == "Transpose")
    split = constant.get(chain[turn + 1].input[1], np.zeros(0)).ravel()
    joined = constant.get(chain[turn - 1].input[1], np.zeros(0)).ravel()
    if _whole(chain[turn], "perm", ()) != _UNSHUFFLE or split.shape != (6,):
        return 0
    r = int(split[5])
    if len(chain) == len(_KNOWN):
        channels, height, width = (int(split[k]) for k in (1, 2, 4))
        fits = int(split[3]) == r and [int(n) for n in joined[1:]] == [channels * r * r, height, width]
    else:
        rows = constant.get(chain[turn + 2].input[1], np.zeros(0)).ravel()
        fits = split.tolist() == [0, 0, 0, 0, -1, r] and rows.tolist() == [0, 0, -1, r, 0]
        fits = fits and joined.tolist() == [0, -1, 1, 1, 0, 0]
    return r if fits else 0


def _is_plain(conv: onnx.NodeProto) -> bool:
    """Every stride and dilation 1, one group, padding by number."""
    ones = [n for name in ("strides", "dilations", "group") for n in _whole(conv, name, ())]
    return set(ones) <= {1} and all(attribute.name != "auto_pad" for attribute in conv.attribute)


def _stride(graph: onnx.GraphProto, found: _Unshuffle) -> None:
    conv, r = found.conv, found.factor
    weight = next(tensor for tensor in graph.initializer if tensor.name == conv.input[1])
    old = numpy_helper.to_array(weight)  # [O,C*r*r,kh,kw]
    out, blocked, high, wide = old.shape
    c = blocked // (r * r)
    blocks = old.reshape(out, c, r, r, high, wide).transpose(0, 1, 4, 2, 5, 3)  # [O,C,kh,r,kw,r]
    longer = np.ascontiguousarray(blocks).reshape(out, c, high * r, wide * r)
    pads = [r * n for n in _whole(conv, "pads", (0, 0, 0, 0))]
    del conv.attribute[:]
    conv.attribute.extend(
        helper.make_attribute(key, value)
        for key, value in (("kernel_shape", longer.shape[2:]), ("strides", (r, r)), ("pads", pads))
    )
    conv.input[0] = found.picture
    name = f"{weight.name}{STRIDED}{r}"  # the old weights may have another reader
    conv.input[1] = name
    graph.initializer.append(numpy_helper.from_array(longer, name))
    if not any(weight.name in node.input for node in graph.node):
        graph.initializer.remove(weight)


def _whole(node: onnx.NodeProto, name: str, otherwise: tuple[int, ...]) -> tuple[int, ...]:
    """An attribute of whole numbers, one number as a row of one."""
    for attribute in node.attribute:
        if attribute.name == name:
            return tuple(int(n) for n in np.atleast_1d(helper.get_attribute_value(attribute)))
    return otherwise
