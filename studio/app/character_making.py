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

from .config import load_config

if TYPE_CHECKING:
    from omote.engine.model.renderer import Renderer
    from omote.engine.photoreal.making import ToFlame, Wish


CHARACTER_KINDS = OPEN, PHOTOREAL = ("open", "photoreal")
SourceKind = Literal["person", "drawing", "model"]

_MAX_NAME_BYTES = 64  # a file's name may have 255 bytes with what is appended
_NAME = re.compile(r"[\w-]+")
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)  # names that Windows reserves

Ask = Callable[[str], str]


@dataclass(frozen=True)
class PhotorealRequest:
    """The options of photoreal characters; None leaves an option to the default of `Wish`."""

    neutral: Path | None = None
    config: Path | None = None
    sampler: str | None = None
    size: int | None = None
    reference_scale: float | None = None
    noise_seed: int | None = None
    anchors: tuple[str, ...] | None = None

    @property
    def typed(self) -> tuple[str, ...]:
        """The flags of these options that were typed."""
        names = (one.name for one in fields(self) if getattr(self, one.name) is not None)
        return tuple(f"--{name.replace('_', '-')}" for name in names)


@dataclass(frozen=True)
class CharacterRequest:
    """A character to make, as typed or as chosen on the page."""

    name: str | None = None
    out: Path | None = None
    photos: tuple[Path, ...] = ()
    consent: bool = False
    overwrite: bool = False
    upload: bytes = b""  # a file's bytes instead of `photos`, `drawing` or `vrm`
    of: SourceKind = "person"  # what `upload` is
    drawing: Path | None = None
    vrm: Path | None = None
    points: Path | None = None  # a file with the points of the drawing's face
    placed: Mapping[str, tuple[float, float]] | None = None  # the same points, placed on the page
    blend: tuple[str, str, float] | None = None  # two characters, and the share of the second
    seed: int | None = None
    kind: str = OPEN
    photoreal: PhotorealRequest = field(default_factory=PhotorealRequest)


@dataclass(frozen=True)
class MadeCharacter:
    """A new character, and warnings about what could look better."""

    character: AnyCharacter
    warnings: tuple[str, ...] = ()


def save_new_character(character: AnyCharacter, path: Path) -> None:
    """Writes the whole file or none; CharacterError if it cannot be written."""
    if isinstance(character, PhotorealCharacter):
        from omote.engine.photoreal.character_file import save_photoreal

        save_photoreal(character, path)
    else:
        save_character(character, path)


def own_character_path(name: str) -> Path:
    """The path of an own character, whether the file exists or not; CharacterError if the name is invalid."""
    if not _NAME.fullmatch(name) or _DEVICES.fullmatch(name) or len(name.encode()) > _MAX_NAME_BYTES:
        raise CharacterError(f'"{printable(name)}" is not a valid name: use letters, digits, _ and -')
    if name.lower() in character_names():
        raise CharacterError(f'"{name}" is the name of a shipped character: choose another one')
    return user_folder() / f"{name}{SUFFIX}"


def printable(sent: object) -> str:
    """The beginning of a received value, safe to send back."""
    return str(sent)[:_MAX_NAME_BYTES].encode(errors="replace").decode()


def make_folder(folder: Path) -> None:
    """Makes this folder and its parents; CharacterError if it cannot be made."""
    try:
        storage.make_folder(folder)
    except OSError as error:
        raise CharacterError(f"cannot make {folder} ({error.strerror or error}): choose another place") from error


def make_character(request: CharacterRequest, consent: str) -> MadeCharacter:
    """Makes the requested character; CharacterError if it cannot be made."""
    from omote.engine.capture.photo import read_photos, read_upload
    from omote.engine.images import PhotoError
    from omote.engine.model import making

    name = request.name or ""
    if request.blend or request.seed is not None:
        return MadeCharacter(_from_characters(name, request))
    if request.kind == PHOTOREAL:
        return MadeCharacter(make_photoreal(name, request.photos[0], consent, making.LICENCE, request.photoreal))
    try:
        if request.vrm or request.of == "model":
            return _from_vrm(name, request, consent)
        if request.drawing or request.of == "drawing":
            return _from_drawing(name, request, consent)
        photos = (read_upload(request.upload),) if request.upload else read_photos(request.photos)
    except PhotoError as error:
        raise CharacterError(str(error)) from error
    renderer = _renderer() if making.PAINTS_ANCHORS else None
    found = making.made_from_photos(name, photos, consent, renderer)
    return MadeCharacter(found.character, found.warnings)


def _from_drawing(name: str, request: CharacterRequest, consent: str) -> MadeCharacter:
    """Makes a character of a drawing; PhotoError if it cannot be used."""
    from omote.engine.images import read_drawing, uploaded_drawing
    from omote.engine.model.drawings import made_from_drawing, read_points

    points = read_points(request.points) if request.points else request.placed
    drawing = read_drawing(request.drawing) if request.drawing else uploaded_drawing(request.upload)
    found = made_from_drawing(name, drawing, points, consent)
    return MadeCharacter(found.character, found.warnings)


def _from_vrm(name: str, request: CharacterRequest, consent: str) -> MadeCharacter:
    """Makes a character of the head of a VRM model."""
    from omote.engine.model.vrm import made_from_vrm
    from omote.engine.model.vrm_file import VrmError, opened_vrm, read_vrm

    try:
        model = read_vrm(request.vrm) if request.vrm else opened_vrm(request.upload, "the model")
        found = made_from_vrm(name, model, consent)
    except VrmError as error:
        raise CharacterError(str(error)) from error
    return MadeCharacter(found.character, found.warnings)


def _from_characters(name: str, request: CharacterRequest) -> Character:
    """Makes a character from others: two that were named, or three shipped ones chosen by the seed."""
    from omote.engine.model import making

    renderer = _renderer()
    try:
        if request.blend:
            first, second, share = request.blend
            return making.mixed_character(load_character(first), load_character(second), share, renderer, name)
        shipped = [one for one in map(load_character, character_names()) if one.head == "open"]
        return making.character_from_seed(request.seed or 0, shipped, renderer, name)
    except ValueError as error:
        raise CharacterError(str(error)) from error


def make_photoreal(
    name: str, photo: Path, consent: str, likeness: str, request: PhotorealRequest
) -> PhotorealCharacter:
    """Makes a photoreal character; errors that the user can fix are raised."""
    from omote.engine.capture.photo import read_photos
    from omote.engine.images import PhotoError
    from omote.engine.photoreal import making
    from omote.engine.photoreal.files import published
    from omote.engine.photoreal.neutral import NeutralError, read_neutral

    config, wish = load_config(request.config), _options(name, request)
    wish.check()
    try:
        neutral = None if request.neutral is None else read_neutral(request.neutral)
        to_flame = _to_flame(config.flame_map) if wish.anchors else None
        (read,) = read_photos((photo,))
    except (PhotoError, NeutralError) as error:
        raise CharacterError(str(error)) from error
    origin = making.Origin(read, consent, likeness, neutral, to_flame)
    files = published(config.photoreal)
    return making.make(wish, origin, files, allow_noncommercial=config.allow_noncommercial)


def _options(name: str, request: PhotorealRequest) -> Wish:
    from omote.engine.photoreal.making import Wish

    wish = Wish(name)
    said = {one.name: getattr(request, one.name, None) for one in fields(Wish)}
    return replace(wish, **{one: value for one, value in said.items() if value is not None})


def _to_flame(path: Path | None) -> ToFlame:
    from omote.engine.photoreal.flame_map import FlameMapError, the_map

    try:
        return the_map(path).flame
    except FlameMapError as error:
        raise CharacterError(str(error)) from error


def _renderer() -> Renderer:
    """Draws with the shipped networks on the processor."""
    from omote.engine.model.networks import Networks
    from omote.engine.model.renderer import Renderer

    return Renderer(Networks())


@dataclass(frozen=True)
class _Consent:
    """The texts of one kind of consent; `{photos}` is "this photo" or "these photos"."""

    question: str
    required: str  # what is missing without it
    statement: str  # what the maker declares
    recorded: str  # what the maker was asked


_CONSENTS: Mapping[SourceKind, _Consent] = {
    "person": _Consent(
        "A face is personal data. Has the person in {photos} agreed that a character is made of them? [yes/no] ",
        "the person in {photos} has to agree",
        "the person in {photos} agrees to it",
        "the person in {photos} agrees to it",
    ),
    "drawing": _Consent(
        "Is this a drawing, not a photo of a real person, and may you make a character of it? [yes/no] ",
        "the artist has to agree",
        "this is a drawing and may be used",
        "this is a drawing that may be used",
    ),
    "model": _Consent(
        "Do these terms allow that you make a character of the model? [yes/no] ",
        "the model's terms have to allow it",
        "the model's terms allow this use",
        "the model's terms allow this use",
    ),
}


def consent_statement(of: SourceKind, is_given: bool, ask: Ask | None, today: str, photos: int = 1) -> str:
    """What the character's file says about consent; CharacterError without it.

    `is_given` is --consent; else `ask` puts the question in a terminal, if there is one.
    """
    texts, some = _CONSENTS[of], "this photo" if photos == 1 else "these photos"
    if is_given:
        return f"On {today} the maker declared that {texts.statement.format(photos=some)} (--consent)"
    if ask is None:
        raise CharacterError(
            f"{texts.required.format(photos=some)}, and there is no terminal to ask in: run it in one, or add "
            "--consent if they do"
        )
    try:
        answer = ask(texts.question.format(photos=some)).strip()
    except EOFError:  # Ctrl-D
        answer = ""
    if answer.lower() not in ("y", "yes"):
        raise CharacterError(f'no character was made: the answer was "{answer}", not yes')
    return f"On {today} the maker was asked whether {texts.recorded.format(photos=some)} and answered {answer}"


def page_consent(today: str, of: SourceKind) -> str:
    """What the character's file says about consent that was ticked on the page."""
    statement = _CONSENTS[of].statement.format(photos="this photo")
    return f"On {today} the maker declared that {statement} (ticked on the page)"
