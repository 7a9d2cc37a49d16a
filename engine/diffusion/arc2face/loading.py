"""Loads the published models from their folders: what a file holds must be exactly what its config.json promises."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from .clip import TextEncoder, TextShape
from .config import Config
from .taesd import TinyDecoder
from .tensors import read_tensors
from .unet import UNet
from .unet_shape import UNetShape
from .vae import Vae, VaeShape, of_today

CONFIG = "config.json"
_DIFFUSERS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
_TRANSFORMERS = ("model.safetensors", "pytorch_model.bin")
_TEXT_PREFIX = "text_model."
_POSITION_IDS = "embeddings.position_ids"  # 0 to 76, which older transformers wrote along
_TINY: Mapping[str, object] = {
    "act_fn": "relu",
    "in_channels": 3,
    "out_channels": 3,
    "upsample_fn": "nearest",
    "upsampling_scaling_factor": 2,
    "num_decoder_blocks": [3, 3, 3, 1],
    "scaling_factor": 1.0,
    "shift_factor": 0.0,
}

Model = TypeVar("Model", bound=nn.Module)
Tensors = dict[str, Tensor]


def load_unet(folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> UNet:
    """The UNet of a folder, in the file's precision unless `dtype` says otherwise.

    As for every model here: FileNotFoundError names the file that is missing; ValueError names the file and the key
    that are not as they must be. Weights that keep their precision are mapped, not read: they take memory as they are
    used.
    """
    config = Config.read(folder / CONFIG)
    try:
        shape = UNetShape.of_config(config.values)
    except ValueError as error:
        raise ValueError(f"{config.path}: {error}") from error
    path = _weights(folder, _DIFFUSERS)
    with torch.device("meta"):
        unet = UNet(shape)
    return _filled(unet, read_tensors(path), path, device, dtype)


def load_text_encoder(
    folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> TextEncoder:
    """The text encoder of a folder, as transformers of any version wrote it."""
    shape = TextShape.of_config(Config.read(folder / CONFIG))
    path = _weights(folder, _TRANSFORMERS)
    tensors = {name.removeprefix(_TEXT_PREFIX): value for name, value in read_tensors(path).items()}
    tensors.pop(_POSITION_IDS, None)
    with torch.device("meta"):
        encoder = TextEncoder(shape)
    return _filled(encoder, tensors, path, device, dtype)


def load_vae(folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Vae:
    """The full autoencoder of a folder, under the names of today or of 2022."""
    shape = VaeShape.of_config(Config.read(folder / CONFIG))
    path = _weights(folder, _DIFFUSERS)
    tensors = {of_today(name): value for name, value in read_tensors(path).items()}
    with torch.device("meta"):
        vae = Vae(shape)
    return _filled(vae, tensors, path, device, dtype)


def load_tiny_decoder(
    path: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> TinyDecoder:
    """TAESD's decoder, of a diffusers folder or of the original's one file; ValueError for TAESDV's."""
    file, tensors, (width, read, latent) = _tiny(path)
    if read != width:
        raise ValueError(f"{file} is a decoder with a memory of the picture before (TAESDV); wanted TAESD's")
    with torch.device("meta"):
        decoder = TinyDecoder(width, latent)
    return _filled(decoder, tensors, file, device, dtype)


def _weights(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder} holds no weights: put {' or '.join(names)} there")


def _tiny(path: Path) -> tuple[Path, Tensors, tuple[int, int, int]]:
    """The file, its decoder's tensors, and their sizes: channels, channels that a block reads, the latent's."""
    if path.is_dir():
        Config.read(path / CONFIG).only(_TINY)
        path = _weights(path, _DIFFUSERS)
    found = read_tensors(path)
    tensors = {_tiny_name(name): value for name, value in found.items() if not name.startswith("encoder.")}
    first, block = tensors.get("layers.1.weight"), tensors.get("layers.3.conv.0.weight")
    if first is None or block is None or first.ndim != 4 or block.ndim != 4:
        raise ValueError(f"{path} holds no decoder of TAESD's kind: its first tensor is {min(found, default='none')}")
    return path, tensors, (first.shape[0], block.shape[1], first.shape[1])


def _tiny_name(name: str) -> str:
    """Under the original's numbers; diffusers counts from the first convolution, which is the original's second."""
    diffusers = "decoder.layers."
    if name.startswith(diffusers):
        number, _, rest = name.removeprefix(diffusers).partition(".")
        return f"layers.{int(number) + 1 if number.isdecimal() else number}.{rest}"
    return f"layers.{name.removeprefix('decoder.')}"


def _filled(model: Model, tensors: Tensors, path: Path, device: torch.device | str, dtype: torch.dtype | None) -> Model:
    """The model, built without memory of its own, with these tensors as its weights; for drawing, not for training."""
    _check(model, tensors, path)
    for name, value in tensors.items():  # one after the other: no more than one stands in memory twice
        tensors[name] = value.to(device=device, dtype=dtype or value.dtype)
    model.load_state_dict(tensors, assign=True)
    return model.eval().requires_grad_(False)


def _check(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    wanted = model.state_dict()
    kind = type(model).__name__
    if missing := [name for name in wanted if name not in tensors]:
        raise ValueError(f"{path} lacks {len(missing)} of {len(wanted)} tensors of a {kind}, the first is {missing[0]}")
    if strange := sorted(tensors.keys() - wanted.keys()):
        raise ValueError(f"{path} has {len(strange)} tensors that no {kind} has, the first is {strange[0]}")
    for name, value in tensors.items():
        if value.shape != wanted[name].shape or not value.is_floating_point():
            found, right = f"{value.dtype} {list(value.shape)}", list(wanted[name].shape)
            raise ValueError(f"{path} has {name} as {found}; its {CONFIG} wants floats {right}")
