"""`omote character new --kind photoreal`: one photo becomes a character that the published Arc2Face weights draw."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omote.engine.character import CharacterError
from omote.engine.photoreal.published_file import DISTILLED

if TYPE_CHECKING:
    from omote.engine.nouns import PhotorealCharacter
    from omote.engine.photoreal.making import ToFlame, Wish

from .config import load_config

KINDS = OPEN, PHOTOREAL = ("open", "photoreal")


@dataclass(frozen=True)
class LikenessOrder:
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


def add_arguments(new: argparse.ArgumentParser) -> None:
    new.add_argument("--kind", choices=KINDS, default=OPEN, help="photoreal: of one --photo, by Arc2Face on a GPU")
    only = new.add_argument_group("of --kind photoreal alone")
    only.add_argument("--neutral", type=Path, metavar="FILE", help="55 numbers of the face at rest (.csv .npy)")
    only.add_argument("--sampler", choices=tuple(DISTILLED), help="whose few steps draw; lcm unless said")
    only.add_argument("--size", type=int, metavar="PIXELS", help="on a side, 512 unless said")
    only.add_argument("--reference-scale", type=float, metavar="0..1", help="how strongly the photo is heeded, 0.8")
    only.add_argument("--noise-seed", type=int, metavar="N", help="another pose and background for each")
    only.add_argument("--anchors", nargs="+", metavar="EXPRESSION", help="which every picture also heeds: smile ...")
    only.add_argument("--config", type=Path, metavar="FILE.toml", help="settings, of which allow_noncommercial is one")


def order(typed: argparse.Namespace) -> LikenessOrder:
    """What was typed, as one value."""
    anchors = None if typed.anchors is None else tuple(typed.anchors)
    said = {one.name: getattr(typed, one.name) for one in fields(LikenessOrder)}
    return LikenessOrder(**{**said, "anchors": anchors})


def make(name: str, photo: Path, consent: str, likeness: str, wanted: LikenessOrder) -> PhotorealCharacter:
    """The character that was ordered; errors that a person can mend are raised."""
    from omote.engine.capture.photo import PhotoError, read_photos
    from omote.engine.photoreal import making
    from omote.engine.photoreal.files import published
    from omote.engine.photoreal.neutral import NeutralError, read_neutral

    config, wish = load_config(wanted.config), _wish(name, wanted)
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


def _wish(name: str, wanted: LikenessOrder) -> Wish:
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
