"""TAESD's decoder against diffusers' own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file, save_file
from torch import Tensor

from omote.engine.diffusion.arc2face.loading import load_tiny_decoder
from omote.engine.diffusion.arc2face.taesd import TinyDecoder

torch.set_num_threads(1)

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def decoder(published: Path) -> TinyDecoder:
    return load_tiny_decoder(published / "taesd")


@pytest.fixture(scope="module")
def theirs(published: Path) -> Any:
    return AutoencoderTiny.from_pretrained(published / "taesd").eval()


@pytest.fixture(scope="module")
def original(published: Path) -> dict[str, Tensor]:
    """The decoder under the original's names: a plain sequence in which the first layer, without weights, counts."""
    prefix = "decoder.layers."
    state = load_file(published / "taesd" / WEIGHTS)
    mine = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    return {f"{int(name.split('.')[0]) + 1}.{name.split('.', 1)[1]}": value for name, value in mine.items()}


def random(*shape: int) -> Tensor:
    return 2.0 * torch.randn(shape, generator=torch.Generator().manual_seed(0))


def video(original: dict[str, Tensor], reads: float) -> dict[str, Tensor]:
    """The same decoder with a memory, to which each block's first convolution listens so strongly."""
    wide = {
        name: torch.cat([value, reads * value.flip(0)], 1) if name.endswith("conv.0.weight") else value
        for name, value in original.items()
    }
    return {f"decoder.{name}": value for name, value in wide.items()} | {"encoder.0.weight": torch.zeros(8, 3, 3, 3)}


def test_pixels_are_those_of_diffusers(decoder: TinyDecoder, theirs: Any) -> None:
    latents = random(2, 4, 6, 4)
    with torch.no_grad():
        wanted = theirs.decode(latents / theirs.config.scaling_factor).sample
    found = decoder(latents)
    assert found.shape == (2, 3, 48, 32)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_the_original_file_decodes_alike(decoder: TinyDecoder, original: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(original, tmp_path / "taesd_decoder.safetensors")
    torch.save(original, tmp_path / "taesd_decoder.pth")
    latents = random(1, 4, 2, 2)
    for path in tmp_path.iterdir():
        assert torch.equal(load_tiny_decoder(path)(latents), decoder(latents))


def test_a_decoder_with_a_memory_is_refused(published: Path, original: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(video(original, 0.0), tmp_path / "taesdv.safetensors")
    with pytest.raises(ValueError, match="TAESDV"):
        load_tiny_decoder(tmp_path / "taesdv.safetensors")


def test_a_tiny_decoder_of_another_shape_is_refused_by_the_key(published: Path, tmp_path: Path) -> None:
    config = json.loads((published / "taesd" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_decoder_blocks": [3, 3, 3, 3]}))
    with pytest.raises(ValueError, match=r"num_decoder_blocks = \[3, 3, 3, 3\]; wanted \[3, 3, 3, 1\]"):
        load_tiny_decoder(tmp_path)


def test_a_file_without_such_a_decoder_is_refused(published: Path) -> None:
    with pytest.raises(ValueError, match="holds no decoder of TAESD's kind"):
        load_tiny_decoder(published / "vae" / WEIGHTS)
