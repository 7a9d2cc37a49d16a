"""Exported networks: kept in the cache, opened by any runtime without torch, held against their reference."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ..data import PhotorealCharacter
from ..hardware import ResultCache, gpu_names, machine_facts
from ..runtime.dispatch import open_session
from ..runtime.session import AUTO, Array, Build, ExportedGraph, OutputSpec, RuntimeUnavailable, Session, Shapes
from ..storage import cache_folder
from .sampling import Plans, plans_as_json, plans_of_json

if TYPE_CHECKING:
    from .pipeline import Arc2Face

log = logging.getLogger(__name__)

FORMAT = "omote exported 2"  # another one makes all graphs again
EXPRESSION, UNET, DECODER = GRAPHS = ("expression", "unet", "decoder")
MODEL_FILE, REFERENCE_FILE = "model.json", "reference.safetensors"
ON_CPU = ("openvino", "onnxruntime")
BANK = ("key_", "value_", "bias_")  # how the UNet's inputs of a bank begin
SLOTS = 4  # pictures that differ in all but the bank, in the reference
TIMESTEPS = (999.0, 759.0, 499.0, 259.0)
# How far the output must lie above its error, in dB, by precision. At full size with random weights OpenVINO's f32
# keeps 105 dB; on tiny networks f16, emulated on a processor, keeps 61 dB and bf16 34.
BOUNDS_DB: Mapping[str, float] = {"f32": 60.0, "f16": 34.0, "bf16": 24.0}
_SAME_DB = 150.0
_EXACT = Build("openvino", "f32")
_PARTIAL, _ABANDONED_S = ".partial-", 6 * 3600.0  # folders of processes that were cut off, after so long

Open = Callable[[], "Arc2Face"]
Length = int | None  # None is how many pictures there are at once


@dataclass(frozen=True)
class Recipe:
    """Everything that is fixed in the graphs; who is drawn, how many at once and in which arithmetic is not."""

    model: str  # digest of the weights that draw, as characters name it
    sampler: str  # "lcm", "tcd" or "student": whose LoRA is fused
    size: int  # pixels on a side
    bank: tuple[int, ...] = ()  # rows that each block reads of a bank

    @classmethod
    def of(cls, character: PhotorealCharacter) -> Self:
        """The one that draws this character."""
        return cls(character.model, character.sampler, character.size, tuple(map(len, character.bank.keys)))

    @property
    def digest(self) -> str:
        """A name for the folder of its graphs."""
        return hashlib.sha256(json.dumps([FORMAT, asdict(self)], sort_keys=True).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Graph:
    """What model.json says about one graph."""

    file: str
    sha256: str  # of the graph and of the weights beside it
    files: tuple[str, ...]  # of which these are the bytes
    inputs: Mapping[str, tuple[Length, ...]]  # in the graph's order
    standing: tuple[str, ...]
    output: str
    output_shape: tuple[Length, ...]
    output_type: str

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Of JSON; KeyError, TypeError, ValueError or AttributeError where it is something else."""
        inputs = {name: _shape(shape) for name, shape in told["inputs"].items()}
        found = cls(**{**told, "inputs": inputs, "output_shape": _shape(told["output_shape"])})
        if not set(found.standing) <= set(inputs) or found.output_type not in ("float32", "uint8"):
            raise ValueError("its standing inputs or its output are of another graph")
        if any(Path(name).name != name for name in (found.file, *found.files)):
            raise ValueError("its files lie elsewhere")
        return found


@dataclass(frozen=True)
class Networks:
    """The three networks, opened. B pictures of S pixels on a side stand in the UNet at once; h is S / 8."""

    expression: Session  # vector [1,55] -> tokens [1,n,D]
    unet: Session  # x [B,4,h,h], t [B], tokens [B,77,D], expression [B,n,D], scale [16] and a bank -> eps [B,4,h,h]
    decoder: Session  # latents [1,4,h,h] -> pixels [1,S,S,3], levels of uint8
    shapes: Shapes  # of the UNet's inputs
    model: str  # digest of the weights, as characters name it
    plans: Plans  # of the sampler

    @property
    def batch(self) -> int:
        return self.shapes["x"][0]

    @property
    def size(self) -> int:
        """Pixels on a side."""
        return 8 * self.shapes["x"][-1]

    @property
    def name(self) -> str:
        """What runs the network that takes the time."""
        return self.unet.name


class ExportedModelError(Exception):
    """A folder holds no exported model, or a damaged one; the message says what is wrong, and the cure."""


@dataclass(frozen=True)
class ExportedModel:
    """Three graphs in a folder; `open_weights` loads the weights themselves, where PyTorch runs them."""

    folder: Path
    recipe: Recipe
    graphs: Mapping[str, Graph]  # by the names in `GRAPHS`
    plans: Plans
    open_weights: Open | None = field(default=None, compare=False)

    @classmethod
    def read(cls, folder: Path, open_weights: Open | None = None) -> Self:
        """What was written to this folder; ExportedModelError unless all of it is there."""
        try:
            told = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
            if told["format"] != FORMAT:
                raise ValueError(f'its format is "{told["format"]}", wanted "{FORMAT}"')
            graphs = {name: Graph.read(told["graphs"][name]) for name in GRAPHS}
            recipe = Recipe(**{**told["recipe"], "bank": tuple(told["recipe"]["bank"])})
            for graph in graphs.values():
                if sha256_of([folder / name for name in graph.files]) != graph.sha256:
                    raise ValueError(f"{graph.file} holds other bytes than were written")
            if set(load_file(folder / REFERENCE_FILE)) != set(GRAPHS):
                raise ValueError(f"{REFERENCE_FILE} is of other graphs")
            return cls(folder, recipe, graphs, plans_of_json(told["plans"]), open_weights)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, SafetensorError) as error:
            raise ExportedModelError(f"{folder} holds no exported model ({error}): omote compile --again") from error

    def write(self) -> None:
        """Says in model.json what lies in the folder."""
        told = {
            "format": FORMAT,
            "recipe": asdict(self.recipe),
            "plans": plans_as_json(self.plans),
            "graphs": {name: asdict(graph) for name, graph in self.graphs.items()},
        }
        (self.folder / MODEL_FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

    def graph(self, name: str, batch: int = 1) -> ExportedGraph:
        """One of `GRAPHS`; the batch is the UNet's alone, the others take one at a time."""
        told = self.graphs[name]
        shapes = {one: _fixed(shape, batch) for one, shape in told.inputs.items()}
        output = {told.output: OutputSpec(_fixed(told.output_shape, batch), told.output_type)}
        return ExportedGraph(self.folder / told.file, told.sha256, shapes, output, frozenset(told.standing))

    def networks(self, build: Build, batch: int = 1) -> Networks:
        """All three, seen to compute what the reference does; RuntimeUnavailable says why not, and the cure.

        The expression's few numbers are computed on the CPU whatever runs the rest.
        """
        parts = (self.session(EXPRESSION, _EXACT), self.session(UNET, build, batch), self.session(DECODER, build))
        return Networks(*parts, self.graph(UNET, batch).shapes, self.recipe.model, self.plans)

    def session(self, name: str, build: Build, batch: int = 1) -> Session:
        """One of `GRAPHS`, opened and compared with its reference, now or at an earlier start."""
        session = self._opened(name, build, batch)
        graph, kept = self.graphs[name].sha256, ResultCache()
        asked = {"question": "photoreal parity", "graph": graph, "name": session.name, "build": [build.name, batch]}
        facts: dict[str, object] = {**asked, **machine_facts()}
        found_db = (kept.get(facts) or {}).get("db")
        if not isinstance(found_db, float):
            found_db = self.measured_db(session, name, batch)
            kept.put(facts, {"db": found_db})
        if not found_db >= (least := BOUNDS_DB[precision_of(session)]):
            raise RuntimeUnavailable(
                f"{session.name} computes another {self.graphs[name].output} than the reference: {found_db:.1f} dB "
                f"above the error, wanted {least:g} dB; choose --runtime openvino-f32"
            )
        return session

    def measured_db(self, session: Session, name: str, batch: int = 1) -> float:
        """How far the output of one run lies above its difference from what PyTorch computed in f32 at the export."""
        graph = self.graph(name, batch)
        ((output, made),) = graph.outputs.items()
        stored = load_file(self.folder / REFERENCE_FILE)[name]
        wanted = stored[np.arange(made.shape[0]) % len(stored)]
        return above_error_db(session.run(reference_inputs(graph.shapes))[output], wanted)

    def _opened(self, name: str, build: Build, batch: int) -> Session:
        graph = self.graph(name, batch)
        if not build.runtime.startswith("pytorch"):
            return open_session(graph, build)
        if self.open_weights is None:
            raise RuntimeUnavailable("PyTorch runs the published weights, and none are here: choose --runtime openvino")
        try:
            from .export import open_eager
        except ImportError as error:
            raise RuntimeUnavailable(f"PyTorch cannot be loaded ({error}): pip install 'omote[photoreal]'") from error
        return open_eager(self.open_weights(), name, graph, build)


def _shape(told: Sequence[Length]) -> tuple[Length, ...]:
    if not all(length is None or (type(length) is int and length > 0) for length in told):
        raise ValueError(f"a shape must be a list of numbers from 1, got {told!r}")
    return tuple(told)


def _fixed(shape: tuple[Length, ...], batch: int) -> tuple[int, ...]:
    return tuple(batch if length is None else length for length in shape)


def sha256_of(files: Sequence[Path]) -> str:
    """Of their bytes one after the other."""
    found = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 24):
                found.update(chunk)
    return found.hexdigest()


def reference_inputs(shapes: Shapes) -> dict[str, Array]:
    """The same numbers on every machine: of a generator whose stream NumPy promises to keep."""
    return {name: _reference_input(name, shape) for name, shape in shapes.items()}


def _reference_input(name: str, shape: tuple[int, ...]) -> Array:
    batch = shape[0]
    if name == "t":
        return np.resize(np.array(TIMESTEPS, np.float32), batch)
    if name == "scale":
        return np.ones(shape, np.float32)
    source = np.random.RandomState(zlib.crc32(name.encode()))
    if name.startswith(BANK):
        return source.standard_normal(shape).astype(np.float32)
    slots = source.standard_normal((SLOTS, *shape[1:])).astype(np.float32)
    return np.ascontiguousarray(slots[np.arange(batch) % SLOTS])


def above_error_db(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """How many dB the wanted output is above the error of this one, in the picture where that is least."""
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float("-inf")
    axes = tuple(range(1, wanted.ndim))
    exact = wanted.astype(np.float64)
    error = np.square(found - exact).mean(axes)
    power = np.square(exact - exact.mean(axes, keepdims=True)).mean(axes)
    return float((10.0 * np.log10(power / (error + power * 10.0 ** (-_SAME_DB / 10.0)))).min())


def precision_of(session: Session) -> str:
    """As its name says it, "openvino cpu bf16"."""
    return next((word for word in reversed(session.name.split()) if word in BOUNDS_DB), "f32")


def candidates(runtime: str = AUTO, gpus: Sequence[str] | None = None) -> tuple[Build, ...]:
    """What `--runtime` tries, in this order; "auto" ends with what computes as exactly as the reference."""
    if runtime != AUTO:
        return (Build.named(runtime),)
    on_gpu = ("tensorrt-rtx", "tensorrt", "pytorch-compile-f16")
    names = (*(on_gpu if (gpu_names() if gpus is None else gpus) else ()), "openvino", "openvino-f32")
    return tuple(Build.named(name) for name in names)


def first_networks(
    model: ExportedModel, builds: Sequence[Build], gpu_batch: int = 1
) -> tuple[Networks, tuple[str, ...]]:
    """The first of these that opens and computes the right thing, and in a line each why those before it do not.

    What runs on a GPU takes `gpu_batch` pictures at once, what runs on a processor one.
    """
    refusals: list[str] = []
    for build in builds:
        try:
            return model.networks(build, 1 if build.runtime in ON_CPU else gpu_batch), tuple(refusals)
        except RuntimeUnavailable as error:
            refusals.append(f"{build.name}: {' '.join(str(error).split())}")
    raise RuntimeUnavailable("; ".join(refusals) or "no runtime was named")


def exported_folder() -> Path:
    """Where exported models lie, each in a folder that is called by its recipe's digest."""
    return cache_folder() / "photoreal"


def exported(recipe: Recipe, open_weights: Open, folder: Path | None = None) -> ExportedModel:
    """The model of this recipe: found, or exported now from what `open_weights` loads on the CPU in f32.

    Two processes may both export it; the first that is done makes it for both. RuntimeUnavailable where it cannot be
    made here.
    """
    folder = folder or exported_folder()
    place = folder / recipe.digest
    partial = folder / f"{_PARTIAL}{os.getpid()}-{time.monotonic_ns()}"
    try:
        if place.is_dir():
            try:
                return ExportedModel.read(place, open_weights)
            except ExportedModelError as error:
                log.warning("%s; it is exported anew", error)
                place.rename(partial.with_name(f"{partial.name}-damaged"))  # at once: it would never be replaced
        _sweep(folder)
        partial.mkdir(parents=True)
        log.warning("exporting the networks for %dx%d, once: a minute or two, and gigabytes", recipe.size, recipe.size)
        _export(recipe, open_weights, partial)
        with contextlib.suppress(OSError):
            partial.rename(place)
        return ExportedModel.read(place, open_weights)
    except (OSError, ExportedModelError) as error:
        raise RuntimeUnavailable(f"the networks cannot be exported to {folder} ({error}): make room") from error
    finally:
        for left in (partial, partial.with_name(f"{partial.name}-damaged")):
            shutil.rmtree(left, ignore_errors=True)


def _export(recipe: Recipe, open_weights: Open, folder: Path) -> None:
    try:
        from .export import export
    except ImportError as error:
        raise RuntimeUnavailable(
            f"the export needs torch and onnx ({error}): pip install 'omote[photoreal]'"
        ) from error
    try:
        export(open_weights(), recipe, folder)
    except ValueError as error:
        raise RuntimeUnavailable(f"the published weights cannot be exported: {error}") from error


def _sweep(folder: Path) -> None:
    """Removes what processes left that were cut off."""
    for left in folder.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(OSError):
            newest_s = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if time.time() - newest_s > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
