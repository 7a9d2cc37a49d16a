"""The exported networks of a photoreal character's kind in a folder, read back and opened without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from safetensors import SafetensorError, safe_open

from omote.bridge.errors import OmoteError

from ..runtime.dispatch import open_session
from ..runtime.session import Build, ExportedGraph, OutputSpec, RuntimeUnavailable, Session
from .networks import Networks
from .recipe import FORMAT, Recipe

if TYPE_CHECKING:
    from ..diffusion.arc2face.pipeline import Arc2Face

EXPRESSION, UNET, DECODER = GRAPHS = ("expression", "unet", "decoder")
MODEL_FILE, REFERENCE_FILE = "model.json", "reference.safetensors"
_CHUNK = 1 << 24
_ON_CPU = Build("openvino", "f32")  # the expression's few numbers: sooner there than on their way to a GPU
Opener = Callable[[], "Arc2Face"]
Length = int | None  # None is how many pictures there are at once


class ExportedModelError(OmoteError):
    """A folder holds no exported model, or a damaged one; the message says what is wrong, and the cure."""


@dataclass(frozen=True)
class GraphFile:
    """What is said in model.json about one graph."""

    file: str
    sha256: str  # of the graph and of its weights where they lie beside it
    sizes: Mapping[str, int]  # bytes of these files
    inputs: Mapping[str, tuple[Length, ...]]  # in the graph's order
    standing: tuple[str, ...]
    output: str
    output_shape: tuple[Length, ...]
    output_type: str

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Of JSON; KeyError, TypeError, ValueError or AttributeError where it is something else."""
        inputs = {str(name): _shape(shape) for name, shape in told["inputs"].items()}
        standing = tuple(str(name) for name in told["standing"])
        sizes = {str(name): int(size) for name, size in told["sizes"].items()}
        if not set(standing) <= set(inputs) or told["output_type"] not in ("float32", "uint8"):
            raise ValueError("its standing inputs or its output are of another graph")
        if any(Path(name).name != name for name in (str(told["file"]), *sizes)):
            raise ValueError("its files lie elsewhere")
        shape = _shape(told["output_shape"])
        return cls(
            str(told["file"]), str(told["sha256"]), sizes, inputs, standing, str(told["output"]), shape,
            str(told["output_type"]),
        )  # fmt: skip

    def of(self, folder: Path, batch: int) -> ExportedGraph:
        """For so many pictures at once."""
        shapes = {name: _fixed(shape, batch) for name, shape in self.inputs.items()}
        shape = _fixed(self.output_shape, batch)
        return ExportedGraph(
            folder / self.file,
            self.sha256,
            shapes,
            {self.output: OutputSpec(shape, self.output_type)},
            frozenset(self.standing),
        )


@dataclass(frozen=True)
class ExportedModel:
    """Three graphs in a folder; `opener` loads the weights themselves, where PyTorch is to run them."""

    folder: Path
    recipe: Recipe
    graphs: Mapping[str, GraphFile]  # by the names in `GRAPHS`
    opener: Opener | None = field(default=None, compare=False)

    @classmethod
    def read(cls, folder: Path, opener: Opener | None = None) -> Self:
        """What was written to this folder; ExportedModelError unless all of it is there."""
        try:
            told = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
            if told["format"] != FORMAT:
                raise ValueError(f'its format is "{told["format"]}", wanted "{FORMAT}"')
            graphs = {name: GraphFile.read(told["graphs"][name]) for name in GRAPHS}
            found = cls(folder, Recipe.read(told["recipe"]), graphs, opener)
            found._require_files()
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ExportedModelError(f"{folder} holds no exported model ({error}): omote compile --again") from error
        return found

    def write(self) -> None:
        """Says in model.json what lies in the folder."""
        told = {
            "format": FORMAT,
            "recipe": asdict(self.recipe),
            "graphs": {name: asdict(graph) for name, graph in self.graphs.items()},
        }
        (self.folder / MODEL_FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

    def graph(self, name: str, batch: int = 1) -> ExportedGraph:
        """One of `GRAPHS`; the batch is the UNet's alone, the others take one at a time."""
        return self.graphs[name].of(self.folder, batch)

    def expression(self) -> Session:
        """vector [1,55] → tokens [1,n,D]; on the CPU whatever runs the rest."""
        return self._opened(EXPRESSION, _ON_CPU)

    def unet(self, build: Build, batch: int = 1) -> Session:
        """x [B,4,h,h], t [B], tokens, expression, scale, bank → eps [B,4,h,h] for so many pictures at once."""
        return self._opened(UNET, build, batch)

    def decoder(self, build: Build) -> Session:
        """latents [1,4,h,h] → pixels [1,S,S,3], levels of uint8."""
        return self._opened(DECODER, build)

    def networks(self, build: Build, batch: int = 1) -> Networks:
        """All three, seen to compute what the reference does; RuntimeUnavailable says why not, and the cure.

        The UNet takes so many pictures at once.
        """
        shapes = self.graph(UNET, batch).shapes
        return Networks(self.expression(), self.unet(build, batch), self.decoder(build), shapes, self.recipe.model)

    def _opened(self, name: str, build: Build, batch: int = 1) -> Session:
        from .graph_parity import require

        session = self._session(name, build, batch)
        require(session, self, name, build, batch)
        return session

    def _session(self, name: str, build: Build, batch: int) -> Session:
        graph = self.graph(name, batch)
        if not build.runtime.startswith("pytorch"):
            return open_session(graph, build)
        if self.opener is None:
            raise RuntimeUnavailable("PyTorch runs the published weights, and none are here: choose --runtime openvino")
        try:
            from ..diffusion.arc2face.eager import open_eager
        except ImportError as error:
            raise RuntimeUnavailable(f"PyTorch cannot be loaded ({error}): pip install 'omote[photoreal]'") from error
        return open_eager(self.opener(), name, graph, build)

    def _require_files(self) -> None:
        for graph in self.graphs.values():
            for name, size in graph.sizes.items():
                found = (self.folder / name).stat().st_size
                if found != size:
                    raise ValueError(f"{name} has {found} bytes, wanted {size}")
            if sha256_of([self.folder / name for name in graph.sizes]) != graph.sha256:
                raise ValueError(f"{graph.file} holds other bytes than were written")
        try:
            with safe_open(self.folder / REFERENCE_FILE, "np") as reference:
                known = set(reference.keys())
        except SafetensorError as error:
            raise ValueError(f"{REFERENCE_FILE} is damaged: {error}") from error
        if known != set(GRAPHS):
            raise ValueError(f"{REFERENCE_FILE} holds {', '.join(sorted(known))}, wanted {', '.join(GRAPHS)}")


def sha256_of(files: Sequence[Path]) -> str:
    """Of their bytes one after the other; seconds, where they are gigabytes."""
    found = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                found.update(chunk)
    return found.hexdigest()


def _shape(told: object) -> tuple[Length, ...]:
    lengths = told if isinstance(told, list) else [told]
    if not all(length is None or (type(length) is int and length > 0) for length in lengths):
        raise ValueError(f"a shape must be a list of numbers from 1, got {told!r}")
    return tuple(lengths)


def _fixed(shape: tuple[Length, ...], batch: int) -> tuple[int, ...]:
    return tuple(batch if length is None else length for length in shape)
