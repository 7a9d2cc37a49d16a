"""Opens the published weights: those that a character is made by, and those that draw one that was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..data import PhotorealCharacter
from ..model.character_file import CharacterError
from .files import Published
from .licences import require_commercial
from .published_file import EXPRESSION_ADAPTER, REFERENCE_ADAPTER, UNET

if TYPE_CHECKING:
    from ..diffusion.arc2face.pipeline import Arc2Face
    from ..diffusion.schedule import FewStep

EXTRA = "pip install 'omote[photoreal]'"
ALIKE = (UNET, EXPRESSION_ADAPTER, REFERENCE_ADAPTER)  # for the same person to come out, in however many steps


def open_weights(
    files: Published,
    sampler: str | None,
    reference_scale: float,
    *,
    device: str = "cpu",
    dtype: Any = None,
) -> Arc2Face:
    """The weights with the LoRA of this sampler, or (None) with none, for stills of many steps.

    They lie on torch's `device` and in its `dtype`, which is float32 where none is said. CharacterError where
    PyTorch is missing, or a file is not what it should be.
    """
    try:
        from ..diffusion.arc2face.pipeline import open_arc2face
    except ImportError as error:
        raise CharacterError(f"photoreal characters want PyTorch, which cannot be loaded ({error}): {EXTRA}") from error
    try:
        few_step = cast("FewStep | None", sampler)
        precision = {} if dtype is None else {"dtype": dtype}
        return open_arc2face(files.path, few_step=few_step, reference_scale=reference_scale, device=device, **precision)
    except (ValueError, OSError) as error:
        raise CharacterError(f"the published weights cannot be opened: {error}; fetch that file again") from error


def weights_of(
    character: PhotorealCharacter,
    files: Published,
    allow_noncommercial: bool,
    *,
    device: str = "cpu",
    dtype: Any = None,
) -> Arc2Face:
    """The weights that draw this character; CharacterError where those that are here are others."""
    require_commercial(character.parts, allow_noncommercial)
    require_same(character, files)
    return open_weights(files, character.sampler, character.reference_scale, device=device, dtype=dtype)


def require_same(character: PhotorealCharacter, files: Published) -> None:
    """CharacterError unless the weights that are here are those that the character was made for."""
    found = files.model(character.sampler, character.reference_scale)
    if found == character.model:
        return
    known = {part.name: part.sha256 for part in character.parts}
    others = [part.name for part in files.parts(known) if part.sha256 != known[part.name]]
    raise CharacterError(
        f'character "{character.name}" was made for other weights than are here ({", ".join(others) or "another list"} '
        "differ): put those back, or make the character again"
    )


def require_alike(character: PhotorealCharacter, files: Published) -> None:
    """CharacterError unless stills of many steps would show the same person, whatever few steps are made of here."""
    made_from = {part.name: part.sha256 for part in character.parts}
    for part in files.parts(ALIKE):
        if made_from.get(part.name, part.sha256) != part.sha256:
            raise CharacterError(
                f"{character.name} was made from another {part.name} than the one at {files.path(part.name)}: put the "
                "earlier one back, or make the character again"
            )
