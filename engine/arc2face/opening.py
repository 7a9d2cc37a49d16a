"""Opens published weights, exports what draws a character from them, and opens renderers."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..data import PhotorealCharacter
from ..errors import AnimatorError
from ..face.flame_map import the_map
from ..hardware import gpu_names
from ..model.kinds import Opened, Settings
from ..runtime.session import Build, ExportedGraph, RuntimeUnavailable, Session
from ..storage import cache_folder
from ..tensor_file import CharacterError
from .files import ALIKE, Published, published, require_commercial
from .networks import ExportedModel, ExportedModelError, Recipe, candidates
from .renderer import Options, open_renderer

if TYPE_CHECKING:
    from .pipeline import Arc2Face
    from .sampling import FewStep

log = logging.getLogger(__name__)

EXTRA = "pip install 'omote[photoreal]'"
_PARTIAL, _ABANDONED_S = ".partial-", 6 * 3600.0  # folders of interrupted exports are removed after this time

OpenWeights = Callable[[], "Arc2Face"]


def the_fastest_place() -> tuple[Any, Any]:
    """The fastest device and its precision; CharacterError if PyTorch is missing."""
    try:
        from .pipeline import fastest_place
    except ImportError as error:
        raise CharacterError(f"photoreal pictures need PyTorch and diffusers ({error}): {EXTRA}") from error
    return fastest_place()


def open_character(character: PhotorealCharacter, settings: Settings) -> Opened:
    """A renderer for this character; ValueError or ModelError if the settings, weights or runtimes do not allow it."""
    options = Options(settings.steps, settings.guidance, settings.expression_scale)
    options.check(character, settings.size)
    try:
        builds = candidates(settings.runtime)
    except ValueError as error:
        raise AnimatorError(str(error)) from error
    require_commercial(character.parts, settings.allow_noncommercial)
    to_flame = the_map(settings.flame_map).flame
    batch = settings.steps if settings.is_live and gpu_names() else 1
    return Opened(*open_renderer(model_of(character, settings), options, builds, to_flame, gpu_batch=batch))


def open_weights(
    files: Published,
    sampler: str | None,
    reference_scale: float,
    *,
    device: Any = "cpu",
    dtype: Any = None,
    has_pose: bool = False,
) -> Arc2Face:
    """The published weights in float32, with this sampler's LoRA; None is for sampling in many steps.

    `has_pose` loads the ControlNet too.

    CharacterError if PyTorch is missing or a file is damaged.
    """
    try:
        from .pipeline import open_arc2face
    except ImportError as error:
        raise CharacterError(f"photoreal characters need PyTorch and diffusers ({error}): {EXTRA}") from error
    precision = {} if dtype is None else {"dtype": dtype}
    few_step = cast("FewStep | None", sampler)
    how = {"few_step": few_step, "reference_scale": reference_scale, "device": device, "has_pose": has_pose}
    try:
        return open_arc2face(files.path, **how, **precision)
    except (ValueError, OSError) as error:
        raise CharacterError(f"the published weights cannot be opened: {error}; download that file again") from error


def open_fastest(files: Published, sampler: str | None, reference_scale: float, *, has_pose: bool = False) -> Arc2Face:
    """The same at the fastest place."""
    device, dtype = the_fastest_place()
    return open_weights(files, sampler, reference_scale, device=device, dtype=dtype, has_pose=has_pose)


def weights_of(character: PhotorealCharacter, settings: Settings) -> Arc2Face:
    """The weights that draw this character; CharacterError if the installed ones differ from those it was made with."""
    require_commercial(character.parts, settings.allow_noncommercial)
    files = published(settings.files)
    require_same(character, files)
    return open_weights(files, character.sampler, character.reference_scale)


def model_of(character: PhotorealCharacter, settings: Settings) -> ExportedModel:
    """The networks that draw this character, exported at first use; AnimatorError if that fails."""
    try:
        return exported(Recipe.of(character), cache(lambda: weights_of(character, settings)))
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error


def require_same(character: PhotorealCharacter, files: Published) -> None:
    """CharacterError unless the installed weights are those that the character was made with."""
    if files.model(character.sampler, character.reference_scale) == character.model:
        return
    others = _changed(character, files, tuple(part.name for part in character.parts))
    raise CharacterError(
        f'character "{character.name}" was made with other weights ({", ".join(others) or "the list of files"} '
        "differ): restore them, or make the character again"
    )


def require_alike(character: PhotorealCharacter, files: Published) -> None:
    """CharacterError unless pictures in many steps show the same person. Few-step LoRAs may differ."""
    if others := _changed(character, files, ALIKE):
        raise CharacterError(
            f"{character.name} was made with another {others[0]} than the one at {files.path(others[0])}: restore the "
            "earlier file, or make the character again"
        )


def _changed(character: PhotorealCharacter, files: Published, names: tuple[str, ...]) -> list[str]:
    known = {part.name: part.sha256 for part in character.parts}
    return [part.name for part in files.parts(names) if known.get(part.name, part.sha256) != part.sha256]


# Exported models, one folder for each recipe.


def exported_folder() -> Path:
    """The folder that holds exported models; each lies in a subfolder named after its recipe's digest."""
    return cache_folder() / "photoreal"


def exported(recipe: Recipe, open_weights: OpenWeights, folder: Path | None = None) -> ExportedModel:
    """The model of this recipe. It is exported now, on the CPU in f32, unless an earlier start did that.

    Two processes may export the same model; the first to finish provides it. RuntimeUnavailable if the export fails.
    """
    folder = folder or exported_folder()
    place = folder / recipe.digest
    partial = folder / f"{_PARTIAL}{os.getpid()}-{time.monotonic_ns()}"
    damaged = partial.with_name(f"{partial.name}-damaged")

    def eager(name: str, graph: ExportedGraph, build: Build) -> Session:
        try:
            from .export import open_eager
        except ImportError as error:
            raise RuntimeUnavailable(f"PyTorch cannot be loaded ({error}): {EXTRA}") from error
        return open_eager(open_weights(), name, graph, build)

    try:
        if place.is_dir():
            try:
                return ExportedModel.read(place, eager)
            except ExportedModelError as error:
                log.warning("%s; exporting it again", error)
                place.rename(damaged)  # otherwise the new folder could not take its place
        _remove_abandoned(folder)
        partial.mkdir(parents=True)
        log.warning("exporting the networks for %dx%d, once: a minute or two, and gigabytes", recipe.size, recipe.size)
        _export(recipe, open_weights, partial)
        with contextlib.suppress(OSError):
            partial.rename(place)
        return ExportedModel.read(place, eager)
    except (OSError, ExportedModelError) as error:
        raise RuntimeUnavailable(f"the networks cannot be exported to {folder} ({error}): free some space") from error
    finally:
        for left in (partial, damaged):
            shutil.rmtree(left, ignore_errors=True)


def _export(recipe: Recipe, open_weights: OpenWeights, folder: Path) -> None:
    try:
        from .export import export
    except ImportError as error:
        raise RuntimeUnavailable(f"the export needs torch and onnx ({error}): {EXTRA}") from error
    try:
        export(open_weights(), recipe, folder)
    except ValueError as error:
        raise RuntimeUnavailable(f"the published weights cannot be exported: {error}") from error


def _remove_abandoned(folder: Path) -> None:
    """Removes the folders of interrupted exports."""
    for left in folder.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(OSError):
            newest_s = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if time.time() - newest_s > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
