"""Exported networks: any runtime opens them without torch, and each is compared with its reference outputs."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ..data import PhotorealCharacter
from ..hardware import ResultCache, gpu_names, machine_facts
from ..models import sha256_of
from ..runtime.dispatch import open_session
from ..runtime.session import AUTO, Array, Build, ExportedGraph, OutputSpec, RuntimeUnavailable, Session, Shapes
from .sampling import Plans, plans_as_json, plans_of_json

FORMAT = "omote exported 2"  # a new name exports all graphs anew
EXPRESSION, UNET, DECODER = GRAPHS = ("expression", "unet", "decoder")
MODEL_FILE, REFERENCE_FILE = "model.json", "reference.safetensors"
ON_CPU = ("openvino", "onnxruntime")
BANK = ("key_", "value_", "bias_")  # prefixes of the UNet's inputs that hold a bank
EVERY_PICTURE = ("x", "t", "expression")  # inputs of the UNet that change at each call
SLOTS = 4  # pictures in the reference; they differ in everything but the bank
TIMESTEPS = (999.0, 759.0, 499.0, 259.0)
# The least ratio of output to error, in dB, for each precision. Measured with random weights: 105 dB for OpenVINO's
# f32 at full size; on tiny networks 61 dB for f16 (emulated on a CPU) and 34 dB for bf16.
BOUNDS_DB: Mapping[str, float] = {"f32": 60.0, "f16": 34.0, "bf16": 24.0}
_SAME_DB = 150.0
_EXACT = Build("openvino", "f32")

OpenEager = Callable[[str, ExportedGraph, Build], Session]  # runs a graph's own module by PyTorch
Length = int | None  # None: the number of pictures at once


@dataclass(frozen=True)
class Recipe:
    """What is fixed in the graphs. The identity, the number of pictures at once and the precision are not."""

    model: str  # digest of the weights, as characters name it
    sampler: str  # "lcm", "tcd" or "student": the LoRA that is fused
    size: int  # pixels on a side
    bank: tuple[int, ...] = ()  # number of bank rows for each block

    @classmethod
    def of(cls, character: PhotorealCharacter) -> Self:
        """The recipe for this character."""
        return cls(character.model, character.sampler, character.size, tuple(map(len, character.bank.keys)))

    @property
    def digest(self) -> str:
        """The name of the folder that holds the graphs."""
        return hashlib.sha256(json.dumps([FORMAT, asdict(self)], sort_keys=True).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Graph:
    """One graph, as described in model.json."""

    file: str
    sha256: str  # of the graph and of the weights beside it
    files: tuple[str, ...]  # names of these files
    inputs: Mapping[str, tuple[Length, ...]]  # in the graph's order
    standing: tuple[str, ...]  # inputs that stay the same from picture to picture
    output: str
    output_shape: tuple[Length, ...]
    output_type: str

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Self:
        """Parses JSON; raises KeyError, TypeError, ValueError or AttributeError on anything else."""
        inputs = {name: _shape(shape) for name, shape in described["inputs"].items()}
        found = cls(**{**described, "inputs": inputs, "output_shape": _shape(described["output_shape"])})
        if not set(found.standing) <= set(inputs) or found.output_type not in ("float32", "uint8"):
            raise ValueError("its standing inputs or its output belong to another graph")
        if any(Path(name).name != name for name in (found.file, *found.files)):
            raise ValueError("it names files outside its folder")
        return found


@dataclass(frozen=True)
class Networks:
    """The three networks, opened. One UNet call takes B pictures of S pixels on a side; h is S / 8."""

    expression: Session  # vector [1,55] -> tokens [1,n,D]
    unet: Session  # x [B,4,h,h], t [B], tokens [B,77,D], expression [B,n,D], scale [16] and a bank -> eps [B,4,h,h]
    decoder: Session  # latents [1,4,h,h] -> pixels [1,S,S,3] uint8
    shapes: Shapes  # of the UNet's inputs
    model: str  # digest of the weights, as characters name it
    plans: Plans  # the sampler's steps

    @property
    def batch(self) -> int:
        return self.shapes["x"][0]

    @property
    def size(self) -> int:
        """Pixels on a side."""
        return 8 * self.shapes["x"][-1]

    @property
    def name(self) -> str:
        """The runtime of the UNet, which takes most of the time."""
        return self.unet.name


class ExportedModelError(Exception):
    """A folder holds no exported model, or a damaged one. The message names the cure."""


@dataclass(frozen=True)
class ExportedModel:
    """Three graphs in a folder."""

    folder: Path
    recipe: Recipe
    graphs: Mapping[str, Graph]  # by the names in `GRAPHS`
    plans: Plans
    open_eager: OpenEager | None = field(default=None, compare=False)  # None where PyTorch cannot run them

    @classmethod
    def read(cls, folder: Path, open_eager: OpenEager | None = None) -> Self:
        """Reads the model in this folder; ExportedModelError unless it is complete and unchanged."""
        try:
            described = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
            if described["format"] != FORMAT:
                raise ValueError(f'its format is "{described["format"]}", expected "{FORMAT}"')
            graphs = {name: Graph.read(described["graphs"][name]) for name in GRAPHS}
            recipe = Recipe(**{**described["recipe"], "bank": tuple(described["recipe"]["bank"])})
            for graph in graphs.values():
                if sha256_of(*(folder / name for name in graph.files)) != graph.sha256:
                    raise ValueError(f"{graph.file} has changed since it was written")
            if set(load_file(folder / REFERENCE_FILE)) != set(GRAPHS):
                raise ValueError(f"{REFERENCE_FILE} belongs to other graphs")
            return cls(folder, recipe, graphs, plans_of_json(described["plans"]), open_eager)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, SafetensorError) as error:
            raise ExportedModelError(f"{folder} holds no exported model ({error}): omote compile --again") from error

    def write(self) -> None:
        """Writes model.json."""
        described = {
            "format": FORMAT,
            "recipe": asdict(self.recipe),
            "plans": plans_as_json(self.plans),
            "graphs": {name: asdict(graph) for name, graph in self.graphs.items()},
        }
        (self.folder / MODEL_FILE).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")

    def graph(self, name: str, batch: int = 1) -> ExportedGraph:
        """One of `GRAPHS`. Only the UNet takes a batch; the others take one picture at a time."""
        graph = self.graphs[name]
        shapes = {one: _fixed(shape, batch) for one, shape in graph.inputs.items()}
        output = {graph.output: OutputSpec(_fixed(graph.output_shape, batch), graph.output_type)}
        return ExportedGraph(self.folder / graph.file, graph.sha256, shapes, output, frozenset(graph.standing))

    def networks(self, build: Build, batch: int = 1) -> Networks:
        """All three, compared with their reference; RuntimeUnavailable gives the reason and the cure.

        The expression network is tiny and always runs on the CPU.
        """
        parts = (self.session(EXPRESSION, _EXACT), self.session(UNET, build, batch), self.session(DECODER, build))
        return Networks(*parts, self.graph(UNET, batch).shapes, self.recipe.model, self.plans)

    def session(self, name: str, build: Build, batch: int = 1) -> Session:
        """One of `GRAPHS`, opened. It is compared with its reference once; the result is cached."""
        session = self._opened(name, build, batch)
        graph, kept = self.graphs[name].sha256, ResultCache()
        case = {"question": "photoreal parity", "graph": graph, "name": session.name, "build": [build.name, batch]}
        facts: dict[str, object] = {**case, **machine_facts()}
        found_db = (kept.get(facts) or {}).get("db")
        if not isinstance(found_db, float):
            found_db = self.measured_db(session, name, batch)
            kept.put(facts, {"db": found_db})
        if not found_db >= (least := BOUNDS_DB[precision_of(session)]):
            raise RuntimeUnavailable(
                f"{session.name} computes {self.graphs[name].output} differently from the reference: {found_db:.1f} dB "
                f"above the error, expected {least:g} dB; choose --runtime openvino-f32"
            )
        return session

    def measured_db(self, session: Session, name: str, batch: int = 1) -> float:
        """The output of one run over its difference from PyTorch's f32 output at export time, in dB."""
        graph = self.graph(name, batch)
        ((output, made),) = graph.outputs.items()
        stored = load_file(self.folder / REFERENCE_FILE)[name]
        expected = stored[np.arange(made.shape[0]) % len(stored)]
        return above_error_db(session.run(reference_inputs(graph.shapes))[output], expected)

    def _opened(self, name: str, build: Build, batch: int) -> Session:
        graph = self.graph(name, batch)
        if not build.runtime.startswith("pytorch"):
            return open_session(graph, build)
        if self.open_eager is None:
            raise RuntimeUnavailable(
                "PyTorch needs the published weights, which are missing: choose --runtime openvino"
            )
        return self.open_eager(name, graph, build)


def _shape(lengths: Sequence[Length]) -> tuple[Length, ...]:
    if not all(length is None or (type(length) is int and length > 0) for length in lengths):
        raise ValueError(f"a shape must be a list of numbers from 1, got {lengths!r}")
    return tuple(lengths)


def _fixed(shape: tuple[Length, ...], batch: int) -> tuple[int, ...]:
    return tuple(batch if length is None else length for length in shape)


def reference_inputs(shapes: Shapes) -> dict[str, Array]:
    """Random inputs that are the same on every machine: NumPy guarantees the stream of RandomState."""
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


def above_error_db(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """The expected output over the error of the one found, in dB, for the picture where this is lowest."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("-inf")
    axes = tuple(range(1, expected.ndim))
    exact = expected.astype(np.float64)
    error = np.square(found - exact).mean(axes)
    power = np.square(exact - exact.mean(axes, keepdims=True)).mean(axes)
    return float((10.0 * np.log10(power / (error + power * 10.0 ** (-_SAME_DB / 10.0)))).min())


def precision_of(session: Session) -> str:
    """The precision in a session's name, such as "openvino cpu bf16"."""
    return next((word for word in reversed(session.name.split()) if word in BOUNDS_DB), "f32")


def candidates(runtime: str = AUTO, gpus: Sequence[str] | None = None) -> tuple[Build, ...]:
    """The builds that `--runtime` tries, in this order. "auto" ends with f32, which is exact."""
    if runtime != AUTO:
        return (Build.named(runtime),)
    on_gpu = ("tensorrt-rtx", "tensorrt", "pytorch-compile-f16")
    names = (*(on_gpu if (gpu_names() if gpus is None else gpus) else ()), "openvino", "openvino-f32")
    return tuple(Build.named(name) for name in names)


def first_networks(
    model: ExportedModel, builds: Sequence[Build], gpu_batch: int = 1
) -> tuple[Networks, tuple[str, ...]]:
    """The first build that opens and passes the comparison, and one line for each build refused before it.

    A build on a GPU takes `gpu_batch` pictures at once, a build on a CPU takes one.
    """
    refusals: list[str] = []
    for build in builds:
        try:
            return model.networks(build, 1 if build.runtime in ON_CPU else gpu_batch), tuple(refusals)
        except RuntimeUnavailable as error:
            refusals.append(f"{build.name}: {' '.join(str(error).split())}")
    raise RuntimeUnavailable("; ".join(refusals) or "no runtime was given")
