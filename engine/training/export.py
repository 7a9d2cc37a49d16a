"""Ships a run: the averaged network as ONNX with half-precision weights, and people as character files."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file
from torch import Tensor, nn

from omote import engine
from omote.engine.character import SUFFIX, save_character
from omote.engine.diffusion.denoiser import Condition, Denoiser, Shape
from omote.engine.face import atlas
from omote.engine.face.head import FILE as HEAD_FILE
from omote.engine.face.maps import CHANNELS
from omote.engine.nouns import Character

from . import pack as packs

INPUTS = ("x", "t", "geometry", "uv", "texture", "face", "light", "identity")
_HALVED_FROM = 256  # smaller weights stay in single precision
LICENCE = "Apache-2.0"
MADE_FROM = (
    "A person who does not exist, rendered from MakeHuman (CC0), faceunits01 (CC0) and ICT-FaceKit (MIT) assets; "
    "person seed {seed}"
)


class _Flat(nn.Module):
    """The denoiser with plain tensors for inputs, as ONNX wants them."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        geometry: Tensor,
        uv: Tensor,
        texture: Tensor,
        face: Tensor,
        light: Tensor,
        identity: Tensor,
    ) -> Tensor:
        denoised: Tensor = self.denoiser(x, t, Condition(geometry, uv, texture, face, light, identity))
        return denoised


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
    )


def export_network(denoiser: Denoiser, path: Path) -> None:
    """Writes the denoiser as ONNX (opset 18); weights in half precision, arithmetic in whatever the runtime chooses."""
    flat = _Flat(denoiser).eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    torch.onnx.export(
        flat,
        example_inputs(denoiser.shape),
        str(path),
        input_names=list(INPUTS),
        output_names=["denoised"],
        opset_version=18,
        dynamo=False,
    )
    model = onnx.load(path)
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
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def export_run(run: Path, pack_path: Path, out: Path, model: str, cast: dict[str, int]) -> None:
    """Writes the network, `networks.json` and the characters of `cast` (name to person number) under `out`."""
    pack = packs.read(pack_path)
    shape = Shape(size=pack.picture.shape[1])
    state = {
        k.removeprefix("ema."): v for k, v in load_file(run / "checkpoint.safetensors").items() if k.startswith("ema.")
    }
    denoiser = Denoiser(shape)
    denoiser.load_state_dict({k.removeprefix("denoiser."): v for k, v in state.items() if k.startswith("denoiser.")})
    (out / "characters").mkdir(parents=True, exist_ok=True)
    file = out / f"denoiser_{shape.size}.onnx"
    export_network(denoiser, file)
    row = {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "size": shape.size,
        "model": model,
        "texture": [shape.texture, atlas.HEIGHT, atlas.WIDTH],
        "identity": shape.identity,
        "bank_rows": 0,
        "head": hashlib.sha256(HEAD_FILE.read_bytes()).hexdigest(),
    }
    (out / "networks.json").write_text(json.dumps([row], indent=2) + "\n", encoding="utf-8")
    for name, person in cast.items():
        character = Character(
            name=name,
            shape=pack.shape[person],
            identity=state["people.identity"][person].numpy(),
            texture=(state["people.common"] + state["people.texture"][person]).numpy(),
            bank=np.zeros((0, 0), np.float32),
            model=model,
            licence=LICENCE,
            made_from=MADE_FROM.format(seed=int(pack.seed[person])),
        )
        save_character(character, out / "characters" / f"{name}{SUFFIX}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(engine.__file__).parent / "weights")
    parser.add_argument("--model", required=True, help='version of the model, such as "open-s 1"')
    parser.add_argument("--cast", type=Path, required=True, help="JSON: character name to person number")
    args = parser.parse_args()
    export_run(args.run, args.pack, args.out, args.model, json.loads(args.cast.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
