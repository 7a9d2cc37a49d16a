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

from omote.engine.data import AnyCharacter, PhotorealCharacter
from omote.engine.images import PhotoError, is_photo
from omote.engine.live.session import LiveSession
from omote.engine.model.character_file import (
    SHIPPED_FOLDER,
    SUFFIX,
    CharacterError,
    character_names,
    load_any_character,
    user_character_names,
    user_folder,
)

from . import jobs as workshop
from .character_making import OPEN, PHOTOREAL, SourceKind, own_character_path, page_consent, printable
from .jobs import CharacterTask, JobQueue, JobQueueError
from .validation import JsonError, parse_json

MAX_PICTURE_BYTES, MAX_MODEL_BYTES = 16 << 20, 128 << 20  # of a photo or drawing, and of a 3D model


@dataclass(frozen=True)
class _CachedFile:
    """What a file says, as long as it is the same file."""

    seal: tuple[int, int]  # its size in bytes and when it was changed
    kind: str = OPEN
    licence: str = ""
    made_from: str = ""
    consent: str = ""
    own_name: str = ""  # of the character in it, whatever the file is called
    model: tuple[object, ...] = ()  # equal for two characters that one artist draws
    error: str = ""  # why it cannot be read
    thumbnail: bytes | None = None


class CharacterLibrary:
    """The characters of this machine; every method may be called from any thread but the one that draws."""

    def __init__(
        self,
        scene: Callable[[], LiveSession | None],
        on_change: Callable[[], None],
        work: Callable[[CharacterTask], tuple[str, ...]] = workshop.make_in_subprocess,
        today: Callable[[], str] = lambda: time.strftime("%Y-%m-%d"),
    ) -> None:
        """`scene` is the running one, None before it runs. `work` makes a character and returns warnings.

        `on_change` is called when `rows` or `jobs` change, perhaps in a thread of ours.
        """
        self._scene, self._on_change, self._work, self._today = scene, on_change, work, today
        self._kept: dict[Path, _CachedFile] = {}
        self._lock, self._finding = threading.Lock(), threading.Lock()
        self._jobs = JobQueue(on_change)

    def rows(self) -> list[dict[str, object]]:
        """All that there are, shipped ones first, for JSON; files are read again only where they have changed.

        Each row has name, kind ("open" or "photoreal"), is_own, licence, made_from, consent, can_be_shown,
        has_thumbnail, and error: a sentence if the file is damaged, else "".
        """
        scene = self._scene()
        drawn = _model_key(scene.character) if scene else None
        return [self._row(name, path, drawn) for name, path in _files().items()]

    def thumbnail(self, name: str) -> bytes | None:
        """WebP 160x160; None if there is no such character, or if its file is damaged."""
        path = _files().get(name)
        return None if path is None else self._read(path).thumbnail

    def show(self, name: str) -> None:
        """Blends over to this character; ValueError says why it cannot be shown, and nothing has changed then."""
        path, scene = _path_of(name), self._scene()
        if scene is None:
            raise CharacterError("Omote is still starting: try again in a moment")
        character = load_any_character(str(path))
        scene.change(character if character.name == name else replace(character, name=name))  # as it is listed
        self._on_change()

    def make(self, asked: Mapping[str, object], picture: bytes) -> int:
        """Begins to make a character from this picture and returns the number of the job.

        `asked` has "name", "of" (a `Kind`) and "consent" as "yes". CharacterError says what is wrong.
        """
        task = checked_task(asked, picture, self._today())
        if any(job.name.lower() == task.name.lower() and not job.is_over for job in self._jobs.rows):
            raise CharacterError(f'"{task.name}" is being made already')
        try:
            what = f"from a {'photo' if task.of == 'person' else task.of}"
            return self._jobs.add(task.name, what, lambda: " ".join(self._work(task)))
        except JobQueueError as error:
            raise CharacterError(str(error)) from error

    def points(self, picture: bytes) -> dict[str, object]:
        """Where the face in this drawing is, for JSON; CharacterError where the picture cannot be read.

        "points" by name in pixels, "width" and "height" of the picture they count in, and "is_found": else they stand
        where a face often is.
        """
        from omote.engine.images import uploaded_drawing
        from omote.engine.model.drawings import find_face, usual_points

        try:
            drawing = uploaded_drawing(picture)
        except PhotoError as error:
            raise CharacterError(str(error)) from error
        with self._finding:
            found = find_face(drawing)
        points = found.points if found else usual_points(drawing)
        height, width = drawing.shape[:2]
        return {"points": points, "width": width, "height": height, "is_found": found is not None}

    def remove(self, name: str) -> None:
        """Deletes a character that was made here; CharacterError if it is shipped, on stage, or not there."""
        path = _path_of(name)
        if name not in user_character_names() or name in character_names():
            raise CharacterError(f'"{name}" is a shipped character, and stays')
        if self._is_on_stage(name, path):
            raise CharacterError(f'"{name}" is on stage: show another character first')
        try:
            path.unlink()
        except OSError as error:
            raise CharacterError(f"cannot delete {path} ({error.strerror or error})") from error
        self._on_change()

    @property
    def jobs(self) -> list[dict[str, object]]:
        """The last ones, for JSON: number, name, what, state ("waiting", "running", "done", "failed") and message."""
        return [asdict(job) for job in self._jobs.rows]

    def _is_on_stage(self, name: str, path: Path) -> bool:
        scene = self._scene()
        return scene is not None and scene.character.name in (name, self._read(path).own_name)

    def _row(self, name: str, path: Path, drawn: tuple[object, ...] | None) -> dict[str, object]:
        kept = self._read(path)
        return {
            "name": name,
            "kind": kept.kind,
            "is_own": path.parent != SHIPPED_FOLDER,
            "licence": kept.licence,
            "made_from": kept.made_from,
            "consent": kept.consent,
            "can_be_shown": not kept.error and kept.model == drawn,
            "has_thumbnail": kept.thumbnail is not None,
            "error": kept.error,
        }

    def _read(self, path: Path) -> _CachedFile:
        """What the file says now."""
        try:
            stat = path.stat()
        except OSError as error:
            return _CachedFile((0, 0), error=f"{path} cannot be read ({error.strerror or error})")
        seal = (stat.st_size, stat.st_mtime_ns)
        with self._lock:
            kept = self._kept.get(path)
            if kept is None or kept.seal != seal:
                kept = self._kept[path] = _read_file(path, seal)
            return kept


def _files() -> dict[str, Path]:
    """Every character's file by its name; no own one hides a shipped one."""
    own = {name: user_folder() / f"{name}{SUFFIX}" for name in user_character_names()}
    shipped = {name: SHIPPED_FOLDER / f"{name}{SUFFIX}" for name in character_names()}
    return {**shipped, **{name: path for name, path in own.items() if name not in shipped}}


def _path_of(name: str) -> Path:
    """The file of a character by its name, never by a path; CharacterError where there is none."""
    try:
        return _files()[name]
    except KeyError:
        raise CharacterError(f'there is no character "{printable(name)}"') from None


def _read_file(path: Path, seal: tuple[int, int]) -> _CachedFile:
    try:
        character = load_any_character(str(path), most=1)
    except (CharacterError, OSError) as error:
        return _CachedFile(seal, error=str(error))
    return _CachedFile(
        seal,
        kind=PHOTOREAL if isinstance(character, PhotorealCharacter) else OPEN,
        licence=character.licence,
        made_from=character.made_from,
        consent="" if isinstance(character, PhotorealCharacter) else character.consent,
        own_name=character.name,
        model=_model_key(character),
        thumbnail=make_thumbnail(character),
    )


def _model_key(character: AnyCharacter) -> tuple[object, ...]:
    """What two characters have in common if the same artist can draw them."""
    if isinstance(character, PhotorealCharacter):
        return PHOTOREAL, character.model, character.size, character.sampler
    return (OPEN,)


def checked_task(asked: Mapping[str, object], picture: bytes, today: str) -> CharacterTask:
    """The task for what the page sent, as `Casting.make` describes it; CharacterError says what is wrong with it."""
    if unknown := [key for key in asked if key not in _REQUEST_KEYS]:
        raise CharacterError(
            f'no "{printable(unknown[0])}" is known of a new character: there are {", ".join(_REQUEST_KEYS)}'
        )
    of = asked.get("of", "person")
    if of not in get_args(SourceKind):
        raise CharacterError(f'"of" must be one of {", ".join(get_args(SourceKind))}, got "{printable(of)}"')
    kind = cast(SourceKind, of)
    name = asked.get("name")
    if not isinstance(name, str):
        raise CharacterError(f'"name" must be a text, got {type(name).__name__}')
    if own_character_path(name).exists():
        raise CharacterError(f'"{name}" is there already: choose another name')
    if asked.get("consent") not in ("yes", True):
        raise CharacterError(f"no character was made: tick that {_CONSENT_LABELS[kind]}")
    most = MAX_MODEL_BYTES if kind == "model" else MAX_PICTURE_BYTES
    if len(picture) > most:
        raise CharacterError(f"the file has {len(picture) >> 20} MB, {most >> 20} at most: scale it down")
    if kind == "model" and not picture.startswith(b"glTF"):
        raise CharacterError("this is no model that can be read: wanted a .vrm file")
    if kind != "model" and not is_photo(picture):
        raise CharacterError("this is no picture that can be read: wanted a JPEG, PNG or WebP file")
    return CharacterTask(
        name, picture, page_consent(today, kind), kind, _read_points(asked) if kind == "drawing" else None
    )


_CONSENT_LABELS = {
    "person": "the person in the photo agrees to it",
    "drawing": "it is a drawing that you may use",
    "model": "the model's terms allow it",
}
_REQUEST_KEYS = ("name", "consent", "of", "points")


def _read_points(asked: Mapping[str, object]) -> Mapping[str, tuple[float, float]] | None:
    """The points that were placed by hand, as JSON; None where they are to be looked for."""
    from omote.engine.model.drawings import checked_points

    said = asked.get("points")
    if said is None:
        return None
    try:
        return checked_points(parse_json(str(said)))
    except (JsonError, PhotoError) as error:
        raise CharacterError(f"these are no points of a face: {error}") from error


THUMBNAIL_SIDE = 160  # pixels
_BACKGROUND = (128, 128, 128)
_QUALITY = 85
_LEFT, _TOP, _RIGHT = 0.09, 0.0, 0.91  # of the picture: the head with its hair, in a square


def make_thumbnail(character: AnyCharacter) -> bytes:
    """WebP of `SIDE` x `SIDE` pixels."""
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
