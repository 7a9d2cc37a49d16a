"""Ships a run: the averaged network as ONNX with half-precision weights, and people as character files."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from omote import engine
from omote.engine.character import SUFFIX, save_character
from omote.engine.diffusion.denoiser import Denoiser, Shape
from omote.engine.diffusion.encoder import Completion, Encoder
from omote.engine.diffusion.flat import Flat
from omote.engine.face import atlas
from omote.engine.face.head import FILE as HEAD_FILE
from omote.engine.face.maps import CHANNELS
from omote.engine.nouns import Character
from omote.engine.runtime.network import Inputs

from . import checkpoint
from . import pack as packs
from .batches import references_of
from .faces.dataset import REFERENCE as PICTURE_AT_REST
from .layout import stride_unshuffles
from .model import Model
from .pack import Pack

INPUTS = tuple(field.name for field in fields(Inputs))
# What a runtime fixes when it compiles: how many pictures at once, and of which size. A map's side is half a picture's.
_BATCH = {0: "batch"}
OPEN_AXES: dict[str, dict[int, str]] = {
    **dict.fromkeys(INPUTS, _BATCH),
    "x": {**_BATCH, 2: "size", 3: "size"},
    "geometry": {**_BATCH, 2: "grid", 3: "grid"},
    "uv": {**_BATCH, 1: "grid", 2: "grid"},
    "denoised": {**_BATCH, 2: "size", 3: "size"},
}
SIZES = (128, 192, 256, 384, 512)  # a U-Net of one size draws those near it too; the model card says how well
_HALVED_FROM = 256  # smaller weights stay in single precision
LICENCE = "Apache-2.0"
MADE_FROM = (
    "A person who does not exist, rendered from MakeHuman (CC0), faceunits01 (CC0) and ICT-FaceKit (MIT) assets; "
    "person seed {seed}"
)


def example_inputs(shape: Shape, seed: int = 0) -> tuple[Tensor, ...]:
    """One set of random inputs in the order of `INPUTS`."""
    g = torch.Generator().manual_seed(seed)
    return (
        torch.randn(1, 4, shape.size, shape.size, generator=g),
        torch.ones(1),
        torch.randn(1, CHANNELS, shape.grid, shape.grid, generator=g),
        torch.rand(1, shape.grid, shape.grid, 2, generator=g) * 2 - 1,
        torch.randn(1, shape.texture, atlas.HEIGHT, atlas.WIDTH, generator=g),
        torch.randn(1, shape.face, generator=g),
        torch.randn(1, shape.light, generator=g),
        torch.randn(1, shape.identity, generator=g),
        torch.randn(1, shape.rows, shape.bank, generator=g),
        torch.ones(1, 1),
    )


def export_network(denoiser: Denoiser, path: Path) -> None:
    """Writes the denoiser as ONNX (opset 18) for any batch and size.

    Weights are in half precision, arithmetic in whatever the runtime chooses.
    """
    # Of two, because the exporter would take a batch of one for a number that never changes.
    two = tuple(torch.cat([part, part]) for part in example_inputs(denoiser.shape))
    _export(Flat(denoiser), two, path, INPUTS, ("denoised",), OPEN_AXES)


def export_encoder(encoder: Encoder, shape: Shape, path: Path) -> None:
    """Writes the identity encoder: picture and maps → identity, rows of the bank, attributes."""
    example = (torch.zeros(1, 3, shape.size, shape.size), torch.zeros(1, CHANNELS, shape.grid, shape.grid))
    _export(encoder, example, path, ("picture", "geometry"), ("identity", "rows", "attributes"))


def export_completion(completion: Completion, shape: Shape, path: Path) -> None:
    """Writes what completes a texture: lifted texels and identity → texture."""
    example = (torch.zeros(1, 4, atlas.HEIGHT, atlas.WIDTH), torch.zeros(1, shape.identity))
    _export(completion, example, path, ("lifted", "identity"), ("texture",))


def _export(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    open_axes: dict[str, dict[int, str]] | None = None,
) -> None:
    module = module.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    torch.onnx.export(
        module,
        example,
        str(path),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_axes=open_axes,
        opset_version=18,
        dynamo=False,
    )
    model = onnx.load(path)
    stride_unshuffles(model)
    halve(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def halve(model: onnx.ModelProto) -> None:
    """Stores large weights as float16 behind a Cast, which runtimes fold away when they load."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < _HALVED_FROM:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT, name=f"{name}.cast"))
    # Equal weights are stored once and copied: those copies too must come before whoever reads them.
    names = {tensor.name.removesuffix(".half") for tensor in graph.initializer}
    copies = [node for node in graph.node if node.op_type == "Identity" and node.input[0] in names]
    nodes = [*casts, *copies, *(node for node in graph.node if node not in copies)]
    del graph.node[:]
    graph.node.extend(nodes)


@dataclass(frozen=True)
class Run:
    """A finished run: its averaged model and the people that it knows by heart."""

    model: Model
    cast: Pack

    @classmethod
    def open(cls, start: Path, cast: Path) -> Run:
        """From a run's checkpoint, or from the parts that a GPU machine left."""
        pack = packs.read(cast)
        model = Model(Shape(size=pack.picture.shape[1]), pack.attributes.shape[1], pack.people)
        model.load_state_dict(checkpoint.averaged(start))
        return cls(model.eval(), pack)


def export_run(run: Run, out: Path, model: str, names: dict[str, int]) -> None:
    """Writes the networks, `networks.json` and the characters (name to person number of the cast's seed) to `out`."""
    (out / "characters").mkdir(parents=True, exist_ok=True)
    shape = run.model.shape
    network, encoder, completion = out / "denoiser.onnx", out / "encoder.onnx", out / "completion.onnx"
    export_network(run.model.denoiser, network)
    export_encoder(run.model.encoder, shape, encoder)
    export_completion(run.model.completion, shape, completion)
    row = _row(network, model) | {
        "size": shape.size,
        "sizes": list(SIZES),
        "texture": [shape.texture, atlas.HEIGHT, atlas.WIDTH],
        "identity": shape.identity,
        "bank_rows": shape.rows,
        "bank_width": shape.bank,
        "head": hashlib.sha256(HEAD_FILE.read_bytes()).hexdigest(),
    }
    listed = {"denoisers": [row], "encoder": _row(encoder, model), "completion": _row(completion, model)}
    (out / "networks.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    for person, name in enumerate(sorted(names, key=lambda name: names[name])):
        save_character(_character(run, person, name, model), out / "characters" / f"{name}{SUFFIX}")


def _row(file: Path, model: str) -> dict[str, object]:
    return {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "model": model}


@torch.no_grad()
def _character(run: Run, person: int, name: str, model: str) -> Character:
    """Someone of the cast, with the bank's rows of their picture at rest."""
    pack = run.cast
    rest = np.flatnonzero((pack.person == person) & (pack.kind == PICTURE_AT_REST))[:1]
    look, _ = run.model.look(references_of(pack, rest, "cpu", None), known=torch.tensor([person]))
    return Character(
        name=name,
        shape=pack.shape[person],
        identity=look.identity[0].numpy(),
        texture=look.texture[0].numpy(),
        bank=look.rows[0].numpy(),
        model=model,
        licence=LICENCE,
        made_from=MADE_FROM.format(seed=int(pack.seed[person])),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="a run's folder, or the parts of a GPU run")
    parser.add_argument("--cast-pack", type=Path, required=True, help="the pack of the people of the cast")
    parser.add_argument("--out", type=Path, default=Path(engine.__file__).parent / "weights")
    parser.add_argument("--model", required=True, help='version of the model, such as "open-s 2"')
    parser.add_argument(
        "--cast", type=Path, default=Path(__file__).with_name("cast.json"), help="name to person number"
    )
    args = parser.parse_args()
    names = json.loads(args.cast.read_text(encoding="utf-8"))
    export_run(Run.open(args.run, args.cast_pack), args.out, args.model, names)


if __name__ == "__main__":
    main()
