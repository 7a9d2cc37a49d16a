"""Whether a compiled network still computes what PyTorch did in f32 when it was exported: kept beside the graphs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ..hardware import ResultCache, machine_facts
from ..runtime.session import Array, Build, RuntimeUnavailable, Session, Shapes

if TYPE_CHECKING:
    from .exported_model import ExportedModel

SLOTS = 4  # pictures that differ in all but the bank; the most that a stream batch holds
TIMESTEPS = (999.0, 759.0, 499.0, 259.0)
SAME_DB = 150.0
# How far the output must lie above its error, by precision. At full size with random weights OpenVINO's f32 kept
# 105 dB; on tiny networks f16, emulated on a processor, kept 61 dB and bf16 34. At full size both were not tried.
BOUNDS_DB: Mapping[str, float] = {"f32": 60.0, "f16": 34.0, "bf16": 24.0}


def inputs(shapes: Shapes) -> dict[str, Array]:
    """The same numbers on every machine: of a generator whose stream NumPy has promised never to change."""
    return {name: _input(name, shape) for name, shape in shapes.items()}


def _input(name: str, shape: tuple[int, ...]) -> Array:
    batch = shape[0]
    if name == "t":
        return np.resize(np.array(TIMESTEPS, np.float32), batch)
    if name == "scale":
        return np.ones(shape, np.float32)
    source = np.random.RandomState(zlib.crc32(name.encode()))
    if name.startswith(("key_", "value_", "bias_")):
        return source.standard_normal(shape).astype(np.float32)
    slots = source.standard_normal((max(SLOTS, 1), *shape[1:])).astype(np.float32)
    return np.ascontiguousarray(slots[np.arange(batch) % SLOTS])


def above_error_db(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """How many dB the wanted output is above the error of this one, in the picture where that is least."""
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float("-inf")
    axes = tuple(range(1, wanted.ndim))
    exact = wanted.astype(np.float64)
    error = np.square(found - exact).mean(axes)
    power = np.square(exact - exact.mean(axes, keepdims=True)).mean(axes)
    return float((10.0 * np.log10(power / (error + power * 10.0 ** (-SAME_DB / 10.0)))).min())


def require(
    session: Session, model: ExportedModel, name: str, build: Build, batch: int = 1, kept: ResultCache | None = None
) -> float:
    """Decibels, found now or remembered; RuntimeUnavailable below what the precision allows."""
    kept = kept or ResultCache()
    facts = _facts(session, model, name, build, batch)
    answer = (kept.get(facts) or {}).get("db")
    if not isinstance(answer, float):
        answer = check(session, model, name, batch)
        kept.put(facts, {"db": answer})
    least = BOUNDS_DB[precision_of(session)]
    if not answer >= least:
        raise RuntimeUnavailable(
            f"{session.name} computes another {model.graphs[name].output} than the reference: {answer:.1f} dB above "
            f"the error, wanted {least:g} dB; choose --runtime openvino-f32"
        )
    return answer


def check(session: Session, model: ExportedModel, name: str, batch: int = 1) -> float:
    """Decibels of one run."""
    from .exported_model import REFERENCE_FILE

    graph = model.graph(name, batch)
    ((output, made),) = graph.outputs.items()
    stored = load_file(model.folder / REFERENCE_FILE)[name]
    wanted = stored[np.arange(made.shape[0]) % len(stored)]
    return above_error_db(session.run(inputs(graph.shapes))[output], wanted)


def precision_of(session: Session) -> str:
    """As its name says it, "openvino cpu bf16"."""
    return next((word for word in reversed(session.name.split()) if word in BOUNDS_DB), "f32")


def _facts(session: Session, model: ExportedModel, name: str, build: Build, batch: int) -> dict[str, object]:
    return {
        "question": "photoreal parity",
        "graph": model.graphs[name].sha256,
        "name": session.name,
        "build": [build.name, batch],
        **machine_facts(),
    }
