"""What makes the int8 table, and by which figures the table is accepted."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from omote.engine.runtime import int8
from omote.engine.training import quantise
from omote.engine.training.quantise import LEAST_HEAD_PSNR_DB, MOST_MISREAD, Figures, calibration, held_out
from omote.engine.weights import networks

GOOD = Figures(10, LEAST_HEAD_PSNR_DB, LEAST_HEAD_PSNR_DB + 5.0, {"jawOpen": MOST_MISREAD, "eyeBlinkLeft": 0.0})


def test_both_bounds_must_hold() -> None:
    assert GOOD.is_accepted
    assert not replace(GOOD, head_psnr_db_least=LEAST_HEAD_PSNR_DB - 0.1).is_accepted
    assert not replace(GOOD, misread={"jawOpen": MOST_MISREAD + 0.001}).is_accepted


def test_a_tracker_that_reads_nothing_accepts_nothing() -> None:
    assert not replace(GOOD, misread={"jawOpen": float("nan")}).is_accepted


def test_the_figures_name_the_weight_that_is_read_worst() -> None:
    assert "the tracker reads jawOpen off by 0.0200, allowed 0.02" in GOOD.words()


def test_what_is_measured_calibrated_nothing() -> None:
    seen = {shot.weights.tobytes() for shot in calibration()}
    measured = [shot.weights.tobytes() for first in (0, 11) for shot in held_out(first, 12).shots]
    assert len(set(measured)) == 24
    assert not seen.intersection(measured)


@pytest.mark.parametrize("figures", [GOOD, replace(GOOD, head_psnr_db_least=20.0)])
def test_a_table_is_read_back_as_it_was_written(tmp_path: Path, figures: Figures) -> None:
    file, path = networks()[-1], tmp_path / "int8.json"
    quantise.write(path, file, {"a": (-0.2784645557, 23.391)}, figures)
    found = int8.table(path)
    assert (found.network, found.is_accepted, found.figures) == (file.sha256, figures.is_accepted, figures.words())
    np.testing.assert_allclose(found.ranges["a"], (-0.2784645557, 23.391), rtol=1e-5)


@pytest.mark.skipif(find_spec("nncf") is None, reason="nncf is an extra")
def test_nncf_reports_nothing_once_openvino_may_not() -> None:
    asks = (
        "from omote.engine.runtime.openvino import loaded; loaded(); from nncf.telemetry import wrapper; "
        "assert not isinstance(wrapper.telemetry, wrapper.NNCFTelemetry)"
    )
    # Without the marks of CI, where NNCF is silent anyway.
    told = {name: value for name, value in os.environ.items() if name not in ("CI", "NNCF_CI", "NNCF_DEV")}
    subprocess.run([sys.executable, "-c", asks], check=True, env={**told, "PYTHONPATH": os.pathsep.join(sys.path)})
