"""What the prior is fitted from comes out of it again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from omote.engine.identity.networks import Encoded
from omote.engine.identity.prior import read
from omote.engine.training.attributes import NAMES
from omote.engine.training.pack import Pack
from omote.engine.training.prior import People, dyes, fit, save

PEOPLE, TEXELS = 200, 40


class MeanColour:
    """Knows people by the mean of their picture."""

    model, size = "tiny 1", 8

    def encode(self, picture: np.ndarray, geometry: np.ndarray) -> Encoded:
        mean = picture.mean((0, 1)).astype(np.float32)
        return Encoded(mean, np.zeros((4, 2), np.float32))

    def complete(self, lifted: np.ndarray, identity: np.ndarray) -> np.ndarray:
        raise NotImplementedError("no prior is fitted with this")


@pytest.fixture(scope="module")
def truth() -> tuple[np.ndarray, np.ndarray]:
    """[3,T,3] base and [3,5,T,3] dye of bald people and of two sides of one hairstyle."""
    rng = np.random.default_rng(0)
    return rng.uniform(-0.6, -0.2, (3, TEXELS, 3)), rng.uniform(0.0, 0.25, (3, 5, TEXELS, 3))


@pytest.fixture(scope="module")
def people(truth: tuple[np.ndarray, np.ndarray]) -> People:
    rng = np.random.default_rng(1)
    attributes = rng.random((PEOPLE, len(NAMES)))
    attributes[:, NAMES.index("masculine")] = np.arange(PEOPLE) % 2
    shape = rng.standard_normal((PEOPLE, 100))
    shape[:, 0] = 2.0 * attributes[:, NAMES.index("masculine")] + 0.1 * shape[:, 0]
    shape[:, 1] = 3.0 * attributes[:, NAMES.index("age")] + 0.1 * shape[:, 1]
    kind = rng.integers(0, 3, PEOPLE)
    colours = attributes[:, :15].reshape(PEOPLE, 5, 3)
    seen = truth[0][kind] + np.einsum("pmtc,pmc->ptc", truth[1][kind], colours)
    seen[rng.random((PEOPLE, TEXELS)) < 0.01] = np.nan
    return People(
        shape=shape,
        attributes=attributes,
        style=tuple("bald" if k == 0 else "short01" for k in kind),
        is_mirrored=kind == 2,
        seen=seen,
        texel=np.arange(100, 100 + TEXELS),
        row=np.arange(PEOPLE),
    )


@pytest.fixture(scope="module")
def pack() -> Pack:
    picture = np.random.default_rng(2).integers(0, 255, (PEOPLE, 8, 8, 4), np.uint8)
    return cast(Pack, SimpleNamespace(picture=picture, geometry=np.zeros((PEOPLE, 10, 4, 4), np.float16)))


def test_dyes_are_found_for_each_hairstyle_and_side(people: People, truth: tuple[np.ndarray, np.ndarray]) -> None:
    found = dyes(people)
    assert found.styles == ("bald", "short01", "short01")
    assert found.is_mirrored.tolist() == [False, False, True]
    np.testing.assert_allclose(found.dye, truth[1], atol=0.1)  # texels that are not seen are taken for the mean's
    assert np.abs(found.dye - truth[1]).mean() < 0.015
    assert found.unexplained < 0.05


def test_the_prior_comes_back_from_its_file(people: People, pack: Pack, tmp_path: Path) -> None:
    prior, said = fit(people, pack, MeanColour())
    save(prior, tmp_path / "prior.safetensors")
    back = read(tmp_path / "prior.safetensors")
    assert back.model == "tiny 1"
    assert "200 people, 3 hairstyles" in said
    np.testing.assert_allclose(back.looks.dye, prior.looks.dye, atol=0.003)
    np.testing.assert_array_equal(back.seen, prior.seen)
    assert back.draw(4).look.style == prior.draw(4).look.style


def test_a_head_of_a_sex_and_an_age_is_found(people: People, pack: Pack) -> None:
    prior, _ = fit(people, pack, MeanColour())
    head = prior.built(np.zeros(100, np.float32), {"masculine": 1.0, "age": 0.5})
    assert head[0] == pytest.approx(2.0, abs=0.2)
    assert head[1] == pytest.approx(1.5, abs=0.2)
