"""The list of shipped networks, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.engine.models import WeightsError, listed_networks, networks_in, shipped_networks, write_network_list


def test_every_shipped_network_is_there_and_whole() -> None:
    shipped_networks().check()
    assert shipped_networks().model == "copy-5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("denoiser", "encoder"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
    return tmp_path


def test_a_folder_is_listed_with_its_version(folder: Path) -> None:
    assert networks_in(folder).model == "unlisted"
    write_network_list(folder, "copy-7")
    files = networks_in(folder)
    files.check()
    assert (files.model, [one.path.name for one in files.networks]) == ("copy-7", ["denoiser.onnx", "encoder.onnx"])


def test_a_file_that_is_not_the_one_that_was_listed_is_refused(folder: Path) -> None:
    write_network_list(folder, "copy-7")
    (folder / "encoder.onnx").write_bytes(b"another")
    with pytest.raises(WeightsError, match=r"encoder\.onnx is damaged \(sha256 .*install Omote again"):
        networks_in(folder).check()
    (folder / "encoder.onnx").unlink()
    with pytest.raises(WeightsError, match=r"encoder\.onnx is missing: install Omote again"):
        networks_in(folder).check()


def test_a_folder_without_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no denoiser\.onnx and encoder\.onnx"):
        networks_in(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"model": "a", "denoiser": 3}', '{"model": "a", "denoiser": {"file": "../a"}}', "7"]
)
def test_a_damaged_list_is_told_with_its_cure(tmp_path: Path, text: str) -> None:
    (tmp_path / "networks.json").write_text(text)
    with pytest.raises(WeightsError, match=r"networks\.json .*install Omote again"):
        listed_networks(tmp_path / "networks.json")


def test_a_missing_list_is_told_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"networks\.json is missing or damaged .*install Omote again"):
        listed_networks(tmp_path / "networks.json")
