"""The options of `omote character new --kind photoreal`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from ..face.expressions import NAMED_EXPRESSIONS
from ..tensor_file import CharacterError
from .files import DISTILLED

DIRECT, COPIED = LIVE = ("direct", "copied")
_UNIT, _LEAST, _MOST = 64, 128, 1024  # pixels: the decoder works on eighths, which the UNet halves three times


@dataclass(frozen=True)
class Options:
    """A photoreal character to make."""

    name: str
    sampler: str = "lcm"
    size: int = 512  # pixels on a side
    reference_scale: float = 0.8  # 0: neither the reference adapter nor a bank
    noise_seeds: tuple[int, ...] = (0,)
    anchors: tuple[str, ...] = ()  # expressions, by their names in `omote.engine.face.expressions`
    live: str = DIRECT
    expression_scale: float = 1.0  # of pictures for `copied`

    def check(self) -> None:
        """CharacterError if a value is out of range."""
        if self.size % _UNIT or not _LEAST <= self.size <= _MOST:
            raise CharacterError(f"--size must be from {_LEAST} to {_MOST} in steps of {_UNIT}, got {self.size}")
        if not 0.0 <= self.reference_scale <= 1.0:
            raise CharacterError(f"--reference-scale must be above 0 and at most 1, got {self.reference_scale}")
        if min(self.noise_seeds) < 0 or len(set(self.noise_seeds)) != len(self.noise_seeds):
            raise CharacterError(f"--noise-seed takes different numbers from 0 on, got {self.noise_seeds}")
        for name in self.anchors:
            if name not in NAMED_EXPRESSIONS:
                raise CharacterError(
                    f'no expression is called "{name}": --anchors takes {", ".join(NAMED_EXPRESSIONS)}'
                )

    def named(self, seed: int) -> str:
        """The name of the character with this seed."""
        return self.name if len(self.noise_seeds) == 1 else f"{self.name}-{seed}"


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Adds the options that only photoreal characters have."""
    live = "copied: Arc2Face draws reference pictures once, and a CPU copies them live"
    group.add_argument("--live", choices=LIVE, help=live)
    group.add_argument("--neutral", type=Path, metavar="FILE", help="55 numbers of the face at rest (.csv .npy)")
    group.add_argument("--sampler", choices=tuple(DISTILLED), help="sampler of the live pictures, lcm by default")
    group.add_argument("--size", type=int, metavar="PIXELS", help="pixels on a side, 512 by default")
    scale = "how much the pictures resemble the photo, 0.8 by default"
    group.add_argument("--reference-scale", type=float, metavar="0..1", help=scale)
    group.add_argument("--no-reference", action="store_true", default=None, help="use only the photo's identity")
    seeds = "each seed gives another head pose, hair and background; several make a character each"
    group.add_argument("--noise-seed", dest="noise_seeds", type=int, nargs="+", metavar="N", help=seeds)
    anchors = "expressions to which every picture attends: smile ..."
    group.add_argument("--anchors", nargs="+", metavar="EXPRESSION", help=anchors)
    strength = "strength of the expressions in --live copied"
    group.add_argument("--expression-scale", type=float, metavar="0..1.5", help=strength)
    group.add_argument("--config", type=Path, metavar="FILE.toml", help="settings, such as allow_noncommercial")


def names_of(name: str, typed: argparse.Namespace) -> list[str]:
    """The names of all characters that these options make, in the order of the seeds."""
    options = options_of(name, typed)
    return [options.named(seed) for seed in options.noise_seeds]


def options_of(name: str, typed: argparse.Namespace) -> Options:
    """The options that were typed, checked; CharacterError names those that cannot be combined."""
    given = {one: getattr(typed, one, None) for one in Options.__dataclass_fields__ if one != "name"}
    given = {
        one: tuple(value) if isinstance(value, list) else value for one, value in given.items() if value is not None
    }
    if getattr(typed, "no_reference", None):
        if "reference_scale" in given or "anchors" in given:
            raise CharacterError("--no-reference has no bank: leave out --reference-scale and --anchors")
        given["reference_scale"] = 0.0
    elif given.get("reference_scale") == 0.0:
        raise CharacterError("a --reference-scale of 0 would use weights that do not fit: use --no-reference")
    if "expression_scale" in given and given.get("live") != COPIED:
        raise CharacterError("--expression-scale is only for --live copied; omote live has it for other characters")
    options = replace(Options(name), **given)  # type: ignore[arg-type]  # argparse gave each its type
    options.check()
    return options
