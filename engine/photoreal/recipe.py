"""What an exported model is made for: whoever agrees in all of it can use the same files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from ..data import PhotorealCharacter

FORMAT = "omote exported 1"  # another one makes all graphs again


@dataclass(frozen=True)
class Recipe:
    """Everything that is fixed in the graphs; who is drawn, how many at once and in which arithmetic is not."""

    model: str  # digest of the weights that draw, as characters name it
    sampler: str  # "lcm", "tcd" or "student": whose LoRA is fused
    size: int  # pixels on a side
    bank: tuple[int, ...] = ()  # rows that each block reads of a bank
    biased: bool = False  # whether these rows have a bias each

    @classmethod
    def of(cls, character: PhotorealCharacter) -> Self:
        """The one that draws this character."""
        bank = character.bank
        rows = tuple(len(keys) for keys in bank.keys)
        return cls(character.model, character.sampler, character.size, rows, bool(bank.bias))

    @classmethod
    def read(cls, told: Mapping[str, object]) -> Self:
        """Of what `asdict` gave, back from JSON; ValueError or TypeError where it is something else."""
        bank = told["bank"]
        if not isinstance(bank, list) or not all(type(rows) is int and rows > 0 for rows in bank):
            raise ValueError(f"bank must be a list of numbers, got {bank!r}")
        kinds = {"model": str, "sampler": str, "size": int, "bank": list, "biased": bool}
        if {name: type(value) for name, value in told.items()} != kinds:
            raise ValueError(f"a recipe has {', '.join(kinds)}, got {told!r}")
        return cls(**{**told, "bank": tuple(bank)})  # type: ignore[arg-type]  # looked at above

    @property
    def digest(self) -> str:
        """A name for the folder of its graphs."""
        told = json.dumps([FORMAT, asdict(self)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:24]
