"""Characters as the page offers them: listed, shown, made and removed while the stream runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from omote.engine.character import (
    FOLDER,
    SUFFIX,
    CharacterError,
    character_names,
    load_any,
    own_folder,
    own_names,
)
from omote.engine.nouns import AnyCharacter, PhotorealCharacter
from omote.engine.scene import Scene

from . import thumbnails, workshop
from .character import quotable
from .consent import ticked_words
from .jobs import Jobs, JobsError
from .likeness import OPEN, PHOTOREAL
from .wish import ordered
from .workshop import Task, WorkshopError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kept:
    """What a file says, as long as it is the same file."""

    seal: tuple[int, int]  # its size in bytes and when it was changed
    kind: str = OPEN
    licence: str = ""
    made_from: str = ""
    own_name: str = ""  # of the character in it, whatever the file is called
    model: tuple[object, ...] = ()  # what must be the same of two characters that one artist draws
    error: str = ""  # why it cannot be read
    thumbnail: Path | None = None  # where it is, or is to be


class Casting:
    """The characters of this machine; every method may be called from any thread but the one that draws."""

    def __init__(
        self,
        scene: Callable[[], Scene | None],
        on_change: Callable[[], None],
        work: Callable[[Task], None] = workshop.in_own_process,
        today: Callable[[], str] = lambda: time.strftime("%Y-%m-%d"),
    ) -> None:
        """`scene` is the running one, None before it runs; `on_change` is called when `rows` or `jobs` change.

        It may be called in a thread of ours. `work` makes characters and draws thumbnails.
        """
        self._scene, self._on_change, self._work, self._today = scene, on_change, work, today
        self._kept: dict[Path, _Kept] = {}
        self._thumbnails: dict[Path, bytes] = {}  # those that were read, by where they are
        self._refused: set[Path] = set()  # thumbnails that could not be drawn
        self._lock = threading.Lock()
        self._jobs = Jobs(on_change)

    def rows(self) -> list[dict[str, object]]:
        """All that there are, shipped ones first, for JSON; files are read again only where they have changed.

        Each row has name, kind ("open" or "photoreal"), is_own, licence, made_from, can_be_shown, has_thumbnail, and
        error: a sentence where the file is damaged, else "".
        """
        scene = self._scene()
        drawn = _model(scene.character) if scene else None
        return [self._row(name, path, drawn) for name, path in _files().items()]

    def choices(self) -> dict[str, object]:
        """What can be set of a character, for JSON: colours by attribute (name and hex), styles, ranges of numbers."""
        from omote.engine.identity.prior import shipped_prior
        from omote.engine.identity.wishes import NUMBERS, WORDS

        return {
            "colours": {
                attribute: [{"name": name, "hex": value} for value, name in _first_names(words).items()]
                for attribute, words in WORDS.items()
            },
            "styles": list(dict.fromkeys(shipped_prior().looks.styles)),
            "numbers": {name: {"least": 0.0, "most": 1.0} for name in NUMBERS},
        }

    def thumbnail(self, name: str) -> bytes | None:
        """WebP 160x160; None where there is no such character, or none yet: while the stream runs it is drawn."""
        path = _files().get(name)
        return None if path is None else self._thumbnail(self._read(path))

    def show(self, name: str) -> None:
        """Blends over to this character; ValueError says why it cannot be shown, and nothing has changed then."""
        path, scene = _path(name), self._scene()
        if scene is None:
            raise CharacterError("Omote is still starting: try again in a moment")
        character = load_any(str(path))
        scene.change(character if character.name == name else replace(character, name=name))  # as it is listed
        self._on_change()

    def make(self, wish: Mapping[str, object], photo: bytes | None = None) -> int:
        """Begins to make a character, and returns the number of the job; CharacterError where the wish is wrong.

        The wish has "name" and one of: "seed" (a number); "blend" (two names and a share); "from" (a name) with "set"
        (attribute to value). With a `photo`, "consent" must be "yes".
        """
        order = ordered(wish, photo)
        name = order.name or ""
        if any(job.name.lower() == name.lower() and not job.is_over for job in self._jobs.rows):
            raise CharacterError(f'"{name}" is being made already')
        consent = ticked_words(self._today()) if order.upload else ""
        try:
            return self._jobs.add(name, _what(wish, photo), lambda: self._work(Task(order, consent)))
        except JobsError as error:
            raise CharacterError(str(error)) from error

    def remove(self, name: str) -> None:
        """Deletes a character that was made here; CharacterError where it is shipped, on stage, or not there."""
        path = _path(name)
        if name not in own_names() or name in character_names():
            raise CharacterError(f'"{name}" is a shipped character, and stays')
        if self._is_on_stage(name, path):
            raise CharacterError(f'"{name}" is on stage: show another character first')
        thumbnail = self._read(path).thumbnail
        try:
            path.unlink()
            if thumbnail:  # which may show a real person
                thumbnail.unlink(missing_ok=True)
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
            "is_own": path.parent != FOLDER,
            "licence": kept.licence,
            "made_from": kept.made_from,
            "can_be_shown": not kept.error and kept.model == drawn,
            "has_thumbnail": self._thumbnail(kept) is not None,
            "error": kept.error,
        }

    def _read(self, path: Path) -> _Kept:
        """What the file says now."""
        try:
            stat = path.stat()
        except OSError as error:
            return _Kept((0, 0), error=f"{path} cannot be read ({error.strerror or error})")
        seal = (stat.st_size, stat.st_mtime_ns)
        with self._lock:
            kept = self._kept.get(path)
            if kept is None or kept.seal != seal:
                kept = self._kept[path] = _kept(path, seal)
            return kept

    def _thumbnail(self, kept: _Kept) -> bytes | None:
        """That of this file; it will be drawn where there is none and pictures are being drawn."""
        place = kept.thumbnail
        if place is None:
            return None
        found = self._thumbnails.get(place) or thumbnails.read(place)
        if found:
            self._thumbnails[place] = found
        elif place not in self._refused and self._scene():
            self._jobs.spare(self._draw)
        return found

    def _draw(self) -> bool:
        """Draws all thumbnails that are missing; whether there was one."""
        kept = {path: self._read(path) for path in _files().values()}
        missing = {
            str(path): str(one.thumbnail)
            for path, one in kept.items()
            if one.thumbnail and one.thumbnail not in self._refused and not thumbnails.read(one.thumbnail)
        }
        if missing:
            try:
                self._work(Task(drawn=missing))
            except WorkshopError as error:
                log.warning("thumbnails could not be drawn: %s", error)
            self._refused |= {place for place in map(Path, missing.values()) if not thumbnails.read(place)}
            self._on_change()
        return bool(missing)


def _files() -> dict[str, Path]:
    """Every character's file by its name; no own one hides a shipped one."""
    own = {name: own_folder() / f"{name}{SUFFIX}" for name in own_names()}
    shipped = {name: FOLDER / f"{name}{SUFFIX}" for name in character_names()}
    return {**shipped, **{name: path for name, path in own.items() if name not in shipped}}


def _path(name: str) -> Path:
    """The file of a character by its name, never by a path; CharacterError where there is none."""
    try:
        return _files()[name]
    except KeyError:
        raise CharacterError(f'there is no character "{quotable(name)}"') from None


def _kept(path: Path, seal: tuple[int, int]) -> _Kept:
    try:
        character = load_any(str(path))
        is_shipped = path.parent == FOLDER
        thumbnail = thumbnails.shipped(path.stem) if is_shipped else thumbnails.kept(thumbnails.digest_of(path))
    except (CharacterError, OSError) as error:
        return _Kept(seal, error=str(error))
    kind = PHOTOREAL if isinstance(character, PhotorealCharacter) else OPEN
    words = (character.licence, character.made_from, character.name)
    return _Kept(seal, kind, *words, _model(character), thumbnail=thumbnail)


def _model(character: AnyCharacter) -> tuple[object, ...]:
    """What two characters share whom the same artist can draw."""
    if isinstance(character, PhotorealCharacter):
        return PHOTOREAL, character.model, character.size, character.sampler
    return OPEN, character.model


def _what(wish: Mapping[str, object], photo: bytes | None) -> str:
    """A job in a few words, of a wish that was checked."""
    if photo is not None:
        return "from a photo"
    if wish.get("seed") is not None:
        return f"from seed {wish['seed']}"
    return "a blend" if wish.get("blend") else f"{wish['from']}, changed"


def _first_names(words: Mapping[str, str]) -> dict[str, str]:
    """Name by hex: of two names for one colour the first."""
    named: dict[str, str] = {}
    for name, value in words.items():
        named.setdefault(value, name)
    return named
