"""Rewrites an exported network in half precision, for runtimes that keep each type as it is written.

TensorRT-RTX converts nothing by itself. Two kept converters were tried on the shipped network: onnxconverter-common
1.16 writes a graph that does not load, ONNX Runtime's rounds to half between any two operations that stay single.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .session import ExportedGraph, RuntimeUnavailable
from .tensorrt_engine import engine_folder

if TYPE_CHECKING:
    import onnx

# Products take most of the time. What reads a half is half, too; the rest stays single like the inputs: the waves of
# t, the light, the places of references (the 11 bits of a half resolve an eighth of a pixel), the gain of a norm.
_PRODUCTS = frozenset({"Conv", "Gemm", "MatMul"})
# The sum of a picture's squares does not fit a half, and a mean that is rounded shifts the whole channel.
_SUMS = frozenset(
    {"ReduceL2", "ReduceMean", "Sub", "InstanceNormalization", "GroupNormalization", "LayerNormalization"}
)
# A place is single, and so is what is added to it, or sampled at it.
_PLACES = frozenset({"GridSample"})
_ONLY_FIRST = frozenset({"Resize"})  # its scales are single by definition
_LARGEST = float(np.finfo(np.float16).max)
_BESIDE_FROM = 1024  # bytes: smaller constants stay in the graph, where parsers look for shapes
_PREFIX = "half-"  # of folders
_ABANDONED_S = 6 * 3600.0  # an older folder was left by a process that was killed


@contextmanager
def half_precision_model(graph: ExportedGraph) -> Iterator[bytes | Path]:
    """The graph as ONNX in its shapes: arithmetic in half precision, inputs and outputs in single.

    As bytes, or, if its weights lie beside it, as a temporary file; RuntimeUnavailable without room for that.
    """
    onnx = _onnx()
    model = _rewritten(graph)
    if not is_split(graph.path):
        onnx.checker.check_model(model)
        yield bytes(model.SerializeToString())
        return
    with _folder() as folder:
        yield _saved(model, folder / graph.path.name)


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder for gigabytes; if this process is killed, the next call removes it."""
    try:
        engine_folder().mkdir(parents=True, exist_ok=True)
        _remove_abandoned(engine_folder())
        folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=engine_folder(), ignore_cleanup_errors=True)
    except OSError as error:
        raise _no_room_error(error) from error
    with folder as name:
        yield Path(name)


def _remove_abandoned(folder: Path) -> None:
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)


def _saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx = _onnx()
    beside = f"{path.name}.data"
    try:
        onnx.save_model(model, str(path), save_as_external_data=True, location=beside, size_threshold=_BESIDE_FROM)
    except OSError as error:
        raise _no_room_error(error) from error
    onnx.checker.check_model(str(path))
    return path


def _no_room_error(error: OSError) -> RuntimeUnavailable:
    return RuntimeUnavailable(f"the network cannot be written to {engine_folder()} in halves ({error}): make room")


def is_split(path: Path) -> bool:
    """Whether weights of the network lie in a file beside it."""
    onnx = _onnx()
    model = onnx.load(path, load_external_data=False)
    return any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)


def _onnx() -> Any:
    try:
        import onnx
        import onnx.external_data_helper
    except ImportError as error:
        raise RuntimeUnavailable(f"to compile for NVIDIA needs onnx ({error}): pip install omote[nvidia]") from error
    return onnx


def _rewritten(graph: ExportedGraph) -> Any:
    model = _onnx().load(graph.path, load_external_data=False)
    lengths = {**graph.shapes, **{name: output.shape for name, output in graph.outputs.items()}}
    for value in (*model.graph.input, *model.graph.output):
        for dim, length in zip(value.type.tensor_type.shape.dim, lengths[value.name], strict=True):
            dim.dim_value = length
    _GraphRewriter(model, graph.path.parent).write()
    return model


class _GraphRewriter:
    """One pass over a graph, in its order: the precision of a node follows from its inputs."""

    def __init__(self, model: onnx.ModelProto, folder: Path) -> None:
        self._onnx = onnx = _onnx()
        self._graph = model.graph
        self._floats = _float_names(onnx.shape_inference.infer_shapes(model))
        self._constants = {tensor.name: _array(tensor, folder) for tensor in model.graph.initializer}
        self._halves: set[str] = set()  # tensors that became half
        self._casts: dict[tuple[str, bool], str] = {}  # (tensor, to half or not): the name of its other version
        self._nodes: list[Any] = []

    def write(self) -> None:
        for node in self._graph.node:
            if not self._is_constant(node):
                self._add(node)
        for output in self._graph.output:
            self._keep_single(output.name)
        self._replace(self._graph.node, self._nodes)
        read = {name for node in self._nodes for name in node.input}
        tensors = [
            self._onnx.numpy_helper.from_array(array, name) for name, array in self._constants.items() if name in read
        ]
        self._replace(self._graph.initializer, tensors)
        self._replace(self._graph.value_info, ())

    def _is_constant(self, node: onnx.NodeProto) -> bool:
        """Whether the node only gives a constant, which then replaces it."""
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            self._constants[node.output[0]] = self._onnx.numpy_helper.to_array(node.attribute[0].t)
        elif _is_cast(node) and node.input[0] in self._constants and node.output[0] in self._floats:
            self._constants[node.output[0]] = self._constants[node.input[0]].astype(np.float32)
        else:
            return False
        return True

    def _add(self, node: onnx.NodeProto) -> None:
        read = [name for name in node.input if name in self._floats]
        if node.op_type in _ONLY_FIRST:
            read = [name for name in read if name == node.input[0]]
        half = node.op_type in _PRODUCTS or any(name in self._halves for name in read)
        half = half and node.op_type not in _SUMS | _PLACES and not self._adds_to_single(node, read)
        for k, name in enumerate(node.input):
            if name in read:
                node.input[k] = self._version(name, half)
        self._nodes.append(node)
        if half:
            self._halves.update(name for name in node.output if name in self._floats)

    def _adds_to_single(self, node: onnx.NodeProto, read: list[str]) -> bool:
        """Whether the node adds something that was computed in single precision."""
        exact = (name for name in read if name not in self._halves and name not in self._constants)
        return node.op_type == "Add" and any(exact)

    def _version(self, name: str, half: bool) -> str:
        """The name of this tensor in this precision, after a cast if necessary."""
        if (name in self._halves) == half:
            return name
        if (name, half) not in self._casts:
            other = self._casts[name, half] = f"{name}.{'half' if half else 'single'}"
            if name in self._constants:
                self._constants[other] = _half_array(self._constants[name])
            else:
                self._nodes.append(self._cast(name, other, half))
        return self._casts[name, half]

    def _keep_single(self, name: str) -> None:
        """An output of the network stays single under its own name."""
        if name not in self._halves:
            return
        maker = next(node for node in self._nodes if name in node.output)
        inner = f"{name}.inner"
        for node in self._nodes:
            self._replace(node.input, [inner if each == name else each for each in node.input])
        self._replace(maker.output, [inner if each == name else each for each in maker.output])
        self._nodes.append(self._cast(inner, name, half=False))

    def _cast(self, name: str, to: str, half: bool) -> onnx.NodeProto:
        kind = self._onnx.TensorProto.FLOAT16 if half else self._onnx.TensorProto.FLOAT
        return self._onnx.helper.make_node("Cast", [name], [to], name=f"{to}.cast", to=kind)

    @staticmethod
    def _replace(field: Any, values: Iterable[Any]) -> None:
        kept = list(values)
        del field[:]
        field.extend(kept)


def _is_cast(node: onnx.NodeProto) -> bool:
    return node.op_type in ("Cast", "CastLike")


def _array(tensor: onnx.TensorProto, folder: Path) -> NDArray[Any]:
    """A constant; one that lies beside the network is mapped, so that gigabytes are read only once."""
    onnx = _onnx()
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return np.asarray(onnx.numpy_helper.to_array(tensor))
    external = onnx.external_data_helper.ExternalDataInfo(tensor)
    if Path(external.location).name != external.location:
        raise RuntimeUnavailable(f"the network's weights lie in {external.location}, wanted beside it: export it again")
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return np.memmap(folder / external.location, kind, "r", external.offset or 0, tuple(tensor.dims))


def _half_array(array: NDArray[Any]) -> NDArray[np.float16]:
    """As half precision: numbers beyond its range become its largest; infinity, which masks, stays infinity."""
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    over = np.isinf(half)
    if over.any():  # rare, and each pass over gigabytes counts
        half[over] = np.where(np.isinf(array[over]), array[over], np.copysign(_LARGEST, array[over]))
    return half


def _float_names(model: onnx.ModelProto) -> frozenset[str]:
    """The tensors of the graph in single precision."""
    graph = model.graph
    typed = (*graph.input, *graph.value_info, *graph.output)
    names = {value.name for value in typed if value.type.tensor_type.elem_type == 1}
    return frozenset(names | {tensor.name for tensor in graph.initializer if tensor.data_type == 1})
