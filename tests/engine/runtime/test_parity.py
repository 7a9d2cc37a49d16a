"""Every runtime draws the reference's picture, or is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.runtime import parity
from omote.engine.runtime.build import Build
from omote.engine.runtime.kept import Kept
from omote.engine.runtime.network import Array, Inputs, RuntimeUnavailable
from omote.engine.runtime.openvino import OpenVinoNetwork
from omote.engine.weights import networks

FILE = networks()[-1]
SMALL = Build("openvino", "f32", 128)


class Painted:
    """Draws the reference's own picture, each level off by so many."""

    name = "painted cpu f32"

    def __init__(self, off: int = 0) -> None:
        self.runs, self._off = 0, off

    def run(self, inputs: Inputs) -> Array:
        self.runs += 1
        wanted = np.clip(parity.picture_at(128).astype(np.float32) + self._off, 0, 255) / 255.0
        alpha = wanted[..., 3:]
        colour = np.divide(wanted[..., :3], alpha, out=np.zeros_like(wanted[..., :3]), where=alpha > 0.0)
        return np.asarray(np.concatenate([colour, alpha], -1).transpose(2, 0, 1)[None] * 2.0 - 1.0, np.float32)


def test_the_stored_reference_is_of_the_shipped_network() -> None:
    assert parity.stored_reference().network == FILE.sha256


def test_there_is_a_picture_of_every_size_that_is_shipped() -> None:
    assert [parity.picture_at(size).shape for size in FILE.sizes] == [(size, size, 4) for size in FILE.sizes]


@pytest.mark.parametrize("size", FILE.sizes)
def test_stored_inputs_fit_the_network_at_every_size(size: int) -> None:
    inputs = parity.stored_reference().at(size, 2)
    assert {name: array.shape for name, array in vars(inputs).items()} == FILE.shapes(size, 2)


def test_openvino_draws_what_pytorch_drew_for_each_of_a_batch() -> None:
    build = replace(SMALL, batch=2)
    found = parity.check(OpenVinoNetwork(FILE, build), build, parity.stored_reference())
    assert found.fits("f32"), found


def test_the_same_picture_is_120_db() -> None:
    found = parity.check(Painted(), SMALL, parity.stored_reference())
    assert found.max_abs == 0
    assert found.psnr_db == pytest.approx(parity.SAME_DB)


def test_another_picture_is_refused_with_what_was_found_and_wanted(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"painted cpu f32 draws .* levels off, wanted 70 dB and 2 levels"):
        parity.require(Painted(off=5), FILE, SMALL, Kept(tmp_path))


def test_a_refusal_is_remembered_as_well_as_a_likeness(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    good, bad = Painted(), Painted(off=5)
    bad.name = "spoilt cpu f32"
    for _ in range(2):
        assert parity.require(good, FILE, SMALL, kept) is not None
        with pytest.raises(RuntimeUnavailable):
            parity.require(bad, FILE, SMALL, kept)
    assert (good.runs, bad.runs) == (1, 1)


@pytest.mark.parametrize("damaged", [{}, {"max_abs": "few", "psnr_db": 99.0}, {"max_abs": 1, "psnr_db": None}])
def test_what_is_remembered_in_other_words_is_found_out_again(tmp_path: Path, damaged: dict[str, object]) -> None:
    kept, network = Kept(tmp_path), Painted()
    kept.put(parity._facts(network, FILE, SMALL), damaged)
    found = parity.require(network, FILE, SMALL, kept)
    assert found is not None and found.max_abs == 0
    assert network.runs == 1


def test_a_network_without_a_reference_is_not_judged(tmp_path: Path) -> None:
    trained_here = replace(FILE, sha256="0" * 64)
    assert parity.require(Painted(off=99), trained_here, SMALL, Kept(tmp_path)) is None


def test_the_last_precision_that_a_name_says_counts() -> None:
    network = Painted()
    for name, precision in (("openvino cpu bf16", "bf16"), ("openvino cpu int8", "int8"), ("anything", "f32")):
        network.name = name
        assert parity.precision_of(network) == precision


def test_resampling_keeps_a_slope_and_the_same_size_keeps_every_number() -> None:
    slope = np.broadcast_to(np.arange(8, dtype=np.float32), (1, 8, 8))
    np.testing.assert_array_equal(parity.resampled(slope, 8), slope)
    np.testing.assert_allclose(parity.resampled(slope, 4)[0, 0], [0.5, 2.5, 4.5, 6.5])
    np.testing.assert_allclose(parity.resampled(slope, 16)[0, 0, 1:-1], np.arange(0.25, 7.0, 0.5))
