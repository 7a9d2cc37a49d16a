"""Makes a character from photos, a drawing, a VRM model or other characters, with the consent that it needs."""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omote.engine import storage
from omote.engine.data import AnyCharacter, Character, PhotorealCharacter
from omote.engine.model.character_file import (
    SUFFIX,
    load_character,
    save_character,
    shipped_character_names,
    user_folder,
)
from omote.engine.model.kinds import Made, kind
from omote.engine.tensor_file import CharacterError

from .config import load_config

if TYPE_CHECKING:
    from omote.engine.model.renderer import Renderer


CHARACTER_KINDS = OPEN, PHOTOREAL = ("open", "photoreal")
SourceKind = Literal["person", "drawing", "model"]

_MAX_NAME_BYTES = 64  # a file's name may have 255 bytes with what is appended
_NAME = re.compile(r"[\w-]+(?: [\w-]+)*")  # letters of any script
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)  # names that Windows reserves

Ask = Callable[[str], str]


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
    typed: argparse.Namespace = field(default_factory=argparse.Namespace)  # an optional kind reads its options here


def save_new_character(character: AnyCharacter, path: Path) -> None:
    """Writes the whole file or none; CharacterError if it cannot be written."""
    if isinstance(character, PhotorealCharacter):
        kind().save(character, path)
    else:
        save_character(character, path)


def own_character_path(name: str) -> Path:
    """The path of an own character, whether the file exists or not; CharacterError if the name is invalid."""
    letters = "".join(one for one in name if unicodedata.category(one)[0] != "M")  # without accents and vowel signs
    if not _NAME.fullmatch(letters) or _DEVICES.fullmatch(name) or len(name.encode()) > _MAX_NAME_BYTES:
        raise CharacterError(f'"{printable(name)}" is not a valid name: use letters, digits, _, - and single spaces')
    if name.lower() in shipped_character_names():
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


def character_names(request: CharacterRequest) -> list[str]:
    """The names of the requested characters: an optional kind may make several of one photo."""
    name = request.name or ""
    return [name] if request.kind == OPEN else kind().names(name, request.typed)


def make_characters(request: CharacterRequest, consent: str) -> Iterator[Made]:
    """Makes the requested characters, one after another."""
    if request.kind == OPEN:
        yield make_character(request, consent)
    else:
        settings = load_config(request.typed.config).for_kinds()
        yield from kind().make(request.name or "", request.photos[0], consent, request.typed, settings)


def make_character(request: CharacterRequest, consent: str) -> Made:
    """Makes the requested character of the open kind; CharacterError if it cannot be made."""
    from omote.engine.capture.photo import read_photos, read_upload
    from omote.engine.images import PhotoError
    from omote.engine.model import making

    name = request.name or ""
    if request.blend or request.seed is not None:
        return Made(_from_characters(name, request))
    try:
        if request.vrm or request.of == "model":
            return _from_vrm(name, request, consent)
        if request.drawing or request.of == "drawing":
            return _from_drawing(name, request, consent)
        photos = (read_upload(request.upload),) if request.upload else read_photos(request.photos)
    except PhotoError as error:
        raise CharacterError(str(error)) from error
    found = making.made_from_photos(name, photos, consent, _renderer())
    return Made(found.character, found.warnings)


def _from_drawing(name: str, request: CharacterRequest, consent: str) -> Made:
    """Makes a character of a drawing; PhotoError if it cannot be used."""
    from omote.engine.images import read_drawing, uploaded_drawing
    from omote.engine.model.drawings import made_from_drawing, read_points

    points = read_points(request.points) if request.points else request.placed
    drawing = read_drawing(request.drawing) if request.drawing else uploaded_drawing(request.upload)
    found = made_from_drawing(name, drawing, points, consent)
    return Made(found.character, found.warnings)


def _from_vrm(name: str, request: CharacterRequest, consent: str) -> Made:
    """Makes a character of the head of a VRM model."""
    from omote.engine.model.vrm import made_from_vrm
    from omote.engine.model.vrm_file import VrmError, opened_vrm, read_vrm

    try:
        model = read_vrm(request.vrm) if request.vrm else opened_vrm(request.upload, "the model")
        found = made_from_vrm(name, model, consent)
    except VrmError as error:
        raise CharacterError(str(error)) from error
    return Made(found.character, found.warnings)


def _from_characters(name: str, request: CharacterRequest) -> Character:
    """Makes a character from others: two that were named, or three shipped ones chosen by the seed."""
    from omote.engine.model import making

    renderer = _renderer()
    try:
        if request.blend:
            first, second, share = request.blend
            return making.mixed_character(load_character(first), load_character(second), share, renderer, name)
        shipped = [one for one in map(load_character, shipped_character_names()) if one.head == "open"]
        return making.character_from_seed(request.seed or 0, shipped, renderer, name)
    except ValueError as error:
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
