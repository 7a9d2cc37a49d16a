"""A home with a photoreal character in it, its tiny networks exported as a first start would, and a FLAME map."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.capture.take import Take, write_take
from omote.engine.data import BankRows, PhotorealCharacter
from omote.engine.face.flame_map import FILE_NAME, FlameMap
from tests.arc2face import tiny
from tests.arc2face.flat import flat_character

LENGTH = 6
CONFIG = b"{}"  # of the one published file that is there


def furnish(home: Path, exported: Path) -> None:
    """Fills the home with everything that `use` points to, and with the tiny networks in `exported`."""
    for folder in ("characters", "models", "published/vae", "config/omote", "cache/omote/photoreal"):
        (home / folder).mkdir(parents=True)
    shutil.copytree(exported, home / "cache/omote/photoreal" / tiny.RECIPE.digest)
    for seed, name in enumerate(("me", "you")):
        save_photoreal(person(name, seed), home / "characters" / f"{name}.omote")
    flame_map().save(home / FILE_NAME)
    (home / "config/omote/config.toml").write_text(
        f'photoreal = "{home / "published"}"\nflame_map = "{home / FILE_NAME}"\n'
    )
    (home / "published/vae/config.json").write_bytes(CONFIG)
    write_take(home / "take.csv", _take())


def use(home: Path, patch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's user is read or written."""
    patch.setenv("OMOTE_CHARACTERS", str(home / "characters"))
    patch.setenv("OMOTE_MODELS", str(home / "models"))
    for variable in ("cache", "config", "data"):
        patch.setenv(f"XDG_{variable.upper()}_HOME", str(home / variable))


def person(name: str, seed: int = 0) -> PhotorealCharacter:
    """Of the tiny networks."""
    source = np.random.default_rng(seed)
    wide = tiny.widths()
    rows = [source.standard_normal((2, rows, width)) for rows, width in zip(tiny.ROWS, wide, strict=True)]
    keys, values = (tuple(row[part].astype(np.float16) for row in rows) for part in (0, 1))
    bank = BankRows(keys, values, tuple(np.zeros(count, np.float32) for count in tiny.ROWS))
    tokens = source.standard_normal((77, tiny.CROSS), np.float32)
    flat = flat_character(name, tiny.SIZE, seed)
    return replace(flat, tokens=tokens, empty=tokens, bank=bank, model=tiny.RECIPE.model, reference_scale=0.8)


def flame_map() -> FlameMap:
    """Random; a real one needs a FLAME file."""
    expression = np.random.default_rng(0).standard_normal((52, 50), np.float32)
    jaw, explained, apart = np.array([0.4, 0.1, -0.1], np.float32), np.ones(52, np.float32), np.ones(2, np.float32)
    return FlameMap(expression, jaw, explained, apart, "f" * 64)


def _take() -> Take:
    """A jaw that opens while the head turns."""
    weights, turn = np.zeros((LENGTH, 52), np.float32), np.zeros((LENGTH, 3), np.float32)
    weights[:, 17], turn[:, 1] = np.linspace(0.0, 1.0, LENGTH), np.linspace(0.0, 0.3, LENGTH)
    gaze, seen = np.zeros((LENGTH, 2, 2), np.float32), np.ones(LENGTH, np.float32)
    return Take(30.0, np.arange(LENGTH) / 30.0, weights, turn, np.zeros_like(turn), gaze, seen)
