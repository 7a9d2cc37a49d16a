"""Pickled weights, opened without running what may be hidden in them, and kept as safetensors from then on."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ...storage import atomic_write, cache_folder

log = logging.getLogger(__name__)

_DEEPEST = 3  # names within names; the published files have two
_KINDS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.int32})


def read_pickle(path: Path) -> dict[str, Tensor]:
    """The tensors of a file that `torch.save` wrote, names within names joined by dots.

    They are kept as safetensors in the user's cache, named by the pickle's sha256, and read from there the next time
    unless they have changed. ValueError where the file holds anything but tensors: nothing in it is ever called.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    kept = cache_folder() / "converted" / f"{sha256}.safetensors"
    found = _verified(kept)
    if found is None:
        found = _opened(path)
        _keep(found, kept)
    return found


def _verified(kept: Path) -> dict[str, Tensor] | None:
    """What was kept; None where it is not there or not as it was written."""
    try:
        with safe_open(kept, "pt") as file:
            said = (file.metadata() or {}).get("digest")
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError) as error:
        log.warning("%s is damaged (%s); it is made anew", kept, error)
        return None
    if said == _digest(found):
        return found
    log.warning("%s is not what was written; it is made anew", kept)
    return None


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """The sha256 of all numbers with their names and shapes."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        found.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _opened(path: Path) -> dict[str, Tensor]:
    try:
        # Of a zip, which is what torch writes since 2020, the numbers are read where they are wanted.
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a damaged pickle raises whatever its instructions run into
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{path} must be a file of tensors alone, as torch.save writes it, and is not opened: {reason}"
        ) from error
    tensors = dict(_named(found, path, ()))
    said = sum(value.numel() * value.element_size() for value in tensors.values())
    if said > path.stat().st_size:
        raise ValueError(f"{path} claims {said} bytes of numbers in {path.stat().st_size}: it is no file of weights")
    return {name: value.detach().contiguous() for name, value in tensors.items()}


def _named(found: object, path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Tensor]]:
    where = ".".join(names) or "its top"
    if names and isinstance(found, Tensor):
        if type(found) not in (Tensor, nn.Parameter) or found.layout != torch.strided or found.dtype not in _KINDS:
            raise ValueError(f"{path} must hold plain tensors of numbers, got {found.dtype} {found.layout} at {where}")
        yield where, found
    elif isinstance(found, Mapping) and len(names) < _DEEPEST and all(isinstance(name, str) for name in found):
        for name, value in found.items():
            yield from _named(value, path, (*names, name))
    else:
        raise ValueError(f"{path} must hold tensors by name, got {type(found).__name__} at {where}")


def _keep(tensors: Mapping[str, Tensor], kept: Path) -> None:
    """Writes all of it or nothing; where it cannot, the pickle is simply opened again the next time."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(kept) as partial:
            save_file(_apart(tensors), partial, {"digest": _digest(tensors)})
    except (SafetensorError, OSError) as error:
        log.warning("cannot keep %s (%s)", kept, error)


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights that share their memory, or a part of it, are written twice: safetensors refuses them otherwise."""
    seen: set[int] = set()
    apart: dict[str, Tensor] = {}
    for name, value in tensors.items():
        place = value.untyped_storage().data_ptr()
        apart[name] = value.clone() if place in seen else value
        seen.add(place)
    return apart
