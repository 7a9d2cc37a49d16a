"""Photoreal character files come back as they were written, and damage is noticed."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from omote.engine.arc2face.character import read as read_photoreal
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.data import BankRows, PhotorealCharacter, SourceFile
from omote.engine.model.character_file import load_any_character
from omote.engine.tensor_file import CharacterError

PART = SourceFile("arc2face/diffusion_pytorch_model.safetensors", "ab" * 32, "MIT", False)


def someone() -> PhotorealCharacter:
    rng = np.random.default_rng(0)

    def rows(*widths: int) -> tuple[Any, ...]:
        return tuple(rng.standard_normal((6, width)).astype(np.float16) for width in widths)

    bias = tuple(np.array([0, 0, 0, 0, 0.5, -np.inf], np.float32) for _ in range(2))
    return PhotorealCharacter(
        name="me",
        tokens=rng.standard_normal((77, 8)).astype(np.float32),
        empty=np.zeros((77, 8), np.float32),
        noise=rng.standard_normal((4, 2, 2)).astype(np.float32),
        neutral=np.full(55, 0.01, np.float32),
        is_neutral_measured=False,
        reference=rng.integers(0, 256, (16, 16, 3), np.uint8),
        points=rng.uniform(0, 16, (478, 2)).astype(np.float32),
        bank=BankRows(rows(4, 8), rows(4, 8), bias),
        sampler="lcm",
        model="0123",
        parts=(PART, replace(PART, name="vae", is_commercial=True)),
        licence="Private",
        made_from="a test",
        reference_scale=0.5,
    )


ME = someone()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_photoreal(ME, tmp_path / "me.omote")
    return tmp_path / "me.omote"


def rewritten(path: Path, changes: dict[str, object], **arrays: Any) -> None:
    """Puts other words and arrays into a character's file."""
    with safe_open(path, framework="numpy") as file:
        words = json.loads(file.metadata()["omote"])
    save_file({**load_file(path), **arrays}, path, {"omote": json.dumps({**words, **changes})})


def test_a_character_comes_back_from_its_file_with_or_without_a_bank(path: Path) -> None:
    back = read_photoreal(path)
    for field in fields(ME):
        found, wanted = getattr(back, field.name), getattr(ME, field.name)
        if isinstance(wanted, np.ndarray):
            np.testing.assert_array_equal(found, wanted, strict=True)
        elif field.name != "bank":
            assert found == wanted
    for name in ("keys", "values", "bias"):
        for found, wanted in zip(getattr(back.bank, name), getattr(ME.bank, name), strict=True):
            np.testing.assert_array_equal(found, wanted, strict=True)
    save_photoreal(replace(ME, bank=BankRows(), reference_scale=0.0), path)
    assert not read_photoreal(path).bank


@pytest.mark.parametrize(
    "name", ["tokens", "noise", "neutral", "reference", "points", "keys_01", "values_00", "bias_00"]
)
def test_a_flipped_bit_is_found(path: Path, name: str) -> None:
    changed = load_file(path)[name].copy()
    changed.view(np.uint8).reshape(-1)[1] ^= 1
    rewritten(path, {}, **{name: changed})
    with pytest.raises(CharacterError, match="is damaged: its contents have changed"):
        read_photoreal(path)


def test_other_words_a_cut_and_another_format_are_refused(path: Path) -> None:
    whole = path.read_bytes()
    rewritten(path, {"licence": "CC0-1.0"})
    with pytest.raises(CharacterError, match="its contents have changed"):
        load_any_character(str(path))
    rewritten(path, {"format": "omote photoreal 3"})
    message = 'in the format "omote photoreal 3", this version reads "omote photoreal 2"'
    with pytest.raises(CharacterError, match=message):
        read_photoreal(path)
    path.write_bytes(whole[:-100])
    with pytest.raises(CharacterError, match="no character file or damaged"):
        load_any_character(str(path))


ROWS = ME.bank


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"neutral": np.zeros(55, np.float32)}, "its neutral is all zeros"),
        ({"neutral": np.ones(50, np.float32)}, r'"neutral" must be float32 \[55\], got float32 \[50\]'),
        ({"tokens": np.ones((77, 8))}, r'"tokens" must be float32 \[77, \'any\'\], got float64 \[77, 8\]'),
        ({"tokens": np.full((77, 8), np.nan, np.float32)}, '"tokens" holds numbers that are not finite'),
        ({"noise": np.ones((4, 3, 2), np.float32)}, r'"noise" must be float32 \[4, 2, 2\]'),
        ({"noise": np.ones((4, 0, 0), np.float32)}, r'"noise" must be'),
        ({"reference": np.zeros((8, 8, 3), np.uint8)}, r'"reference" must be uint8 \[16, 16, 3\]'),
        ({"reference_scale": float("nan")}, "its reference scale must be from 0 to 1, got nan"),
        ({"reference_scale": 0.0}, "its reference scale is 0.0, and it has a bank"),
        ({"bank": BankRows()}, "its reference scale is 0.5, and it has no bank"),
        ({"sampler": "ddim"}, 'its sampler is "ddim", expected lcm, tcd, student'),
        ({"bank": BankRows(ROWS.keys, ROWS.values[:1])}, "2 blocks of keys, 1 of values and 2 of biases"),
        ({"bank": BankRows(ROWS.keys, ROWS.keys[::-1])}, r'"values_00" must be float16 \[6, 4\]'),
        (
            {"bank": replace(ROWS, bias=(np.zeros(5, np.float32),) * 2)},
            r'"bias_00" must be float32 \[6\], got float32 \[5\]',
        ),
        ({"bank": replace(ROWS, bias=(np.full(6, np.inf, np.float32),) * 2)}, '"bias_00" holds numbers'),
    ],
)
def test_parts_that_do_not_fit_together_are_not_saved(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(CharacterError, match=message):
        save_photoreal(replace(ME, **change), tmp_path / "me.omote")
    assert not list(tmp_path.iterdir())
