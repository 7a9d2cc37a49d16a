"""Exports a model once for all who agree in its recipe, into the user's cache, and finds it there without torch."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..hardware import gpu_names
from ..runtime.session import Build, RuntimeUnavailable
from ..storage import cache_folder
from .exported_model import ExportedModel, ExportedModelError, Opener
from .networks import Networks
from .recipe import Recipe

log = logging.getLogger(__name__)

ON_CPU = ("openvino", "onnxruntime")
_PARTIAL = ".partial-"
_ABANDONED_S = 6 * 3600.0  # a partial folder that nobody has written to for so long: its process was cut off


def exported_folder() -> Path:
    """Where exported models lie, each in a folder that is called by its recipe's digest."""
    return cache_folder() / "photoreal"


def exported(recipe: Recipe, opener: Opener, folder: Path | None = None) -> ExportedModel:
    """The model of this recipe: found, or exported now from what `opener` loads on the CPU in f32.

    Two processes may both export it; whichever is done first has made it for both. RuntimeUnavailable where it cannot
    be made here.
    """
    folder = folder or exported_folder()
    place = folder / recipe.digest
    if place.is_dir():
        try:
            return ExportedModel.read(place, opener)
        except ExportedModelError as error:
            log.warning("%s; it is exported anew", error)
            _put_aside(place)
    _sweep(folder)
    log.warning("exporting the networks for %dx%d, once: a minute or two, and gigabytes", recipe.size, recipe.size)
    with _partial(folder) as partial:
        _export(recipe, opener, partial)
        _settle(partial, place)
    return ExportedModel.read(place, opener)


def candidates(gpus: Sequence[str] | None = None) -> tuple[Build, ...]:
    """What `--runtime auto` tries for photoreal characters, in this order."""
    on_gpu = ("tensorrt-rtx", "tensorrt", "pytorch-compile-f16")
    names = (*(on_gpu if (gpu_names() if gpus is None else gpus) else ()), "openvino")
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


def _export(recipe: Recipe, opener: Opener, folder: Path) -> None:
    try:
        from ..diffusion.arc2face.export import export
    except ImportError as error:
        raise RuntimeUnavailable(f"to export wants torch and onnx ({error}): pip install 'omote[photoreal]'") from error
    try:
        export(opener(), recipe, folder)
    except OSError as error:
        raise RuntimeUnavailable(f"the networks cannot be exported to {folder.parent} ({error}): make room") from error
    except ValueError as error:
        raise RuntimeUnavailable(f"the published weights cannot be exported: {error}") from error


@contextlib.contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """A folder of this process alone, gone afterwards unless it was settled."""
    partial = folder / f"{_PARTIAL}{os.getpid()}-{time.monotonic_ns()}"
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise RuntimeUnavailable(f"the networks cannot be exported to {folder} ({error}): make room") from error
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put_aside(damaged: Path) -> None:
    """Out of the way at once, and removed as far as nobody reads it: a half removed folder would never be replaced."""
    aside = damaged.with_name(f"{_PARTIAL}{os.getpid()}-{time.monotonic_ns()}")
    try:
        damaged.rename(aside)
    except FileNotFoundError:
        return  # another process was faster
    except OSError as error:
        raise RuntimeUnavailable(
            f"{damaged} is damaged and cannot be replaced ({error}): end what uses it, or remove it"
        ) from error
    shutil.rmtree(aside, ignore_errors=True)


def _settle(partial: Path, place: Path) -> None:
    """All of it at once; where another process was faster, its own stays."""
    try:
        partial.rename(place)
    except OSError as error:
        if not place.is_dir():
            raise RuntimeUnavailable(f"the networks cannot be kept in {place} ({error}): make room") from error


def _sweep(folder: Path) -> None:
    """Removes what processes left that were cut off."""
    for left in folder.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(OSError):
            newest_s = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if time.time() - newest_s > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
