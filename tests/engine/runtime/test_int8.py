"""The table of int8 ranges is taken for its own network only, and what it makes is near enough."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from omote.engine.runtime import parity
from omote.engine.runtime.build import Build
from omote.engine.runtime.int8 import accepted, table
from omote.engine.runtime.network import RuntimeUnavailable
from omote.engine.runtime.openvino import OpenVinoNetwork, compiled_model
from omote.engine.weights import networks

FILE = networks()[-1]
INT8 = Build("openvino", "int8", 128)


def written(folder: Path, **changed: object) -> Path:
    """The shipped table with other words in it."""
    shipped = table()
    said = {"network": shipped.network, "is_accepted": True, "figures": "head 20 dB", "ranges": {"a": [0, 1]}}
    path = folder / "int8.json"
    path.write_text(json.dumps({**said, **changed}), encoding="utf-8")
    return path


def test_the_shipped_table_is_of_the_shipped_network() -> None:
    assert table().network == FILE.sha256


def test_the_ranges_of_another_network_are_refused() -> None:
    with pytest.raises(RuntimeUnavailable, match=r"those of network .*, this one is 0000000000000000: choose"):
        accepted(replace(FILE, sha256="0" * 64))


def test_a_refused_table_says_by_which_figures(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"refused for this network \(head 20 dB\): choose"):
        accepted(FILE, written(tmp_path, is_accepted=False))


@pytest.mark.parametrize(
    "changed", [{"ranges": []}, {"ranges": {"a": [1]}}, {"ranges": {"a": ["x", 1]}}, {"ranges": None}]
)
def test_a_damaged_table_is_no_table(tmp_path: Path, changed: dict[str, object]) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"int8\.json cannot be read"):
        table(written(tmp_path, **changed))


def test_ranges_of_a_convolution_that_is_not_there_are_refused() -> None:
    with pytest.raises(RuntimeUnavailable, match=r"no convolution nowhere"):
        compiled_model(FILE.path, INT8, FILE.shapes(128), {"nowhere": (0.0, 1.0)})


@pytest.mark.skipif(not table().is_accepted, reason=f"int8 was refused: {table().figures}")
def test_in_8_bits_the_reference_s_picture_is_drawn_nearly() -> None:
    found = parity.check(OpenVinoNetwork(FILE, INT8), INT8, parity.stored_reference())
    assert found.fits("int8") and not found.fits("f32"), found
