"""Characters out of seeds, blends and wishes: the same each time, and different in what was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.engine.character import CharacterError
from omote.engine.face.head import open_head
from omote.engine.face.lift import Lifter
from omote.engine.identity.drawing import drawing_of, sampled
from omote.engine.identity.looks import Look
from omote.engine.identity.making import Maker
from omote.engine.identity.networks import ExportedNetworks
from omote.engine.identity.prior import Prior
from omote.engine.identity.wishes import COLOURS, understood
from omote.engine.nouns import Character, FlameParams
from omote.engine.roles import Artist

ARRAYS = ("shape", "identity", "texture", "bank")


def same(first: Character, second: Character) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ARRAYS)


def test_a_seed_always_stands_for_the_same_person_and_another_for_another(maker: Maker) -> None:
    first = maker.from_seed("one", 7)
    assert same(first, maker.from_seed("two", 7))
    assert not np.array_equal(first.shape, maker.from_seed("three", 8).shape)
    assert "seed 7 of model tiny 1" in first.made_from


def test_a_character_of_a_seed_is_whole(maker: Maker) -> None:
    character = maker.from_seed("one", 3)
    assert character.texture.shape == (16, 256, 128)
    assert character.bank.shape == (256, 128)
    assert character.shape.dtype == character.identity.dtype == character.texture.dtype == np.float32


def test_a_seed_has_the_colours_that_were_drawn_for_it(maker: Maker, prior: Prior, artist: Artist) -> None:
    draft = prior.draw(5)
    drawing = drawing_of(maker.from_seed("one", 5), artist, 256)
    seen = prior.looks.texels(drawing.lifted)
    is_seen = seen[:, 3] > 0.9
    wanted = prior.looks.painted(replace(draft.look, colours=draft.colours))
    error = np.abs(seen[is_seen, :3] / seen[is_seen, 3:] - wanted[is_seen])
    assert error.mean() < 0.12  # of 2: texels are half as fine as pixels, and neighbours differ here at random


@pytest.mark.parametrize("seed", [-1, -(2**40)])
def test_a_negative_seed_is_refused(maker: Maker, seed: int) -> None:
    with pytest.raises(CharacterError, match=f"a seed is a whole number from 0 on, got {seed}"):
        maker.from_seed("one", seed)


def test_a_blend_at_its_ends_is_one_of_the_two(maker: Maker) -> None:
    a, b = maker.from_seed("a", 1), maker.from_seed("b", 2)
    assert same(maker.blended("c", a, b, 0.0), a)
    assert same(maker.blended("c", a, b, 1.0), b)


def test_a_blend_lies_between_the_two_and_has_rows_of_its_own(maker: Maker) -> None:
    a, b = maker.from_seed("a", 1), maker.from_seed("b", 2)
    blend = maker.blended("c", a, b, 0.25)
    for name in ("shape", "identity", "texture"):
        np.testing.assert_allclose(
            getattr(blend, name), 0.75 * getattr(a, name) + 0.25 * getattr(b, name), rtol=1e-5, atol=1e-5
        )
    assert blend.bank.shape == a.bank.shape
    assert not np.array_equal(blend.bank, a.bank)
    assert a.made_from in blend.made_from
    assert b.made_from in blend.made_from


def test_a_blend_keeps_both_licences(maker: Maker) -> None:
    a = maker.from_seed("a", 1)
    private = replace(a, licence="Private")
    assert maker.blended("c", a, private, 0.5).licence == "Apache-2.0 and Private"
    assert maker.blended("c", a, a, 0.5).licence == "Apache-2.0"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_blend_beyond_its_ends_is_refused(maker: Maker, share: float) -> None:
    a = maker.from_seed("a", 1)
    with pytest.raises(CharacterError, match="a blend goes from 0"):
        maker.blended("c", a, a, share)


def test_characters_of_another_model_are_neither_blended_nor_changed(maker: Maker, prior: Prior) -> None:
    older = replace(maker.from_seed("a", 1), model="older")
    with pytest.raises(CharacterError, match='"a" is of model "older", this Omote makes characters of model "tiny 1"'):
        maker.blended("c", older, older, 0.5)
    with pytest.raises(CharacterError, match='of model "older"'):
        maker.changed(older, understood(("hair=teal",), prior.looks.styles))


def test_a_prior_of_another_model_is_refused(prior: Prior, networks: ExportedNetworks, artist: Artist) -> None:
    with pytest.raises(CharacterError, match='the prior of model older is of model "older"'):
        Maker(replace(prior, model="older"), networks, artist)


@pytest.mark.parametrize("name", COLOURS)
def test_a_colour_that_is_set_is_seen_and_the_others_stay(
    maker: Maker, prior: Prior, artist: Artist, name: str
) -> None:
    before = maker.from_seed("a", 4)
    typed = (f"{name}=#20c040", *(("brow=#808080",) if name == "hair" else ()))
    after = maker.changed(before, understood(typed, prior.looks.styles))
    looks = [read(one, prior, artist) for one in (before, after)]
    at = COLOURS.index(name)
    wanted = np.array([0x20, 0xC0, 0x40]) / 255.0
    assert np.abs(looks[1][at] - wanted).max() < 0.5 * np.abs(looks[0][at] - wanted).max()
    for other in {*range(5)} - {at, COLOURS.index("brow")}:
        assert np.abs(looks[1][other] - looks[0][other]).max() < 0.1
    assert f"with {name}=#20c040" in after.made_from


def look(character: Character, prior: Prior, artist: Artist) -> Look:
    seen = prior.looks.texels(drawing_of(character, artist, 256).lifted)
    return prior.looks.read(seen[:, :3] / np.maximum(seen[:, 3:], 1e-3), seen[:, 3])


def read(character: Character, prior: Prior, artist: Artist) -> np.ndarray:
    return look(character, prior, artist).colours


@pytest.mark.parametrize("style", ["bob02", "short01"])
def test_a_hairstyle_that_is_set_is_seen_in_the_same_colours(
    maker: Maker, prior: Prior, artist: Artist, style: str
) -> None:
    before = maker.from_seed("a", 11)
    after = maker.changed(before, understood((f"style={style}",), prior.looks.styles))
    looks = [look(one, prior, artist) for one in (before, after)]
    assert prior.looks.styles[looks[1].style] == style
    np.testing.assert_allclose(looks[1].colours, looks[0].colours, atol=0.12)


def test_brows_go_with_hair_unless_they_are_set(maker: Maker, prior: Prior, artist: Artist) -> None:
    character = maker.from_seed("a", 4)
    brow = COLOURS.index("brow")
    white = maker.changed(character, understood(("hair=#ffffff",), prior.looks.styles))
    black = maker.changed(character, understood(("hair=#000000",), prior.looks.styles))
    assert read(white, prior, artist)[brow].mean() > read(black, prior, artist)[brow].mean() + 0.2


def test_sex_and_age_move_the_head_and_no_more_than_asked(maker: Maker, prior: Prior) -> None:
    character = maker.from_seed("a", 6)
    older = maker.changed(character, understood(("age=0.9",), prior.looks.styles))
    now, then = (prior.reading @ one.shape + prior.at_rest for one in (older, character))
    assert now[1] == pytest.approx(0.9, abs=0.02)
    assert now[0] == pytest.approx(then[0], abs=0.02)
    assert np.linalg.norm(older.shape - character.shape) > 0.1


def test_a_texture_is_read_between_its_texels() -> None:
    ramp = np.broadcast_to(np.arange(128, dtype=np.float32), (1, 256, 128))
    uv = np.zeros((1, 3, 2), np.float32)
    uv[0, :, 0] = [-1.0, 0.0, 1.0]
    np.testing.assert_allclose(sampled(ramp, uv)[0, :, 0], [0.0, 63.5, 127.0], atol=2e-3)


def test_what_is_painted_on_texels_is_lifted_from_there_again(maker: Maker, prior: Prior, artist: Artist) -> None:
    character = replace(maker.from_seed("a", 2), texture=np.zeros((16, 256, 128), np.float32))
    grey = drawing_of(character, artist, 256)
    patch = np.zeros((3, 256, 128), np.float32)
    patch[0, 50:70, 50:70] = 0.8  # on the face
    red = grey.repainted(patch)
    weight = Lifter(open_head().shaped(character.shape)).lift(FlameParams.neutral()).weight[54:66, 54:66]
    gained = (red.lifted - grey.lifted)[:3, 54:66, 54:66]
    np.testing.assert_allclose(gained[0], 0.8 * weight, atol=0.05)
    assert np.abs(gained[1:]).max() < 0.02
