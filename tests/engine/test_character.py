"""Character files come back as they were written, and damage is told."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from omote.engine import DEFAULT_CHARACTER, Character, CharacterError, character_names, load_character
from omote.engine.character import own_folder, own_names, save_character


def someone() -> Character:
    rng = np.random.default_rng(0)
    return Character(
        name="someone",
        shape=rng.standard_normal(100).astype(np.float32),
        identity=rng.standard_normal(64).astype(np.float32),
        texture=rng.standard_normal((16, 12, 8)).astype(np.float32),
        bank=rng.standard_normal((256, 128)).astype(np.float32),
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
    np.testing.assert_array_equal(back.bank, someone().bank.astype(np.float16))
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
    rewritten(path, identity=np.full(64, np.nan, np.float32))
    with pytest.raises(CharacterError, match='"identity" holds numbers that are not finite'):
        load_character(str(path))


def rewritten(path: Path, **arrays: np.ndarray) -> None:
    """Puts other arrays into a character's file, and leaves its words."""
    with safe_open(path, framework="numpy") as file:
        words = file.metadata()
    save_file({**load_file(path), **arrays}, path, words)


@pytest.mark.parametrize("name", ["shape", "identity", "texture_steps", "bank"])
def test_a_flipped_bit_is_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / "someone.omote"
    save_character(someone(), path)
    changed = load_file(path)[name].copy()
    changed.view(np.uint8).reshape(-1)[7] ^= 1
    rewritten(path, **{name: changed})
    with pytest.raises(CharacterError, match=r"is damaged: its numbers .* written; make the character again"):
        load_character(str(path))


def test_a_character_without_rows_comes_back_without_any(tmp_path: Path) -> None:
    path = tmp_path / "someone.omote"
    save_character(replace(someone(), bank=np.zeros((0, 0), np.float32)), path)
    assert load_character(str(path)).bank.shape == (0, 0)


def test_what_cannot_be_written_leaves_the_earlier_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "someone.omote"
    save_character(someone(), path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="no number"):
        save_character(replace(someone(), shape=NoNumbers()), path)  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["someone.omote"]


class NoNumbers:
    def astype(self, dtype: object) -> None:
        raise ValueError("no number")


@pytest.mark.skipif(sys.platform == "win32", reason="there a file's readers are those of its folder")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_who_may_read_a_character_is_the_users_choice(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        save_character(someone(), tmp_path / "someone.omote")
    finally:
        os.umask(before)
    assert (tmp_path / "someone.omote").stat().st_mode & 0o777 == mode


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match=r"cannot write .*nowhere.*: make the folder, or choose another place"):
        save_character(someone(), tmp_path / "nowhere" / "someone.omote")


def test_characters_made_here_are_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path))
    assert own_names() == ()
    save_character(someone(), own_folder() / "someone.omote")
    assert own_names() == ("someone",)
    assert load_character("someone").name == "someone"
    with pytest.raises(CharacterError, match='did you mean "someone"'):
        load_character("somone")


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [("linux", "XDG_DATA_HOME", "omote/characters"), ("win32", "LOCALAPPDATA", "omote/characters")],
)
def test_characters_are_kept_in_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, folder: str
) -> None:
    monkeypatch.delenv("OMOTE_CHARACTERS", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr("sys.platform", platform)
    assert own_folder() == tmp_path / folder


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("[]", "must be a map, got list"),
        ("no JSON", "no character file or damaged"),
        ('{"format": "omote character 3"}', 'in the format "omote character 3", this Omote reads "omote character 2"'),
        ('{"format": "omote character 2", "name": "someone"}', 'does not say its "model"'),
    ],
)
def test_words_that_are_missing_or_none_are_refused(tmp_path: Path, words: str, says: str) -> None:
    path = tmp_path / "someone.omote"
    save_character(someone(), path)
    save_file(load_file(path), path, {"omote": words})
    with pytest.raises(CharacterError, match=says):
        load_character(str(path))
