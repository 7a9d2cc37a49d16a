"""Averaged weights in files small enough to travel: half precision, textures in 8 bits, 16 MiB at most each."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

MAX_BYTES = 16 * 1000 * 1000
_TEXTURE = "cast.texture"
_SCALE = ".scale"
_FILES = "weights-*.safetensors"


def write(state: dict[str, Tensor], folder: Path) -> list[Path]:
    """Writes a model's weights as `weights-00.safetensors` and so on, in place of earlier ones; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob(_FILES):
        earlier.unlink()
    small: dict[str, Tensor] = {}
    for name, value in state.items():
        if name == _TEXTURE:
            for person, texture in enumerate(value.float().cpu()):
                scale = texture.abs().amax((1, 2), keepdim=True).clamp_min(1e-8) / 127.0
                small[f"{name}.{person:04d}"] = (texture / scale).round().to(torch.int8)
                small[f"{name}.{person:04d}{_SCALE}"] = scale
        else:
            small[name] = value.half().cpu().contiguous() if value.is_floating_point() else value.cpu()
    files: list[Path] = []
    batch: dict[str, Tensor] = {}
    for name, value in small.items():
        if batch and _bytes(batch) + value.nbytes > MAX_BYTES:
            files.append(_flush(batch, folder, len(files)))
            batch = {}
        batch[name] = value
    files.append(_flush(batch, folder, len(files)))
    return files


def read(folder: Path) -> dict[str, Tensor]:
    """The weights that `write` left in this folder, in single precision; FileNotFoundError where there are none."""
    files = sorted(folder.glob(_FILES))
    if not files:
        raise FileNotFoundError(f"no {_FILES} in {folder}")
    small: dict[str, Tensor] = {}
    for file in files:
        small |= load_file(file)
    state = {k: v.float() for k, v in small.items() if not k.startswith(f"{_TEXTURE}.")}
    people = sorted(k for k in small if k.startswith(f"{_TEXTURE}.") and not k.endswith(_SCALE))
    if people:
        state[_TEXTURE] = torch.stack([small[k].float() * small[k + _SCALE] for k in people])
    return state


def _bytes(batch: dict[str, Tensor]) -> int:
    return sum(value.nbytes for value in batch.values())


def _flush(batch: dict[str, Tensor], folder: Path, number: int) -> Path:
    path = folder / f"weights-{number:02d}.safetensors"
    save_file(batch, path)
    return path
