"""What `omote character new --kind photoreal` takes."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from ..face.expressions import NAMED_EXPRESSIONS
from ..tensor_file import CharacterError
from .files import DISTILLED

DIRECT, COPIED = LIVE = ("direct", "copied")
_UNIT, _LEAST, _MOST = 64, 128, 1024  # pixels: the UNet halves a side three times after the decoder's eight


@dataclass(frozen=True)
class Options:
    """What a photoreal character is to be."""

    name: str
    sampler: str = "lcm"
    size: int = 512  # pixels on a side
    reference_scale: float = 0.8  # 0: neither the reference adapter nor a bank
    noise_seeds: tuple[int, ...] = (0,)
    anchors: tuple[str, ...] = ()  # expressions, as `omote.engine.face.expressions` names them
    live: str = DIRECT
    expression_scale: float = 1.0  # of copied anchors

    def check(self) -> None:
        """CharacterError where this cannot be."""
        if self.size % _UNIT or not _LEAST <= self.size <= _MOST:
            raise CharacterError(f"--size goes from {_LEAST} to {_MOST} in steps of {_UNIT}, got {self.size}")
        if not 0.0 <= self.reference_scale <= 1.0:
            raise CharacterError(f"--reference-scale goes from above 0 to 1, got {self.reference_scale}")
        if min(self.noise_seeds) < 0 or len(set(self.noise_seeds)) != len(self.noise_seeds):
            raise CharacterError(f"--noise-seed takes different numbers from 0 on, got {self.noise_seeds}")
        for name in self.anchors:
            if name not in NAMED_EXPRESSIONS:
                raise CharacterError(
                    f'no expression is called "{name}": --anchors takes {", ".join(NAMED_EXPRESSIONS)}'
                )

    def named(self, seed: int) -> str:
        """The name of the character of this seed."""
        return self.name if len(self.noise_seeds) == 1 else f"{self.name}-{seed}"


def add_arguments(only: argparse._ArgumentGroup) -> None:
    """The options of `omote character new` that are of photoreal characters alone."""
    only.add_argument(
        "--live", choices=LIVE, help="copied: Arc2Face draws reference pictures once, a CPU copies them live"
    )
    only.add_argument("--neutral", type=Path, metavar="FILE", help="55 numbers of the face at rest (.csv .npy)")
    only.add_argument("--sampler", choices=tuple(DISTILLED), help="whose few steps draw; lcm unless said")
    only.add_argument("--size", type=int, metavar="PIXELS", help="on a side, 512 unless said")
    only.add_argument("--reference-scale", type=float, metavar="0..1", help="weight of the photo's looks, 0.8")
    only.add_argument("--no-reference", action="store_true", default=None, help="identity and expression alone")
    noise = "another head pose, hair and background for each; several make a character each"
    only.add_argument("--noise-seed", dest="noise_seeds", type=int, nargs="+", metavar="N", help=noise)
    only.add_argument("--anchors", nargs="+", metavar="EXPRESSION", help="which every picture also reads: smile ...")
    only.add_argument(
        "--expression-scale", type=float, metavar="0..1.5", help="strength of the expression in --live copied"
    )
    only.add_argument("--config", type=Path, metavar="FILE.toml", help="settings, of which allow_noncommercial is one")


def options_of(name: str, typed: argparse.Namespace) -> Options:
    """What was typed, checked; CharacterError names what contradicts something else."""
    said = {one: getattr(typed, one, None) for one in Options.__dataclass_fields__ if one != "name"}
    said = {one: tuple(value) if isinstance(value, list) else value for one, value in said.items() if value is not None}
    if getattr(typed, "no_reference", None):
        if "reference_scale" in said or "anchors" in said:
            raise CharacterError("--no-reference has no bank: leave out --reference-scale and --anchors")
        said["reference_scale"] = 0.0
    elif said.get("reference_scale") == 0.0:
        raise CharacterError("a --reference-scale of 0 reads the photo by weights that cannot: use --no-reference")
    if "expression_scale" in said and said.get("live") != COPIED:
        raise CharacterError("--expression-scale is of --live copied: omote live has its own for the others")
    options = replace(Options(name), **said)  # type: ignore[arg-type]  # argparse gave each its type
    options.check()
    return options
