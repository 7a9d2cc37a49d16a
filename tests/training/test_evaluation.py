"""The figures are right on inputs whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from omote.engine.training import evaluate  # noqa: E402


def test_psnr_of_an_error_of_a_tenth_is_twenty_decibels() -> None:
    truth = torch.full((3, 4, 4), 0.5)
    assert evaluate.psnr_db(truth + 0.1, truth) == pytest.approx(20.0, abs=1e-3)


def test_psnr_under_a_mask_does_not_see_what_is_outside() -> None:
    truth = torch.zeros(3, 4, 4)
    drawn = truth.clone()
    drawn[:, :2] = 0.1
    drawn[:, 2:] = 0.9
    mask = torch.zeros(1, 4, 4)
    mask[:, :2] = 1.0
    assert evaluate.psnr_db(drawn, truth, mask) == pytest.approx(20.0, abs=1e-3)


@pytest.fixture(scope="module")
def readback() -> object:
    pytest.importorskip("mediapipe")
    return pytest.importorskip("omote.engine.training.readback")


def test_correlation_is_one_for_the_same_and_minus_one_for_the_opposite(readback) -> None:  # type: ignore[no-untyped-def]
    rise = np.linspace(0, 1, 9)
    assert readback.correlation(rise, 3 * rise + 1) == pytest.approx(1.0)
    assert readback.correlation(rise, -rise) == pytest.approx(-1.0)
    assert readback.correlation(rise, np.ones(9)) == 0.0


def test_each_sweep_moves_its_own_shapes_alone_from_rest_to_full(readback) -> None:  # type: ignore[no-untyped-def]
    rows = readback.sweeps().reshape(len(readback.SWEPT), -1, arkit.COUNT)
    for (_, names), sweep in zip(readback.SWEPT, rows, strict=True):
        moved = {arkit.NAMES[k] for k in np.flatnonzero(sweep.max(0) > 0)}
        assert moved == set(names)
        assert sweep.max() > 0.95
        np.testing.assert_allclose(sweep[[0, -1]], 0.0, atol=1e-6)
