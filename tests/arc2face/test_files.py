"""The published files: found, known again, fetched, refused for commercial use; and how real ones look."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
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
from tests.arc2face.published import DIMENSIONS, as_of_2022, kohya_shapes, published_unet, published_vae

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


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (UNET, f"FoivosPar/Arc2Face/{UNET}"),
        (UNET, f"Arc2Face/{UNET}"),
        ("arcface.onnx", "antelopev2/arcface.onnx"),
        ("vae/config.json", "stable-diffusion-v1-5/vae/config.json"),
        ("taesd/config.json", "taesd/config.json"),
        (LCM.name, "lcm-lora-sdv1-5/pytorch_lora_weights.safetensors"),
        ("hyper-sd/Hyper-SD15-1step-lora.safetensors", "Hyper-SD/Hyper-SD15-1step-lora.safetensors"),
    ],
)
def test_files_are_found_where_users_have_downloaded_them(tmp_path: Path, name: str, place: str) -> None:
    """By the authors' README, or whole repositories side by side."""
    found = put(tmp_path / "own" / place)
    assert published(tmp_path / "own").find(name) == found


@pytest.mark.parametrize(
    ("name", "repository", "path"),
    [
        (LCM.name, "latent-consistency/lcm-lora-sdv1-5", "pytorch_lora_weights.safetensors"),
        ("taesd/config.json", "madebyollin/taesd", "config.json"),
        ("vae/config.json", "runwayml/stable-diffusion-v1-5", "vae/config.json"),
    ],
)
def test_files_are_found_in_the_hubs_cache(tmp_path: Path, name: str, repository: str, path: str) -> None:
    found = put_in_hub(tmp_path / "hub", repository, path)
    assert published().path(name) == found


def test_a_missing_file_is_reported_with_its_path_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(PublishedError) as caught:
        published(tmp_path / "own").path(UNET)
    message = str(caught.value)
    assert message.startswith(f"{UNET} (the denoiser; from FoivosPar/Arc2Face) is missing")
    assert "`omote models get arc2face` downloads it" in message and "\n" not in message
    assert f"put it at {tmp_path / 'own' / UNET}" in message
    with pytest.raises(PublishedError, match="made here by `omote train arc2face`"):
        published().path(DISTILLED["student"])


def test_a_file_is_read_once_and_known_again(tmp_path: Path, models: Path) -> None:
    def sha256() -> str:
        return published(tmp_path / "own").parts([UNET])[0].sha256

    file = put(tmp_path / "own" / UNET, CONTENT)
    assert sha256() == SHA256
    stat = file.stat()
    file.write_bytes(b"x" * len(CONTENT))  # not read again while size and time are unchanged
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert sha256() == SHA256 and [path.name for path in models.iterdir()] == ["arc2face.json"]
    file.write_bytes(CONTENT)
    os.utime(file, ns=(0, 0))  # only touched
    assert sha256() == SHA256
    assert json.loads((models / "arc2face.json").read_text())[str(file.resolve())][1] == 0
    file.write_bytes(b"another")
    with pytest.raises(PublishedError, match=r"has changed since its first use: .*delete .*arc2face.json"):
        sha256()
    (models / "arc2face.json").unlink()
    assert sha256() == hashlib.sha256(b"another").hexdigest()


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"a": 1}', '{"a": ["1", 0, ""]}'])
def test_a_damaged_ledger_and_a_file_that_is_none_are_reported_with_the_cure(tmp_path: Path, text: str) -> None:
    ledger = Ledger(put(tmp_path / "ledger.json", text.encode()))
    with pytest.raises(PublishedError, match=r"cannot be read .*: delete it, and it will be created again"):
        ledger.sha256(put(tmp_path / "file"))
    with pytest.raises(PublishedError, match=r"cannot read .*; make it readable"):
        Ledger(tmp_path / "none.json").sha256(tmp_path)


def test_digests_name_these_bytes_in_any_order_with_the_sampler_and_the_references_strength(tmp_path: Path) -> None:
    parts = [SourceFile(name, f"{number:064x}", "MIT", True) for number, name in enumerate("abc")]
    others = parts[::-1], [replace(parts[0], sha256="1" * 64), *parts[1:]], parts[:2]
    assert [model_digest(other) == model_digest(parts) for other in others] == [True, False, False]
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
    restricted = {file.name for file in FILES if not file.is_commercial}
    assert restricted >= {file.name for file in FILES if file.repository == "FoivosPar/Arc2Face"} | {"arcface.onnx"}


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


@pytest.mark.parametrize("name", [LCM.name, UNET, "taesd/config.json"])
def test_a_file_is_fetched_to_its_place_and_known_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Hub(monkeypatch)
    files = published(tmp_path / "own")
    assert files.fetch(published_file(name)) == SHA256
    assert (tmp_path / "own" / name).read_bytes() == CONTENT
    assert files.parts([name])[0].sha256 == SHA256


def test_failed_downloads_and_bytes_that_were_not_announced_are_refused(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(monkeypatch)
    hub.content = b"another"
    with pytest.raises(PublishedError, match=r"has the sha256 .*the Hub announced"):
        published(tmp_path / "own").fetch(LCM)
    assert not (tmp_path / "own" / LCM.name).exists()
    hub.error = "no route to host"
    with pytest.raises(PublishedError, match=r"could not be downloaded from .*no route to host.*put it at .*lcm"):
        published().fetch(LCM)
    assert default_folder() == models / "arc2face"


# The random weights of the tests against what is known of the real files, byte for byte where headers are known.

FULL = DIMENSIONS["full"]
Shapes = Mapping[str, tuple[int, ...]]


def header(shapes: Shapes, dtype: str, size: int, words: Mapping[str, str]) -> bytes:
    """What safetensors writes before the numbers, which then follow one another in the order of their names."""
    header: dict[str, object] = {"__metadata__": words} if words else {}
    end = 0
    for name in sorted(shapes):
        begin, end = end, end + math.prod(shapes[name]) * size
        header[name] = {"dtype": dtype, "shape": shapes[name], "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


def bytes_of(shapes: Shapes, words: Mapping[str, str]) -> int:
    return 8 + len(header(shapes, "F32", 4, words)) + 4 * sum(map(math.prod, shapes.values()))


def test_random_weights_have_the_headers_and_sizes_of_the_published_files() -> None:
    loras = kohya_shapes(published_unet(FULL), FULL.distilled_rank)
    lcm = hashlib.sha256(header(loras, "F16", 2, {"format": "pt"})).hexdigest()
    assert lcm == "3ca15dde66470e73c8d68dbb9ab64d6e7ad014f525b58193a9a3b161eb6cc263"
    assert bytes_of(loras, {}) == 269_127_064  # Hyper-SD's
    unet = {name: tuple(value.shape) for name, value in published_unet(FULL).state_dict().items()}
    assert (len(unet), sum(map(math.prod, unet.values()))) == (686, 859_520_964)
    assert bytes_of(unet, {"format": "pt"}) == 3_438_167_536
    # Only under the names of 2022: today's are eight bytes shorter.
    vae = {as_of_2022(name): tuple(value.shape) for name, value in published_vae(FULL).state_dict().items()}
    assert bytes_of(vae, {"format": "pt"}) == 334_643_276
