"""Characters are found by name or path, and files that are none are told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from omote.engine import DEFAULT_CHARACTER, CharacterError, character_names, load_character
from omote.engine.data import PhotorealCharacter
from omote.engine.model.character_file import load_any_character, save_character, user_character_names, user_folder
from omote.engine.photoreal.character_file import save_photoreal
from omote.engine.storage import data_folder
from omote.engine.testing.arc2face import flat_character
from omote.engine.testing.drawing import painted_character

SOMEONE = painted_character("someone")


def test_a_character_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "someone.omote"
    save_character(SOMEONE, path)
    back = load_character(str(path))
    assert (back.name, back.licence, back.made_from, back.head) == ("someone", "CC0-1.0", "painted in code", "open")
    np.testing.assert_array_equal(back.references[0].rgba[..., 3], SOMEONE.references[0].rgba[..., 3])


def test_the_default_character_is_shipped() -> None:
    assert DEFAULT_CHARACTER in character_names()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(CharacterError, match=f'did you mean "{DEFAULT_CHARACTER}"'):
        load_character(DEFAULT_CHARACTER + "a")


def test_a_photoreal_character_is_loaded_as_such_and_refused_where_another_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "me.omote"
    save_photoreal(flat_character("me", 64), path)
    assert isinstance(load_any_character(str(path)), PhotorealCharacter)
    with pytest.raises(CharacterError, match="is a photoreal character, and this works with the open kind only"):
        load_character(str(path))


def test_a_file_that_is_no_character_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.omote"
    path.write_bytes(b"\xff" * 200)
    with pytest.raises(CharacterError, match="no character file or damaged"):
        load_character(str(path))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match=r"cannot write .*nowhere.*: make the folder, or choose another place"):
        save_character(SOMEONE, tmp_path / "nowhere" / "someone.omote")


def test_characters_made_here_are_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path))
    assert user_character_names() == ()
    save_character(SOMEONE, user_folder() / "someone.omote")
    assert user_character_names() == ("someone",)
    assert load_character("someone").name == "someone"
    with pytest.raises(CharacterError, match='did you mean "someone"'):
        load_character("somone")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("[]", "must be a map, got list"),
        ("no JSON", "no character file or damaged"),
        (
            '{"format": "omote character 2"}',
            'format "omote character 2" of an earlier Omote, this one reads .*3", .*photo',
        ),
        ('{"format": "omote character 9"}', 'in the format "omote character 9", this Omote reads "omote character 3"'),
        ("{}", 'in the format "", this Omote reads "omote character 3": make it again'),
    ],
)
def test_words_that_are_missing_or_none_are_refused(tmp_path: Path, words: str, says: str) -> None:
    path = tmp_path / "someone.omote"
    save_character(SOMEONE, path)
    save_file(load_file(path), path, {"omote": words})
    with pytest.raises(CharacterError, match=says):
        load_character(str(path))


@pytest.mark.skipif(sys.platform == "win32", reason="there a file's readers are those of its folder")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_who_may_read_a_character_is_the_users_choice(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        save_character(SOMEONE, tmp_path / "someone.omote")
    finally:
        os.umask(before)
    assert (tmp_path / "someone.omote").stat().st_mode & 0o777 == mode


def test_characters_are_kept_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMOTE_CHARACTERS", raising=False)
    assert user_folder() == data_folder() / "characters"
