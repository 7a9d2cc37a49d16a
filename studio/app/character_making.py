"""Makes a character from photos, a drawing, a VRM model or other characters, with the consent that it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omote.engine import storage
from omote.engine.data import AnyCharacter, Character, PhotorealCharacter
from omote.engine.model.character_file import (
    SUFFIX,
    CharacterError,
    character_names,
    load_character,
    save_character,
    user_folder,
)
from omote.engine.photoreal.character_file import save_photoreal

from .config import load_config

if TYPE_CHECKING:
    from omote.engine.data import PhotorealCharacter
    from omote.engine.photoreal.making import ToFlame, Wish

if TYPE_CHECKING:
    from omote.engine.model.renderer import Renderer


CHARACTER_KINDS = OPEN, PHOTOREAL = ("open", "photoreal")


@dataclass(frozen=True)
class PhotorealRequest:
    """What was typed for this kind alone; None where nothing was, and `Wish` has the defaults."""

    neutral: Path | None = None
    config: Path | None = None
    sampler: str | None = None
    size: int | None = None
    reference_scale: float | None = None
    noise_seed: int | None = None
    anchors: tuple[str, ...] | None = None

    @property
    def typed(self) -> tuple[str, ...]:
        """The flags of this kind that were typed."""
        names = (one.name for one in fields(self) if getattr(self, one.name) is not None)
        return tuple(f"--{name.replace('_', '-')}" for name in names)


def make_photoreal(name: str, photo: Path, consent: str, likeness: str, wanted: PhotorealRequest) -> PhotorealCharacter:
    """The character that was ordered; errors that a person can mend are raised."""
    from omote.engine.capture.photo import read_photos
    from omote.engine.images import PhotoError
    from omote.engine.photoreal import making
    from omote.engine.photoreal.files import published
    from omote.engine.photoreal.neutral import NeutralError, read_neutral

    config, wish = load_config(wanted.config), _options(name, wanted)
    wish.check()
    try:
        neutral = None if wanted.neutral is None else read_neutral(wanted.neutral)
        to_flame = _to_flame(config.flame_map) if wish.anchors else None
        (read,) = read_photos((photo,))
    except (PhotoError, NeutralError) as error:
        raise CharacterError(str(error)) from error
    origin = making.Origin(read, consent, likeness, neutral, to_flame)
    files = published(config.photoreal)
    return making.make(wish, origin, files, allow_noncommercial=config.allow_noncommercial)


def _options(name: str, wanted: PhotorealRequest) -> Wish:
    from omote.engine.photoreal.making import Wish

    wish = Wish(name)
    said = {one.name: getattr(wanted, one.name, None) for one in fields(Wish)}
    return replace(wish, **{one: value for one, value in said.items() if value is not None})


def _to_flame(path: Path | None) -> ToFlame:
    from omote.engine.photoreal.flame_map import FlameMapError, the_map

    try:
        return the_map(path).flame
    except FlameMapError as error:
        raise CharacterError(str(error)) from error


_MAX_NAME_BYTES = 64  # bytes; a file's may have 255 with all that is added
_NAME = re.compile(r"[\w-]+")
# What Windows keeps for devices, whatever follows the dot.
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)


SourceKind = Literal["person", "drawing", "model"]


@dataclass(frozen=True)
class CharacterRequest:
    """What was typed, or chosen on the page."""

    name: str | None = None
    out: Path | None = None
    photos: tuple[Path, ...] = ()
    consent: bool = False
    overwrite: bool = False
    upload: bytes = b""  # a file without a name, in the place of `photos`, `drawing` or `vrm`
    of: SourceKind = "person"  # what is uploaded
    drawing: Path | None = None
    vrm: Path | None = None
    points: Path | None = None  # where the drawing's face is, or
    placed: Mapping[str, tuple[float, float]] | None = None
    blend: tuple[str, str, float] | None = None  # two characters, and the share of the second
    seed: int | None = None
    kind: str = OPEN
    photoreal: PhotorealRequest = field(default_factory=PhotorealRequest)


@dataclass(frozen=True)
class MadeCharacter:
    """A new character, and sentences about what could look better."""

    character: AnyCharacter
    warnings: tuple[str, ...] = ()


def save_new_character(character: AnyCharacter, path: Path) -> None:
    """Writes all of it or nothing; CharacterError if the file cannot be written."""
    if isinstance(character, PhotorealCharacter):
        save_photoreal(character, path)
    else:
        save_character(character, path)


def own_character_path(name: str) -> Path:
    """The path for an own character of this name, whether the file exists or not; CharacterError for a bad name."""
    if not _NAME.fullmatch(name) or _DEVICES.fullmatch(name) or len(name.encode()) > _MAX_NAME_BYTES:
        raise CharacterError(f'"{printable(name)}" is no name: letters, digits, _ and - make one')
    if name.lower() in character_names():
        raise CharacterError(f'"{name}" is the name of a shipped character: choose another one')
    return user_folder() / f"{name}{SUFFIX}"


def printable(sent: object) -> str:
    """The beginning of a received value, in a form that can be sent back."""
    return str(sent)[:_MAX_NAME_BYTES].encode(errors="replace").decode()


def make_folder(folder: Path) -> None:
    """Makes this folder and its parents; CharacterError if it cannot be made."""
    try:
        storage.make_folder(folder)
    except OSError as error:
        raise CharacterError(f"cannot make {folder} ({error.strerror or error}): choose another place") from error


def make_character(wanted: CharacterRequest, consent: str) -> MadeCharacter:
    """The ordered character."""
    from omote.engine.capture.photo import read_photos, read_upload
    from omote.engine.images import PhotoError
    from omote.engine.model import making

    name = wanted.name or ""
    if wanted.blend or wanted.seed is not None:
        return MadeCharacter(_from_characters(name, wanted))
    if wanted.kind == PHOTOREAL:
        return MadeCharacter(make_photoreal(name, wanted.photos[0], consent, making.LICENCE, wanted.photoreal))
    try:
        if wanted.vrm or wanted.of == "model":
            return _from_vrm(name, wanted, consent)
        if wanted.drawing or wanted.of == "drawing":
            return _from_drawing(name, wanted, consent)
        photos = (read_upload(wanted.upload),) if wanted.upload else read_photos(wanted.photos)
    except PhotoError as error:
        raise CharacterError(str(error)) from error
    renderer = _renderer() if making.PAINTS_ANCHORS else None
    found = making.made_from_photos(name, photos, consent, renderer)
    return MadeCharacter(found.character, found.warnings)


def _from_drawing(name: str, wanted: CharacterRequest, consent: str) -> MadeCharacter:
    """The figure in the ordered drawing; PhotoError where none can be made of it."""
    from omote.engine.images import read_drawing, uploaded_drawing
    from omote.engine.model.drawings import made_from_drawing, read_points

    points = read_points(wanted.points) if wanted.points else wanted.placed
    drawing = read_drawing(wanted.drawing) if wanted.drawing else uploaded_drawing(wanted.upload)
    found = made_from_drawing(name, drawing, points, consent)
    return MadeCharacter(found.character, found.warnings)


def _from_vrm(name: str, wanted: CharacterRequest, consent: str) -> MadeCharacter:
    """The head of the ordered VRM model."""
    from omote.engine.model.vrm import made_from_vrm
    from omote.engine.model.vrm_file import VrmError, opened_vrm, read_vrm

    try:
        model = read_vrm(wanted.vrm) if wanted.vrm else opened_vrm(wanted.upload, "the model")
        found = made_from_vrm(name, model, consent)
    except VrmError as error:
        raise CharacterError(str(error)) from error
    return MadeCharacter(found.character, found.warnings)


def _from_characters(name: str, wanted: CharacterRequest) -> Character:
    """A character of others: two that were named, or three of the shipped ones."""
    from omote.engine.model import making

    renderer = _renderer()
    try:
        if wanted.blend:
            first, second, share = wanted.blend
            return making.mixed_character(load_character(first), load_character(second), share, renderer, name)
        cast = [one for one in map(load_character, character_names()) if one.head == "open"]
        return making.character_from_seed(wanted.seed or 0, cast, renderer, name)
    except ValueError as error:
        raise CharacterError(str(error)) from error


def _renderer() -> Renderer:
    """The shipped networks on this machine's processor."""
    from omote.engine.model.networks import Networks
    from omote.engine.model.renderer import Renderer

    return Renderer(Networks())


Ask = Callable[[str], str]

_PERSON_QUESTION = (
    "A face is personal data. Has the person in {photos} agreed that a character is made of them? [yes/no] "
)
_MODEL_QUESTION = "Do these terms allow that you make a character of the model? [yes/no] "
_PAGE_STATEMENTS = {
    "person": "the person in this photo agrees to it",
    "drawing": "this is a drawing and may be used",
    "model": "the model's terms allow this use",
}
_DRAWING_QUESTION = "Is this a drawing, not a photo of a real person, and may you make a character of it? [yes/no] "


def person_consent(photos: int, is_given: bool, ask: Ask | None, today: str) -> str:
    """What the file will say of the person's consent; CharacterError without it."""
    some = "this photo" if photos == 1 else "these photos"
    if is_given:
        return f"On {today} the maker declared that the person in {some} agrees to it (--consent)"
    if ask is None:
        raise CharacterError(
            f"the person in {some} has to agree, and this is no terminal that can ask: run it in one, or add --consent "
            "if they do"
        )
    answer = _ask_yes(ask, _PERSON_QUESTION.format(photos=some))
    return f"On {today} the maker was asked whether the person in {some} agrees to it and answered {answer}"


def drawing_consent(is_given: bool, ask: Ask | None, today: str) -> str:
    """What the file will say of the right to use a drawing; CharacterError without it."""
    if is_given:
        return f"On {today} the maker declared that this is a drawing and may be used (--consent)"
    if ask is None:
        raise CharacterError(
            "the artist has to agree, and this is no terminal that can ask: run it in one, or add --consent if they do"
        )
    answer = _ask_yes(ask, _DRAWING_QUESTION)
    return f"On {today} the maker was asked whether this is a drawing that may be used and answered {answer}"


def model_consent(is_given: bool, ask: Ask | None, today: str) -> str:
    """What the file will say of the right to use a 3D model; CharacterError without it."""
    if is_given:
        return f"On {today} the maker declared that the model's terms allow this use (--consent)"
    if ask is None:
        raise CharacterError(
            "the model's terms have to allow it, and this is no terminal that can ask: run it in one, or add --consent "
            "if they do"
        )
    answer = _ask_yes(ask, _MODEL_QUESTION)
    return f"On {today} the maker was asked whether the model's terms allow this use and answered {answer}"


def page_consent(today: str, of: str) -> str:
    """What the file will say of what was ticked on the page, of a "person", "drawing" or "model"."""
    return f"On {today} the maker declared that {_PAGE_STATEMENTS[of]} (ticked on the page)"


def _ask_yes(ask: Ask, question: str) -> str:
    """The answer, if it is a yes; CharacterError else."""
    try:
        answer = ask(question).strip()
    except EOFError:  # Ctrl-D
        answer = ""
    if answer.lower() not in ("y", "yes"):
        raise CharacterError(f'no character was made: the answer was "{answer}", and without a yes there is none')
    return answer
