"""Character files come back as they were written, and damage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from omote.engine import DEFAULT_CHARACTER, Character, CharacterError, character_names, load_character
from omote.engine.character import save_character


def someone() -> Character:
    rng = np.random.default_rng(0)
    return Character(
        name="someone",
        shape=rng.standard_normal(100).astype(np.float32),
        identity=rng.standard_normal(64).astype(np.float32),
        texture=rng.standard_normal((16, 12, 8)).astype(np.float32),
        bank=np.zeros((0, 0), np.float32),
        model="test 1",
        licence="CC0-1.0",
        made_from="a test",
    )


def test_a_character_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "someone.omote"
    save_character(someone(), path)
    back = load_character(str(path))
    assert (back.name, back.model, back.licence, back.made_from) == ("someone", "test 1", "CC0-1.0", "a test")
    np.testing.assert_array_equal(back.shape, someone().shape)
    np.testing.assert_array_equal(back.identity, someone().identity)
    # 8 bits a number: half a step of a 127th of the channel's greatest
    np.testing.assert_allclose(back.texture, someone().texture, atol=np.abs(someone().texture).max() / 250)


def test_the_default_character_is_shipped() -> None:
    assert DEFAULT_CHARACTER in character_names()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(CharacterError, match=f'did you mean "{DEFAULT_CHARACTER}"'):
        load_character(DEFAULT_CHARACTER + "a")


def test_a_file_that_is_no_character_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.omote"
    path.write_bytes(b"\xff" * 200)
    with pytest.raises(CharacterError, match="no character file or damaged"):
        load_character(str(path))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "someone.omote"
    save_character(someone(), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CharacterError, match="damaged"):
        load_character(str(path))


def test_a_safetensors_file_of_another_kind_is_refused_by_its_format(tmp_path: Path) -> None:
    path = tmp_path / "other.omote"
    save_file({"weight": np.zeros(3, np.float32)}, path)
    with pytest.raises(CharacterError, match='in the format "None"'):
        load_character(str(path))


def test_numbers_that_are_not_finite_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "someone.omote"
    save_character(someone(), path)
    arrays = load_file(path)
    arrays["identity"][3] = np.nan
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        words = file.metadata()
    save_file(arrays, path, words)
    with pytest.raises(CharacterError, match='"identity" holds numbers that are not finite'):
        load_character(str(path))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("[]", "must be a map, got list"),
        ("no JSON", "no character file or damaged"),
        ('{"format": "omote character 2"}', 'in the format "omote character 2", this Omote reads'),
        ('{"format": "omote character 1", "name": "someone"}', 'does not say its "model"'),
    ],
)
def test_words_that_are_missing_or_none_are_refused(tmp_path: Path, words: str, says: str) -> None:
    path = tmp_path / "someone.omote"
    save_character(someone(), path)
    save_file(load_file(path), path, {"omote": words})
    with pytest.raises(CharacterError, match=says):
        load_character(str(path))
