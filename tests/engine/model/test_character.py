"""A character's file holds all of it, is small, and a damaged one is refused with a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.data import Character, FlameParams, Reference
from omote.engine.model.character_file import (
    MOST_BYTES,
    CharacterError,
    TensorFile,
    character_in,
    read_character,
    read_tensor_file,
    save_character,
    write_tensor_file,
)


def character(count: int = 2, side: int = 256) -> Character:
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
    before = character()
    save_character(before, tmp_path / "mika.omote")
    after = read_character(tmp_path / "mika.omote")
    assert (after.name, after.head, after.licence, after.made_from) == ("mika", "open", "CC0-1.0", "a ramp")
    np.testing.assert_array_equal(after.shape, before.shape)
    for one, two in zip(before.references, after.references, strict=True):
        np.testing.assert_array_equal(one.rgba[..., 3], two.rgba[..., 3])
        is_seen = one.rgba[..., 3] > 8  # what is all transparent has no colour
        error = np.abs(one.rgba[..., :3].astype(int) - two.rgba[..., :3].astype(int))[is_seen]
        assert error.mean() < 2.0  # WebP of high quality
        np.testing.assert_array_equal(one.params.vector(), two.params.vector())
        np.testing.assert_array_equal(one.light, two.light)
        assert one.kind == two.kind


@pytest.mark.parametrize(("array", "value"), [("shape", 1e6), ("params", -1e4), ("light", 3e8)])
def test_numbers_that_no_head_has_are_refused(tmp_path: Path, array: str, value: float) -> None:
    path = tmp_path / "mika.omote"
    save_character(character(), path)
    sealed = read_tensor_file(path)
    sealed.arrays[array].flat[3] = value
    with pytest.raises(CharacterError, match=f"{array} must be from -"):
        character_in(sealed, path)


@pytest.mark.parametrize("evil", ["\x1b[2J", "a\u202eb", "a\nlicence: free"])
def test_words_that_could_steer_a_terminal_are_refused(tmp_path: Path, evil: str) -> None:
    path = tmp_path / "mika.omote"
    save_character(character(), path)
    held = read_tensor_file(path)
    write_tensor_file(path, TensorFile({**held.words, "parts": [{"licence": evil}]}, held.arrays))
    with pytest.raises(CharacterError, match="characters that cannot be printed"):
        read_tensor_file(path)


def test_a_list_of_characters_decodes_one_picture_of_each(tmp_path: Path) -> None:
    path = tmp_path / "mika.omote"
    save_character(character(3), path)
    first = character_in(read_tensor_file(path), path, most=1)
    assert len(first.references) == 1
    np.testing.assert_array_equal(first.references[0].rgba, read_character(path).references[0].rgba)


def test_noisy_references_still_make_a_small_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    one = character(1, 1024)
    noisy = np.clip(one.references[0].rgba + rng.normal(0.0, 30.0, (1024, 1024, 4)), 0, 255).astype(np.uint8)
    noisy[..., 3] = 255
    reference = replace(one.references[0], rgba=noisy)
    save_character(replace(one, references=(reference,) * 3), tmp_path / "noisy.omote")
    assert (tmp_path / "noisy.omote").stat().st_size <= MOST_BYTES


def test_a_damaged_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "mika.omote"
    save_character(character(), path)
    whole = path.read_bytes()
    picture = whole.index(b"WEBPVP8X")
    cases = {
        "cut off": whole[: len(whole) // 2],
        "empty": b"",
        "a picture overwritten": whole[:picture] + bytes(2000) + whole[picture + 2000 :],
        "too large": whole + bytes(MOST_BYTES),
    }
    for name, data in cases.items():
        path.write_bytes(data)
        with pytest.raises(CharacterError, match=str(path)):
            read_character(path)
            pytest.fail(f"{name}: was read")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"references": ()}, "1 to 8 references"),
        ({"head": "cat"}, "a head is one of"),
        ({"shape": np.zeros(3, np.float32)}, "shape must be"),
        ({"name": "a\nb"}, "printable"),
        ({"made_from": "x" * 5000}, "printable"),
    ],
)
def test_a_character_that_makes_no_sense_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(character(), **change)  # type: ignore[arg-type]
