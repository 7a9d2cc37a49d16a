"""Who is evaluated: characters by name or file, and rendered people whom no network has seen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from omote.engine.capture.photo import PhotoError
from omote.engine.character import load_any
from omote.engine.nouns import AnyCharacter, Array, Character, PhotorealCharacter

from .drawing import Masks, Rendered, face_mask, head_masks
from .quality import Rgb, Rgba
from .scenes import Scene, rest

if TYPE_CHECKING:
    from ..faces.kit import Kit

_MADE_FROM = re.compile(r"A person who does not exist, rendered from [^.]*; person seed (\d+)")  # `training.export`
_DATA_SET = 1_000_003  # the seed of person k of data set s is s times this plus k, as in `faces.dataset`


class EvaluationError(ValueError):
    """What was asked for cannot be evaluated; the message says what there is and the cure."""


@dataclass(frozen=True)
class Subject:
    """One face that is evaluated."""

    name: str
    character: AnyCharacter
    shape: Array | None  # [100] of the true head, where it is known, else of the character; None of a photoreal one
    seed: int | None = None  # of the rendered person, where there is one
    words: Mapping[str, str] = field(default_factory=dict)  # of that person
    is_unseen: bool = False  # made from one picture, of somebody whom the network has never seen

    @property
    def photo(self) -> Rgb | None:
        """The picture that a photoreal character was made of."""
        return self.character.reference if isinstance(self.character, PhotorealCharacter) else None

    def heads(self, scene: Scene, size: int) -> Masks:
        """[n,S,S] where the head is in each of a scene's pictures; of a photoreal one, where the face is at rest."""
        if isinstance(self.character, PhotorealCharacter):
            mask = face_mask(self.character.points * (size / self.character.size), size)
            return np.repeat(mask[None], len(scene), 0)
        return head_masks(self.character.shape if self.shape is None else self.shape, scene, size)


class Maker(Protocol):
    """Makes a character of reference pictures [S,S,4] of one person; PhotoError where they will not do."""

    def __call__(self, name: str, pictures: Sequence[Rgba]) -> Character: ...


def person_seed(character: AnyCharacter) -> int | None:
    """The seed of the rendered person that a character was made from; None where it was made of something else."""
    found = _MADE_FROM.fullmatch(character.made_from)
    return int(found[1]) if found else None


def characters(names: Sequence[str], kit: Kit | None) -> tuple[Subject, ...]:
    """Characters by name or path; with the kit also what is known of their people."""
    return tuple(_of_character(load_any(name), kit) for name in names)


def people(
    seeds: Sequence[int], kit: Kit, size: int, keep: Path, maker: Maker
) -> tuple[tuple[Subject, ...], tuple[str, ...]]:
    """Rendered people, a character made of each from the one picture at rest; and who could not be made, and why."""
    made, failed = [], []
    for seed in seeds:
        name = "person {}:{}".format(*divmod(seed, _DATA_SET))
        try:
            made.append(_of_person(name, seed, kit, size, keep, maker))
        except PhotoError as error:
            failed.append(f"no character of {name}: {error}")
    return tuple(made), tuple(failed)


def read_people(text: str) -> tuple[int, ...]:
    """Person seeds of "21:0-15" or "21:3,7,9": data set and numbers in it; EvaluationError where it is neither."""
    found = re.fullmatch(r"(\d{1,9}):(\d{1,6}(?:-\d{1,6})?(?:,\d{1,6}(?:-\d{1,6})?)*)", text)
    if not found:
        raise EvaluationError(f"--people {text!r}: wanted a data set's seed and numbers in it, as 21:0-15 or 21:3,7")
    numbers: list[int] = []
    for part in found[2].split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    if not numbers:
        raise EvaluationError(f"--people {text!r} names nobody: the last number must not be below the first")
    return tuple(int(found[1]) * _DATA_SET + number for number in numbers)


def _of_character(character: AnyCharacter, kit: Kit | None) -> Subject:
    if isinstance(character, PhotorealCharacter):
        return Subject(character.name, character, None)
    seed = person_seed(character)
    words = {}
    if kit and seed is not None:
        from ..faces.person import sample_person

        words = sample_person(kit, seed).words
    return Subject(character.name, character, character.shape, seed, words)


def _of_person(name: str, seed: int, kit: Kit, size: int, keep: Path, maker: Maker) -> Subject:
    from ..faces.person import sample_person
    from ..head import shape_of

    person, reference = sample_person(kit, seed), Rendered(kit, seed, size, keep).draw(rest())
    return Subject(name, maker(name, list(reference)), shape_of(kit, person), seed, person.words, is_unseen=True)
