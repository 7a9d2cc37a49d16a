"""Character files are found by name or path, hold the whole character, and are refused with a reason if damaged."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from omote.engine import DEFAULT_CHARACTER, character_names, load_character
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.data import Character, FlameParams, PhotorealCharacter, Reference
from omote.engine.model.character_file import (
    MOST_BYTES,
    character_in,
    load_any_character,
    read_character,
    save_character,
    user_character_names,
    user_folder,
)
from omote.engine.storage import data_folder
from omote.engine.tensor_file import CharacterError, TensorFile, read_tensor_file, write_tensor_file
from omote.engine.testing.drawing import painted_character
from tests.arc2face.flat import flat_character

SOMEONE = painted_character("someone")


def ramp_character(count: int = 2, side: int = 256) -> Character:
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, side).astype(np.uint8)
    references = []
    for k in range(count):
        rgba = np.empty((side, side, 4), np.uint8)
        rgba[..., 0], rgba[..., 1], rgba[..., 2], rgba[..., 3] = ramp, ramp[:, None], 40 * k, ramp[::-1]
        vector = rng.normal(0.0, 0.1, 67).astype(np.float32)
        light = rng.normal(0.5, 0.1, 27).astype(np.float32)
        references.append(Reference(rgba, FlameParams.from_vector(vector), light, "rendered"))
    shape = rng.normal(0.0, 1.0, 100).astype(np.float32)
    return Character("mika", "open", shape, tuple(references), "CC0-1.0", "a ramp")


def test_a_character_comes_back_as_it_was_written(tmp_path: Path) -> None:
    before = ramp_character()
    save_character(before, tmp_path / "mika.omote")
    after = read_character(tmp_path / "mika.omote")
    assert (after.name, after.head, after.licence, after.made_from) == ("mika", "open", "CC0-1.0", "a ramp")
    np.testing.assert_array_equal(after.shape, before.shape)
    for one, two in zip(before.references, after.references, strict=True):
        np.testing.assert_array_equal(one.rgba[..., 3], two.rgba[..., 3])
        is_seen = one.rgba[..., 3] > 8  # transparent pixels have no colour
        error = np.abs(one.rgba[..., :3].astype(int) - two.rgba[..., :3].astype(int))[is_seen]
        assert error.mean() < 2.0  # WebP of high quality
        np.testing.assert_array_equal(one.params.vector(), two.params.vector())
        np.testing.assert_array_equal(one.light, two.light)
        assert one.kind == two.kind


@pytest.mark.parametrize(("array", "value"), [("shape", 1e6), ("params", -1e4), ("light", 3e8)])
def test_numbers_out_of_bounds_are_refused(tmp_path: Path, array: str, value: float) -> None:
    path = tmp_path / "mika.omote"
    save_character(ramp_character(), path)
    file = read_tensor_file(path)
    file.arrays[array].flat[3] = value
    with pytest.raises(CharacterError, match=f"{array} must be from -"):
        character_in(file, path)


@pytest.mark.parametrize("evil", ["\x1b[2J", "a\u202eb", "a\nlicence: free"])
def test_words_that_could_control_a_terminal_are_refused(tmp_path: Path, evil: str) -> None:
    path = tmp_path / "mika.omote"
    save_character(ramp_character(), path)
    file = read_tensor_file(path)
    write_tensor_file(path, TensorFile({**file.words, "parts": [{"licence": evil}]}, file.arrays))
    with pytest.raises(CharacterError, match="characters that cannot be printed"):
        read_tensor_file(path)


def test_a_list_of_characters_decodes_one_picture_of_each(tmp_path: Path) -> None:
    path = tmp_path / "mika.omote"
    save_character(ramp_character(3), path)
    first = character_in(read_tensor_file(path), path, most=1)
    assert len(first.references) == 1
    np.testing.assert_array_equal(first.references[0].rgba, read_character(path).references[0].rgba)


def test_noisy_references_still_make_a_small_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    one = ramp_character(1, 1024)
    noisy = np.clip(one.references[0].rgba + rng.normal(0.0, 30.0, (1024, 1024, 4)), 0, 255).astype(np.uint8)
    noisy[..., 3] = 255
    reference = replace(one.references[0], rgba=noisy)
    save_character(replace(one, references=(reference,) * 3), tmp_path / "noisy.omote")
    assert (tmp_path / "noisy.omote").stat().st_size <= MOST_BYTES


def test_a_damaged_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "mika.omote"
    save_character(ramp_character(), path)
    whole = path.read_bytes()
    picture = whole.index(b"WEBPVP8X")
    damaged = {
        "cut off": whole[: len(whole) // 2],
        "empty": b"",
        "noise": b"\xff" * 200,
        "a picture overwritten": whole[:picture] + bytes(2000) + whole[picture + 2000 :],
        "too large": whole + bytes(MOST_BYTES),
    }
    for name, data in damaged.items():
        path.write_bytes(data)
        with pytest.raises(CharacterError, match=str(path)):
            read_character(path)
            pytest.fail(f"{name}: was read")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"references": ()}, "1 to 16 references"),
        ({"head": "cat"}, "a head is one of"),
        ({"shape": np.zeros(3, np.float32)}, "shape must be"),
        ({"name": "a\nb"}, "printable"),
        ({"made_from": "x" * 5000}, "printable"),
    ],
)
def test_an_inconsistent_character_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ramp_character(), **change)  # type: ignore[arg-type]


# Found by name or path.


def test_the_default_character_is_shipped() -> None:
    assert DEFAULT_CHARACTER in character_names()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(CharacterError, match=f'did you mean "{DEFAULT_CHARACTER}"'):
        load_character(DEFAULT_CHARACTER + "a")


def test_a_photoreal_character_is_refused_where_the_open_kind_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "me.omote"
    save_photoreal(flat_character("me", 64), path)
    assert isinstance(load_any_character(str(path)), PhotorealCharacter)
    with pytest.raises(CharacterError, match="is a photoreal character, and this works with the open kind only"):
        load_character(str(path))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match=r"cannot write .*nowhere.*: make the folder, or choose another place"):
        save_character(SOMEONE, tmp_path / "nowhere" / "someone.omote")


def test_the_users_characters_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path))
    assert user_character_names() == ()
    save_character(SOMEONE, user_folder() / "someone.omote")
    assert user_character_names() == ("someone",)
    assert load_character("someone").name == "someone"
    if os.name == "posix":
        save_character(SOMEONE, user_folder() / "e\x1b[31mvil\nhana: free.omote")
        assert user_character_names() == ("someone",)
    with pytest.raises(CharacterError, match='did you mean "someone"'):
        load_character("somone")


@pytest.mark.parametrize(
    ("words", "message"),
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
def test_unusable_words_are_refused(tmp_path: Path, words: str, message: str) -> None:
    path = tmp_path / "someone.omote"
    save_character(SOMEONE, path)
    save_file(load_file(path), path, {"omote": words})
    with pytest.raises(CharacterError, match=message):
        load_character(str(path))


@pytest.mark.skipif(sys.platform == "win32", reason="there a file's readers are those of its folder")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_umask_decides_who_may_read_a_character(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        save_character(SOMEONE, tmp_path / "someone.omote")
    finally:
        os.umask(before)
    assert (tmp_path / "someone.omote").stat().st_mode & 0o777 == mode


def test_characters_are_kept_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMOTE_CHARACTERS", raising=False)
    assert user_folder() == data_folder() / "characters"
