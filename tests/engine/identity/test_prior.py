"""The prior draws plausible people, reads looks, and refuses files that are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.identity.looks import Look, Looks
from omote.engine.identity.prior import FARTHEST_SD, Prior, read, shipped_prior
from omote.engine.weights import WeightsError


def test_no_head_is_drawn_far_from_those_of_its_sex(prior: Prior) -> None:
    kept, spread = 0.6, 0.8
    for seed in range(50):
        shape = prior.draw(seed).shape
        own = np.abs(prior.shape[:, None, :30] - prior.mean[:, :30]).max()
        assert np.abs(shape[:30]).max() < np.abs(prior.mean).max() + kept * own + spread * FARTHEST_SD + 1e-5


def test_seeds_give_different_people(prior: Prior) -> None:
    drafts = [prior.draw(seed) for seed in range(30)]
    assert len({draft.shape.tobytes() for draft in drafts}) == 30
    assert len({draft.colours.tobytes() for draft in drafts}) > 25  # this prior knows few irises and clothes


def test_a_seed_may_be_as_large_as_anybody_likes(prior: Prior) -> None:
    assert np.isfinite(prior.draw(10**30).shape).all()


@pytest.mark.parametrize("style", [0, 1, 2])
def test_what_was_painted_is_read_again(looks: Looks, style: int) -> None:
    look = Look(style, np.random.default_rng(style).uniform(0.2, 0.8, (5, 3)))
    found = looks.read(looks.painted(look), np.ones(len(looks.texel)))
    assert found.style == style
    np.testing.assert_allclose(found.colours, look.colours, atol=0.01)


def test_what_is_not_seen_is_taken_for_usual(looks: Looks) -> None:
    found = looks.read(np.zeros((len(looks.texel), 3)), np.zeros(len(looks.texel)))
    np.testing.assert_allclose(found.colours, looks.usual)


@pytest.mark.parametrize(("now", "wanted"), [(0, 1), (1, 1), (2, 2)])
def test_another_hairstyle_is_parted_on_the_same_side(looks: Looks, now: int, wanted: int) -> None:
    assert looks.styled(Look(now, looks.usual), "short01").style == wanted
    assert looks.styled(Look(now, looks.usual), "bob02").style == 0


def test_texels_come_back_from_the_atlas(looks: Looks) -> None:
    texels = np.random.default_rng(0).standard_normal((len(looks.texel), 3))
    np.testing.assert_allclose(looks.texels(looks.atlas(texels)), texels, atol=1e-6)


def test_the_nearest_head_has_what_was_asked_and_nothing_asked_moves_nothing(prior: Prior) -> None:
    shape = prior.draw(1).shape
    np.testing.assert_allclose(prior.built(shape, {}), shape, atol=1e-6)
    masculine = prior.reading @ prior.built(shape, {"masculine": 0.8}) + prior.at_rest
    assert masculine[0] == pytest.approx(0.8, abs=0.01)


def test_the_shipped_prior_draws_people() -> None:
    prior = shipped_prior()
    draft = prior.draw(0)
    assert draft.shape.shape == (100,)
    assert draft.identity.shape == (64,)
    assert np.abs(draft.seen).max() <= 1.0
    assert {"bob02", "bald"} <= set(prior.looks.styles)
    looks = [shipped_prior().looks.read(prior.draw(seed).seen, np.ones(len(draft.seen))) for seed in range(8)]
    styles = [prior.looks.styles[prior.draw(seed).look.style] for seed in range(8)]
    right = [prior.looks.styles[look.style] == style for look, style in zip(looks, styles, strict=True)]
    assert sum(right) >= 7


@pytest.mark.parametrize("content", [b"", b"x" * 100])
def test_a_file_that_is_no_prior_is_refused_with_its_cure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "prior.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"prior\.safetensors is missing or damaged .*install Omote again"):
        read(path)


def test_a_prior_whose_parts_do_not_fit_is_refused(tmp_path: Path, prior: Prior) -> None:
    from omote.engine.training.prior import save

    good = tmp_path / "good.safetensors"
    save(prior, good)
    assert read(good).model == prior.model
    np.testing.assert_allclose(read(good).draw(3).shape, prior.draw(3).shape, atol=0.01)  # half precision
    save(replace(prior, factor=prior.factor[:, :50]), tmp_path / "bad.safetensors")
    with pytest.raises(WeightsError, match="missing or damaged"):
        read(tmp_path / "bad.safetensors")
