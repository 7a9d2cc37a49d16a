"""`omote models` lists what there is, and gets what photoreal characters want."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from omote.engine.arc2face.files import FILES, published
from omote.studio.cli.main import main

NEEDED = [file for file in FILES if file.is_needed]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("OMOTE_MODELS", "HF_HUB_CACHE", "XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    return tmp_path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the Hub's library: files are their own addresses; the addresses that were asked for."""
    asked: list[str] = []

    def download(repository: str, path: str, local_dir: str) -> None:
        asked.append(f"{repository}/{path}")
        place = Path(local_dir) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(asked[-1].encode())

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda url: SimpleNamespace(etag=None))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    return asked


def allowing(home: Path) -> str:
    (home / "config.toml").write_text("allow_noncommercial = true\n")
    return str(home / "config.toml")


def test_each_published_file_is_listed_with_its_state_and_licence(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = home / "OMOTE_MODELS" / "arc2face" / "taesd" / "config.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"{}")
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    assert f"  taesd/config.json: {place}; MIT; from madebyollin/taesd" in told
    for file in FILES:
        assert file.name == "taesd/config.json" or f"  {file.name}: missing; {file.licence}; {file.origin}" in told


def test_all_that_is_needed_is_fetched_into_a_folder_and_known(
    home: Path, hub: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home / "weights"
    assert main(["models", "get", "arc2face", "--to", str(folder), "--config", allowing(home)]) == 0
    told = capsys.readouterr().out
    assert hub == [f"{file.repository}/{file.path or file.name}" for file in NEEDED]
    for file, address in zip(NEEDED, hub, strict=True):
        assert (folder / file.name).read_bytes() == address.encode()
        assert f"{file.name}: downloaded, sha256 {hashlib.sha256(address.encode()).hexdigest()[:16]}…" in told
    assert f'set `photoreal = "{folder.as_posix()}"` in config.toml' in told
    known = json.loads((home / "OMOTE_MODELS" / "arc2face.json").read_text())
    assert len(known) == len(NEEDED)  # so that nothing is read again to be hashed
    (part,) = published(folder).parts(["arcface.onnx"])
    assert part.sha256 == known[str((folder / "arcface.onnx").resolve())][2]


def test_a_relative_folder_is_printed_as_an_absolute_path(
    home: Path, hub: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    assert main(["models", "get", "arc2face", "--to", "weights", "--config", allowing(home)]) == 0
    assert f'set `photoreal = "{(home / "weights").as_posix()}"` in config.toml' in capsys.readouterr().out


def test_the_default_folder_needs_no_setting(home: Path, hub: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    usual = home / "OMOTE_MODELS" / "arc2face"
    assert main(["models", "get", "arc2face", "--to", str(usual), "--config", allowing(home)]) == 0
    assert "config.toml" not in capsys.readouterr().out


def test_what_is_there_is_not_fetched_again(home: Path, hub: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    config = allowing(home)
    assert main(["models", "get", "arc2face", "--config", config]) == 0
    hub.clear()
    (home / "OMOTE_MODELS" / "arc2face" / "vae" / "config.json").unlink()
    assert main(["models", "get", "arc2face", "--config", config]) == 0
    assert hub == ["stable-diffusion-v1-5/stable-diffusion-v1-5/vae/config.json"]
    assert "arcface.onnx: present at " in capsys.readouterr().out


def test_nothing_is_requested_unless_non_commercial_weights_are_allowed(
    home: Path, hub: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "get", "arc2face"]) == 2
    assert "`allow_noncommercial = true` in config.toml" in capsys.readouterr().err
    assert hub == []


def test_without_a_network_the_error_names_the_missing_file_and_its_place(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def metadata(url: str) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", metadata)
    assert main(["models", "get", "arc2face", "--config", allowing(home)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "arc2face/config.json could not be downloaded from FoivosPar/Arc2Face (no route to host)" in line
    assert f"put it at {home / 'OMOTE_MODELS' / 'arc2face' / 'arc2face' / 'config.json'}" in line
