"""The networks that know people run in both runtimes, on files that are whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.identity.networks import ExportedNetworks
from omote.engine.runtime.graph import open_graph
from omote.engine.runtime.network import RuntimeUnavailable
from omote.engine.weights import WeightsError
from omote.engine.weights.makers import MakerFiles, listed, maker_files


def test_both_runtimes_say_the_same(files: MakerFiles, networks: ExportedNetworks) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    geometry = np.zeros((10, 128, 128), np.float32)
    other = ExportedNetworks.open("openvino", files)
    one, two = networks.encode(picture, geometry), other.encode(picture, geometry)
    assert one.identity.shape == (64,)
    assert one.rows.shape == (256, 128)
    # bf16 keeps eight bits of a number
    np.testing.assert_allclose(two.identity, one.identity, atol=0.02)
    np.testing.assert_allclose(two.rows, one.rows, atol=0.05)
    lifted = np.random.default_rng(1).standard_normal((4, 256, 128)).astype(np.float32)
    np.testing.assert_allclose(other.complete(lifted, one.identity), networks.complete(lifted, one.identity), atol=0.05)


def test_a_picture_goes_in_red_first_from_minus_one_to_one(networks: ExportedNetworks) -> None:
    red = np.zeros((256, 256, 3), np.uint8)
    red[..., 0] = 255
    geometry = np.zeros((10, 128, 128), np.float32)
    black, white = (networks.encode(np.full_like(red, v), geometry).identity for v in (0, 255))
    np.testing.assert_allclose(black, -white, atol=1e-5)
    assert not np.allclose(networks.encode(red, geometry).identity, networks.encode(red[..., ::-1], geometry).identity)


def test_what_comes_out_stays_as_it_was(networks: ExportedNetworks) -> None:
    geometry = np.zeros((10, 128, 128), np.float32)
    first = networks.encode(np.zeros((256, 256, 3), np.uint8), geometry).rows
    kept = first.copy()
    networks.encode(np.full((256, 256, 3), 200, np.uint8), geometry)
    np.testing.assert_array_equal(first, kept)


def test_a_damaged_file_is_refused(files: MakerFiles) -> None:
    damaged = replace(files, encoder=replace(files.encoder, sha256="0" * 64))
    with pytest.raises(WeightsError, match=r"encoder\.onnx is damaged .*install again"):
        ExportedNetworks.open("onnxruntime", damaged)
    missing = replace(files, completion=replace(files.completion, file="nowhere.onnx"))
    with pytest.raises(WeightsError, match=r"nowhere\.onnx is missing: install Omote again"):
        ExportedNetworks.open("onnxruntime", missing)


def test_an_unknown_runtime_is_refused(files: MakerFiles) -> None:
    with pytest.raises(RuntimeUnavailable, match='no runtime "abacus": there are openvino, onnxruntime'):
        open_graph(files.encoder.path, "abacus")


def test_the_shipped_makers_are_there_and_whole() -> None:
    for file in (maker_files().encoder, maker_files().completion):
        file.check()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"encoder": {}, "completion": {}}', "7"])
def test_a_damaged_list_is_told_with_its_cure(tmp_path: Path, text: str) -> None:
    (tmp_path / "networks.json").write_text(text)
    with pytest.raises(WeightsError, match=r"networks\.json is missing, damaged or names no encoder .*install Omote"):
        listed(tmp_path / "networks.json")


def test_networks_of_two_models_are_refused(tmp_path: Path) -> None:
    row = {"file": "a.onnx", "sha256": "0"}
    both = {"encoder": row | {"model": "a 1"}, "completion": row | {"model": "a 2"}}
    (tmp_path / "networks.json").write_text(json.dumps(both))
    with pytest.raises(WeightsError, match='an encoder of model "a 1" and a completion of model "a 2"'):
        listed(tmp_path / "networks.json")
