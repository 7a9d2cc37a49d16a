"""The published files: found, known again, fetched, and refused where they are not for commercial use."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from omote.engine.arc2face.files import (
    DISTILLED,
    FILES,
    UNET,
    Ledger,
    NonCommercialError,
    Published,
    PublishedError,
    default_folder,
    files_for,
    files_that_draw,
    model_digest,
    published,
    published_file,
    require_commercial,
)
from omote.engine.data import SourceFile

LCM = published_file("lcm/pytorch_lora_weights.safetensors")
CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are kept in a test, and a Hub's cache beside it."""
    monkeypatch.setenv("OMOTE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "models"


def put(path: Path, content: bytes = b"weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def put_in_hub(hub: Path, repository: str, path: str, revision: str = "0a1b2c") -> Path:
    kept = hub / f"models--{repository.replace('/', '--')}"
    put(kept / "refs" / "main", revision.encode())
    return put(kept / "snapshots" / revision / path)


def test_the_configured_folder_goes_before_the_models_folder_and_that_before_the_hub(
    tmp_path: Path, models: Path
) -> None:
    own, files = tmp_path / "own", published(tmp_path / "own")
    in_hub = put_in_hub(tmp_path / "hub", "FoivosPar/Arc2Face", UNET)
    assert files.path(UNET) == in_hub
    in_models = put(models / "arc2face" / UNET)
    assert files.path(UNET) == in_models
    in_own = put(own / UNET)
    assert files.path(UNET) == in_own


def test_a_file_of_another_name_in_its_repository_is_found_in_the_hub(tmp_path: Path) -> None:
    found = put_in_hub(tmp_path / "hub", "latent-consistency/lcm-lora-sdv1-5", "pytorch_lora_weights.safetensors")
    assert published().path(LCM.name) == found


def test_a_missing_file_is_reported_with_its_path_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(PublishedError) as caught:
        published(tmp_path / "own").path(UNET)
    message = str(caught.value)
    assert message.startswith(f"{UNET} (the denoiser; from FoivosPar/Arc2Face) is missing")
    assert "`omote models get arc2face` downloads it" in message
    assert f"put it at {tmp_path / 'own' / UNET}" in message
    assert "\n" not in message


def test_a_student_is_not_offered_as_a_download() -> None:
    with pytest.raises(PublishedError, match="made here by `omote train arc2face`"):
        published().path(DISTILLED["student"])


def test_a_file_is_read_once_and_known_again(tmp_path: Path, models: Path) -> None:
    file = put(tmp_path / "own" / UNET, CONTENT)
    files = published(tmp_path / "own")
    assert files.parts([UNET])[0].sha256 == SHA256
    stat = file.stat()
    file.write_bytes(b"x" * len(CONTENT))  # not read again while size and time are unchanged
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert published(tmp_path / "own").parts([UNET])[0].sha256 == SHA256
    assert [path.name for path in models.iterdir()] == ["arc2face.json"]


def test_a_file_that_became_another_is_an_error_with_the_cure(tmp_path: Path, models: Path) -> None:
    file = put(tmp_path / "own" / UNET, CONTENT)
    published(tmp_path / "own").parts([UNET])
    file.write_bytes(b"another")
    with pytest.raises(PublishedError, match=r"has changed since its first use: .*delete .*arc2face.json"):
        published(tmp_path / "own").parts([UNET])
    (models / "arc2face.json").unlink()
    assert published(tmp_path / "own").parts([UNET])[0].sha256 == hashlib.sha256(b"another").hexdigest()


def test_a_file_that_was_only_touched_stays_the_same(tmp_path: Path) -> None:
    file, ledger = put(tmp_path / "file", CONTENT), Ledger(tmp_path / "ledger.json")
    ledger.sha256(file)
    os.utime(file, ns=(0, 0))
    assert ledger.sha256(file) == SHA256
    assert json.loads(ledger.path.read_text())[str(file.resolve())][1] == 0


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"a": 1}', '{"a": ["1", 0, ""]}'])
def test_a_damaged_ledger_is_reported_with_the_cure(tmp_path: Path, text: str) -> None:
    ledger = Ledger(put(tmp_path / "ledger.json", text.encode()))
    with pytest.raises(PublishedError, match=r"cannot be read .*: delete it, and it will be created again"):
        ledger.sha256(put(tmp_path / "file"))


def test_the_digest_names_these_bytes_in_any_order() -> None:
    parts = [SourceFile(name, f"{number:064x}", "MIT", True) for number, name in enumerate("abc")]
    assert model_digest(parts) == model_digest(parts[::-1])
    assert model_digest(parts) != model_digest([replace(parts[0], sha256="1" * 64), *parts[1:]])
    assert model_digest(parts) != model_digest(parts[:2])


def test_another_strength_of_the_reference_is_another_model(tmp_path: Path) -> None:
    files = published(tmp_path / "own")
    for name in {*files_that_draw("lcm"), *files_that_draw("tcd")}:
        put(tmp_path / "own" / name, name.encode())
    assert files.model("lcm", 0.8) == published(tmp_path / "own").model("lcm", 0.8)
    assert len({files.model("lcm", 0.8), files.model("lcm", 0.7), files.model("tcd", 0.8)}) == 3


def test_each_sampler_asks_for_its_own_weights_and_no_others() -> None:
    assert files_that_draw("tcd")[:2] == (UNET, "exp_adapter/exp_adapter.bin")
    for sampler, name in DISTILLED.items():
        assert [one for one in files_for(sampler) if one in DISTILLED.values()] == [name]
        assert set(files_that_draw(sampler)) < set(files_for(sampler))
    with pytest.raises(ValueError, match='unknown sampler "ddim": there are lcm, tcd, student'):
        files_for("ddim")


def test_what_is_not_for_commercial_use_is_refused_by_name_licence_and_cure() -> None:
    free, closed = SourceFile("vae", "0", "openrail", True), SourceFile("arcface.onnx", "1", "research only", False)
    require_commercial([free], allow=False)
    require_commercial([free, closed], allow=True)
    with pytest.raises(NonCommercialError) as caught:
        require_commercial([free, closed, closed], allow=False)
    assert "arcface.onnx is not for commercial use (research only) (1 of 2 such files)" in str(caught.value)
    assert "`allow_noncommercial = true` in config.toml" in str(caught.value)


def test_arc2face_and_the_recogniser_are_known_as_non_commercial() -> None:
    closed = {file.name for file in FILES if not file.is_commercial}
    assert closed >= {file.name for file in FILES if file.repository == "FoivosPar/Arc2Face"}
    assert "arcface.onnx" in closed


class Hub:
    """Stands in for the Hub's library: what it announces, and what it puts where."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.content, self.announced, self.error = CONTENT, SHA256, ""
        patch.setattr("huggingface_hub.get_hf_file_metadata", self.metadata)
        patch.setattr("huggingface_hub.hf_hub_download", self.download)

    def metadata(self, url: str) -> SimpleNamespace:
        if self.error:
            raise OSError(self.error)
        return SimpleNamespace(etag=self.announced)

    def download(self, repository: str, path: str, local_dir: str) -> None:
        put(Path(local_dir) / path, self.content)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    return Hub(monkeypatch)


@pytest.mark.parametrize("name", [LCM.name, UNET, "taesd/config.json"])
def test_a_file_is_fetched_to_its_place_and_known_from_then_on(tmp_path: Path, hub: Hub, name: str) -> None:
    files = published(tmp_path / "own")
    assert files.fetch(published_file(name)) == SHA256
    assert (tmp_path / "own" / name).read_bytes() == CONTENT
    assert files.parts([name])[0].sha256 == SHA256


def test_bytes_that_were_not_announced_are_thrown_away(tmp_path: Path, hub: Hub) -> None:
    hub.content = b"another"
    with pytest.raises(PublishedError, match=r"has the sha256 .*the Hub announced"):
        published(tmp_path / "own").fetch(LCM)
    assert not (tmp_path / "own" / LCM.name).exists()


def test_a_failed_download_is_reported_with_its_path(tmp_path: Path, hub: Hub) -> None:
    hub.error = "no route to host"
    with pytest.raises(PublishedError, match=r"could not be downloaded from .*no route to host.*put it at .*lcm"):
        published(tmp_path / "own").fetch(LCM)


def test_the_folder_of_the_models_is_where_files_are_put(models: Path) -> None:
    assert default_folder() == models / "arc2face"
    assert isinstance(published(), Published)
