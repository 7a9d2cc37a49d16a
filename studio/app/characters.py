"""The characters of this machine for the page: listed, shown, made and removed, with thumbnails."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast, get_args

from PIL import Image

from omote.engine.child_process import IsCancelled
from omote.engine.data import AnyCharacter, PhotorealCharacter
from omote.engine.images import PhotoError, is_photo
from omote.engine.live.session import LiveSession
from omote.engine.model.character_file import (
    SHIPPED_FOLDER,
    SUFFIX,
    load_any_character,
    shipped_character_names,
    user_character_names,
    user_folder,
)
from omote.engine.tensor_file import CharacterError

from .character_making import OPEN, PHOTOREAL, SourceKind, own_character_path, page_consent, printable
from .jobs import CharacterTask, JobQueue, JobQueueError, make_in_subprocess
from .validation import JsonError, parse_json

MAX_PICTURE_BYTES = 16 << 20  # a photo or a drawing
MAX_MODEL_BYTES = 128 << 20  # a 3D model
MAX_TERMS_BYTES = 16 << 20  # the start of a 3D model, with its JSON

_CONSENT_LABELS = {
    "person": "the person in the photo agrees to it",
    "drawing": "it is a drawing that you may use",
    "model": "the model's terms allow it",
}
_REQUEST_KEYS = ("name", "consent", "of", "points")
THUMBNAIL_SIDE = 160  # pixels
_BACKGROUND = (128, 128, 128)
_QUALITY = 85
_LEFT, _TOP, _RIGHT = 0.09, 0.0, 0.91  # of the picture: a square around the head with its hair


@dataclass(frozen=True)
class _CachedFile:
    """What a file contains, valid while its signature is the same."""

    signature: tuple[int, int]  # size in bytes and time of the last change
    kind: str = OPEN
    licence: str = ""
    made_from: str = ""
    consent: str = ""
    own_name: str = ""  # of the character in the file
    model: tuple[object, ...] = ()  # equal for two characters that one renderer draws
    error: str = ""  # why the file cannot be read
    thumbnail: bytes | None = None


class CharacterLibrary:
    """The characters of this machine. Methods may be called from any thread but the one that draws."""

    def __init__(
        self,
        live_session: Callable[[], LiveSession | None],
        on_change: Callable[[], None],
        work: Callable[[CharacterTask, IsCancelled], tuple[str, ...]] = make_in_subprocess,
        today: Callable[[], str] = lambda: time.strftime("%Y-%m-%d"),
    ) -> None:
        """`live_session` is None before the loop exists. `work` makes a character, returns warnings, can be cancelled.

        `on_change` is called when `rows` or `jobs` change, from any thread.
        """
        self._live_session, self._on_change, self._work, self._today = live_session, on_change, work, today
        self._cache: dict[Path, _CachedFile] = {}
        self._lock, self._face_lock = threading.Lock(), threading.Lock()
        self._jobs = JobQueue(on_change)

    def rows(self) -> list[dict[str, object]]:
        """All characters, shipped ones first, as JSON values; files are read again only if they have changed.

        Each row has name, kind ("open" or "photoreal"), is_own, licence, made_from, consent, can_be_shown,
        has_thumbnail, and error: a sentence if the file is damaged, else "".
        """
        session = self._live_session()
        shown_model = _model_key(session.character) if session else None
        return [self._row(name, path, shown_model) for name, path in _files().items()]

    def thumbnail(self, name: str) -> bytes | None:
        """WebP of 160x160 pixels; None if there is no such character, or if its file is damaged."""
        path = _files().get(name)
        return None if path is None else self._read(path).thumbnail

    def show(self, name: str) -> None:
        """Fades to this character; ValueError if it cannot be shown."""
        character, session = self.load(name), self._live_session()
        if session is None:
            raise CharacterError("Omote is still starting: try again in a moment")
        session.change(character)
        self._on_change()

    def load(self, name: str) -> AnyCharacter:
        """The character of this name; CharacterError if it does not exist or is damaged."""
        character = load_any_character(str(_path_of(name)))
        return character if character.name == name else replace(character, name=name)

    def make(self, fields: Mapping[str, object], picture: bytes) -> int:
        """Starts to make a character from this picture and returns the number of the job.

        `fields` has "name", "of" (a `SourceKind`) and "consent" as "yes". CharacterError says what is wrong.
        """
        task = checked_task(fields, picture, self._today())
        if any(job.name.lower() == task.name.lower() and not job.is_over for job in self._jobs.rows):
            raise CharacterError(f'"{task.name}" is being made already')
        try:
            what = "photo" if task.of == "person" else task.of
            return self._jobs.add(task.name, what, lambda is_cancelled: " ".join(self._work(task, is_cancelled)))
        except JobQueueError as error:
            raise CharacterError(str(error)) from error

    def points(self, picture: bytes) -> dict[str, object]:
        """The points of the face in this drawing, as JSON values; CharacterError if the picture cannot be read.

        "points" by name in pixels, "width" and "height" of the picture, and "is_found": if false, the points are
        where a face often is.
        """
        from omote.engine.images import uploaded_drawing
        from omote.engine.model.drawings import find_face, usual_points

        try:
            drawing = uploaded_drawing(picture)
        except PhotoError as error:
            raise CharacterError(str(error)) from error
        with self._face_lock:
            found = find_face(drawing)
        points = found.points if found else usual_points(drawing)
        height, width = drawing.shape[:2]
        return {"points": points, "width": width, "height": height, "is_found": found is not None}

    def terms(self, start: bytes) -> dict[str, object]:
        """What a VRM model says about its use, as JSON values; `start` is its file up to the end of the JSON or more.

        "title", "author", and "terms" by name, as the file states them. CharacterError if it cannot be read.
        """
        from omote.engine.model.vrm_file import VrmError, model_terms

        try:
            terms = model_terms(start, "the model")
        except VrmError as error:
            raise CharacterError(str(error)) from error
        return {"title": terms.title, "author": terms.author, "terms": dict(terms.stated)}

    def remove(self, name: str) -> None:
        """Deletes a character that was made here; CharacterError if it is shipped, shown now, or not there."""
        path = _path_of(name)
        if name not in user_character_names() or name in shipped_character_names():
            raise CharacterError(f'"{name}" is a shipped character and cannot be deleted')
        if self._is_shown(name, path):
            raise CharacterError(f'"{name}" is shown now: show another character first')
        try:
            path.unlink()
        except OSError as error:
            raise CharacterError(f"cannot delete {path} ({error.strerror or error})") from error
        self._on_change()

    @property
    def jobs(self) -> list[dict[str, object]]:
        """The last jobs as JSON values: the fields of `QueuedJob`, and the `place` of one that waits, from 1."""
        rows = self._jobs.rows
        waiting = [job.number for job in rows if job.state == "waiting"]
        return [{**asdict(job), "place": waiting.index(job.number) + 1 if job.number in waiting else 0} for job in rows]

    def remove_job(self, number: int) -> None:
        """Cancels a job that waits or runs, and forgets one that is over; JobQueueError if there is none."""
        self._jobs.remove(number)

    def _is_shown(self, name: str, path: Path) -> bool:
        session = self._live_session()
        return session is not None and session.character.name in (name, self._read(path).own_name)

    def _row(self, name: str, path: Path, shown_model: tuple[object, ...] | None) -> dict[str, object]:
        cached = self._read(path)
        return {
            "name": name,
            "kind": cached.kind,
            "is_own": path.parent != SHIPPED_FOLDER,
            "licence": cached.licence,
            "made_from": cached.made_from,
            "consent": cached.consent,
            "can_be_shown": not cached.error and cached.model == shown_model,
            "has_thumbnail": cached.thumbnail is not None,
            "error": cached.error,
        }

    def _read(self, path: Path) -> _CachedFile:
        """The contents of the file, from the cache if it has not changed."""
        try:
            stat = path.stat()
        except OSError as error:
            return _CachedFile((0, 0), error=f"{path} cannot be read ({error.strerror or error})")
        signature = (stat.st_size, stat.st_mtime_ns)
        with self._lock:
            cached = self._cache.get(path)
            if cached is None or cached.signature != signature:
                cached = self._cache[path] = _read_file(path, signature)
            return cached


def _files() -> dict[str, Path]:
    """The files of all characters by name; an own character never replaces a shipped one."""
    own = {name: user_folder() / f"{name}{SUFFIX}" for name in user_character_names()}
    shipped = {name: SHIPPED_FOLDER / f"{name}{SUFFIX}" for name in shipped_character_names()}
    return {**shipped, **{name: path for name, path in own.items() if name not in shipped}}


def _path_of(name: str) -> Path:
    """The file of this character, which is never a path; CharacterError if there is none."""
    try:
        return _files()[name]
    except KeyError:
        raise CharacterError(f'there is no character "{printable(name)}"') from None


def _read_file(path: Path, signature: tuple[int, int]) -> _CachedFile:
    try:
        character = load_any_character(str(path), most=1)
    except (CharacterError, OSError) as error:
        return _CachedFile(signature, error=str(error))
    return _CachedFile(
        signature,
        kind=PHOTOREAL if isinstance(character, PhotorealCharacter) else OPEN,
        licence=character.licence,
        made_from=character.made_from,
        consent="" if isinstance(character, PhotorealCharacter) else character.consent,
        own_name=character.name,
        model=_model_key(character),
        thumbnail=make_thumbnail(character),
    )


def _model_key(character: AnyCharacter) -> tuple[object, ...]:
    """Equal for two characters that the same renderer can draw."""
    if isinstance(character, PhotorealCharacter):
        return PHOTOREAL, character.model, character.size, character.sampler
    return (OPEN,)


def checked_task(fields: Mapping[str, object], picture: bytes, today: str) -> CharacterTask:
    """The task from what the page sent, see `CharacterLibrary.make`; CharacterError if it is invalid."""
    if unknown := [key for key in fields if key not in _REQUEST_KEYS]:
        raise CharacterError(f'a new character has no "{printable(unknown[0])}"; it has {", ".join(_REQUEST_KEYS)}')
    of = fields.get("of", "person")
    if of not in get_args(SourceKind):
        raise CharacterError(f'"of" must be one of {", ".join(get_args(SourceKind))}, got "{printable(of)}"')
    kind = cast(SourceKind, of)
    name = fields.get("name")
    if not isinstance(name, str):
        raise CharacterError(f'"name" must be a text, got {type(name).__name__}')
    if own_character_path(name).exists():
        raise CharacterError(f'"{name}" exists already: choose another name')
    if fields.get("consent") not in ("yes", True):
        raise CharacterError(f"no character was made: tick that {_CONSENT_LABELS[kind]}")
    most = MAX_MODEL_BYTES if kind == "model" else MAX_PICTURE_BYTES
    if len(picture) > most:
        raise CharacterError(f"the file has {len(picture) >> 20} MB, {most >> 20} at most: scale it down")
    if kind == "model" and not picture.startswith(b"glTF"):
        raise CharacterError("the model cannot be read: expected a .vrm file")
    if kind != "model" and not is_photo(picture):
        raise CharacterError("the picture cannot be read: expected a JPEG, PNG or WebP file")
    return CharacterTask(
        name, picture, page_consent(today, kind), kind, _read_points(fields) if kind == "drawing" else None
    )


def _read_points(fields: Mapping[str, object]) -> Mapping[str, tuple[float, float]] | None:
    """The points that were placed by hand; None if they are to be found."""
    from omote.engine.model.drawings import checked_points

    points = fields.get("points")
    if points is None:
        return None
    try:
        return checked_points(parse_json(str(points)))
    except (JsonError, PhotoError) as error:
        raise CharacterError(f'"points" are invalid: {error}') from error


def make_thumbnail(character: AnyCharacter) -> bytes:
    """WebP of THUMBNAIL_SIDE x THUMBNAIL_SIDE pixels."""
    if isinstance(character, PhotorealCharacter):
        return _encode_webp(Image.fromarray(character.reference))
    rgba = Image.fromarray(character.references[0].rgba)
    side = rgba.width
    box = (round(_LEFT * side), round(_TOP * side), round(_RIGHT * side), round((_TOP + _RIGHT - _LEFT) * side))
    ground = Image.new("RGBA", rgba.size, (*_BACKGROUND, 255))
    return _encode_webp(Image.alpha_composite(ground, rgba).convert("RGB").crop(box))


def _encode_webp(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS).save(
        file, "WEBP", quality=_QUALITY, method=4
    )
    return file.getvalue()
