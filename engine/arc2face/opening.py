"""Opens the published weights: those that make a character, and those that draw one that was made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from ..data import PhotorealCharacter
from ..errors import AnimatorError
from ..model.kinds import Settings
from ..runtime.session import RuntimeUnavailable
from ..tensor_file import CharacterError
from .files import ALIKE, Published, published, require_commercial
from .networks import ExportedModel, Recipe, exported

if TYPE_CHECKING:
    from .pipeline import Arc2Face
    from .sampling import FewStep

EXTRA = "pip install 'omote[photoreal]'"


def open_weights(
    files: Published, sampler: str | None, reference_scale: float, *, device: Any = "cpu", dtype: Any = None
) -> Arc2Face:
    """The weights with the LoRA of this sampler, or (None) with none, for many steps; in float32 unless said.

    CharacterError where PyTorch is missing, or a file is not what it should be.
    """
    try:
        from .pipeline import open_arc2face
    except ImportError as error:
        raise CharacterError(f"photoreal characters need PyTorch and diffusers ({error}): {EXTRA}") from error
    how = {"few_step": cast("FewStep | None", sampler), "reference_scale": reference_scale, "device": device}
    try:
        return open_arc2face(files.path, **how, **({} if dtype is None else {"dtype": dtype}))
    except (ValueError, OSError) as error:
        raise CharacterError(f"the published weights cannot be opened: {error}; fetch that file again") from error


def weights_of(character: PhotorealCharacter, settings: Settings) -> Arc2Face:
    """The weights that draw this character; CharacterError where those that are here are others."""
    require_commercial(character.parts, settings.allow_noncommercial)
    files = published(settings.files)
    require_same(character, files)
    return open_weights(files, character.sampler, character.reference_scale)


def model_of(character: PhotorealCharacter, settings: Settings) -> ExportedModel:
    """The networks that draw this character, exported at the first asking; AnimatorError where that cannot be done."""
    try:
        return exported(Recipe.of(character), cache(lambda: weights_of(character, settings)))
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error


def require_same(character: PhotorealCharacter, files: Published) -> None:
    """CharacterError unless the weights that are here are those that the character was made for."""
    if files.model(character.sampler, character.reference_scale) == character.model:
        return
    others = _changed(character, files, tuple(part.name for part in character.parts))
    raise CharacterError(
        f'character "{character.name}" was made for other weights than are here ({", ".join(others) or "another list"} '
        "differ): put those back, or make the character again"
    )


def require_alike(character: PhotorealCharacter, files: Published) -> None:
    """CharacterError unless stills of many steps would show the same person, whatever few steps are made of here."""
    if others := _changed(character, files, ALIKE):
        raise CharacterError(
            f"{character.name} was made from another {others[0]} than the one at {files.path(others[0])}: put the "
            "earlier one back, or make the character again"
        )


def _changed(character: PhotorealCharacter, files: Published, names: tuple[str, ...]) -> list[str]:
    known = {part.name: part.sha256 for part in character.parts}
    return [part.name for part in files.parts(names) if known.get(part.name, part.sha256) != part.sha256]
