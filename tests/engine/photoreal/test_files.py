"""The published files: found, known again, fetched, and refused where they are not for commercial use."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from omote.engine.data import SourceFile
from omote.engine.photoreal.fetching import fetch
from omote.engine.photoreal.files import Published, default_folder, model_digest, published, published_file
from omote.engine.photoreal.hub_cache import hub_cache
from omote.engine.photoreal.ledger import Ledger, PublishedError
from omote.engine.photoreal.licences import NonCommercialError, require_commercial
from omote.engine.photoreal.published_file import DISTILLED, FILES, UNET, files_for, files_that_draw

LCM = published_file("lcm/pytorch_lora_weights.safetensors")
CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are kept in a test, and a Hub's cache beside it."""
    monkeypatch.setenv("OMOTE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
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


def test_a_revision_that_leads_out_of_the_cache_is_not_followed(tmp_path: Path) -> None:
    put_in_hub(tmp_path / "hub", "FoivosPar/Arc2Face", UNET, "../../stranger")
    assert published().find(UNET) is None


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({}, "~/.cache/huggingface/hub"),
    ],
)
def test_the_hubs_cache_is_where_its_own_programs_keep_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hub_cache().folder == Path(folder).expanduser()


def test_a_missing_file_is_told_with_its_place_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(PublishedError) as caught:
        published(tmp_path / "own").path(UNET)
    said = str(caught.value)
    assert said.startswith(f"{UNET} (the denoiser; from FoivosPar/Arc2Face) is missing")
    assert "`omote models get arc2face` downloads it" in said
    assert f"put it at {tmp_path / 'own' / UNET}" in said
    assert str(tmp_path / "hub") in said
    assert "\n" not in said


def test_what_is_made_here_is_not_said_to_be_downloaded() -> None:
    with pytest.raises(PublishedError, match="`omote train arc2face` makes it"):
        published().path(DISTILLED["student"])


def test_a_file_is_read_once_and_known_again(tmp_path: Path, models: Path) -> None:
    file = put(tmp_path / "own" / UNET, CONTENT)
    files = published(tmp_path / "own")
    assert files.part(UNET).sha256 == SHA256
    stat = file.stat()
    file.write_bytes(b"x" * len(CONTENT))  # which nobody reads while size and time are as before
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert published(tmp_path / "own").part(UNET).sha256 == SHA256
    assert [path.name for path in models.iterdir()] == ["arc2face.json"]


def test_a_file_that_became_another_is_an_error_with_the_cure(tmp_path: Path, models: Path) -> None:
    file = put(tmp_path / "own" / UNET, CONTENT)
    published(tmp_path / "own").part(UNET)
    file.write_bytes(b"another")
    with pytest.raises(PublishedError, match=r"is not the file that was first used: .*delete .*arc2face.json"):
        published(tmp_path / "own").part(UNET)
    (models / "arc2face.json").unlink()
    assert published(tmp_path / "own").part(UNET).sha256 == hashlib.sha256(b"another").hexdigest()


def test_a_file_that_was_only_touched_stays_the_same(tmp_path: Path) -> None:
    file, ledger = put(tmp_path / "file", CONTENT), Ledger(tmp_path / "ledger.json")
    ledger.sha256(file)
    os.utime(file, ns=(0, 0))
    assert ledger.sha256(file) == SHA256
    assert json.loads(ledger.path.read_text())[str(file.resolve())]["mtime_ns"] == 0


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"a": 1}', '{"a": {"size": "1", "mtime_ns": 0, "sha256": ""}}'])
def test_a_damaged_ledger_is_told_with_the_cure(tmp_path: Path, text: str) -> None:
    ledger = Ledger(put(tmp_path / "ledger.json", text.encode()))
    with pytest.raises(PublishedError, match=r"cannot be read .*: delete it, and it is written anew"):
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
    with pytest.raises(ValueError, match='no sampler "ddim": there are lcm, tcd, student'):
        files_for("ddim")


def test_what_is_not_for_commercial_use_is_refused_by_name_licence_and_cure() -> None:
    free, closed = SourceFile("vae", "0", "openrail", True), SourceFile("arcface.onnx", "1", "research only", False)
    require_commercial([free], allow=False)
    require_commercial([free, closed], allow=True)
    with pytest.raises(NonCommercialError) as caught:
        require_commercial([free, closed, closed], allow=False)
    assert "arcface.onnx is not for commercial use (research only), and 1 more files like it" in str(caught.value)
    assert "`allow_noncommercial = true` in config.toml" in str(caught.value)


def test_arc2face_and_the_recogniser_are_known_as_non_commercial() -> None:
    closed = {file.name for file in FILES if not file.is_commercial}
    assert closed >= {file.name for file in FILES if file.repository == "FoivosPar/Arc2Face"}
    assert "arcface.onnx" in closed


class Hub:
    """A server on this machine that answers as the Hub does: large files stand behind a redirect."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []  # the ranges
        self.content = CONTENT
        self.announced = SHA256
        self.breaks_after: int | None = None
        self.knows_ranges = True


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == f"/{LCM.repository}/resolve/main/{LCM.path_in_repository}":
                self.send_response(302)
                self.send_header("Location", "/bytes")
                self.send_header("X-Linked-Etag", f'"{served.announced}"')
                self.end_headers()
            elif self.path == "/bytes":
                self.answer()
            else:
                self.send_error(404)

        def answer(self) -> None:
            asked, content = self.headers.get("Range"), served.content
            served.asked.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and served.knows_ranges else 0
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : served.breaks_after])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{listening.server_port}/")
        yield served
        listening.shutdown()
        thread.join()


def quiet(have: int, size: int | None) -> None:
    pass


def test_a_file_is_fetched_whole_and_counted(tmp_path: Path, hub: Hub) -> None:
    told: list[tuple[int, int | None]] = []
    assert fetch(LCM, tmp_path, lambda have, size: told.append((have, size))) == SHA256
    assert (tmp_path / LCM.name).read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in (tmp_path / LCM.name).parent.iterdir()] == ["pytorch_lora_weights.safetensors"]


def test_what_was_broken_off_goes_on_where_it_stopped(tmp_path: Path, hub: Hub) -> None:
    hub.breaks_after = 70_000
    with pytest.raises(PublishedError, match=r"after 70000 of 256000 bytes.*run the same command again"):
        fetch(LCM, tmp_path, quiet)
    assert not (tmp_path / LCM.name).exists()
    hub.breaks_after = None
    assert fetch(LCM, tmp_path, quiet) == SHA256
    assert (tmp_path / LCM.name).read_bytes() == CONTENT
    assert hub.asked == [None, "bytes=70000-"]


def test_a_server_that_sends_all_again_is_read_from_the_beginning(tmp_path: Path, hub: Hub) -> None:
    put(tmp_path / f"{LCM.name}.partial", CONTENT[:5000])
    hub.knows_ranges = False
    assert fetch(LCM, tmp_path, quiet) == SHA256


def test_a_file_of_which_all_bytes_had_come_is_asked_for_no_more(tmp_path: Path, hub: Hub) -> None:
    put(tmp_path / f"{LCM.name}.partial", CONTENT)
    assert fetch(LCM, tmp_path, quiet) == SHA256


def test_bytes_that_were_not_announced_are_thrown_away(tmp_path: Path, hub: Hub) -> None:
    put(tmp_path / f"{LCM.name}.partial", b"of an earlier version")
    with pytest.raises(PublishedError, match=r"its sha256 is .*, announced was"):
        fetch(LCM, tmp_path, quiet)
    assert not list((tmp_path / LCM.name).parent.iterdir())


def test_more_bytes_than_there_are_begin_again(tmp_path: Path, hub: Hub) -> None:
    put(tmp_path / f"{LCM.name}.partial", CONTENT + b"x")
    with pytest.raises(PublishedError, match="it has 256000 bytes, and 256001 were here"):
        fetch(LCM, tmp_path, quiet)
    assert fetch(LCM, tmp_path, quiet) == SHA256


def test_what_is_not_there_and_who_is_offline_are_told_where_the_file_goes(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for endpoint, why in (("", "HTTP Error 404|Not Found"), ("http://127.0.0.1:9", "refused|refusé|10061")):
        if endpoint:
            monkeypatch.setenv("HF_ENDPOINT", endpoint)
        absent = replace(LCM, path_in_repository="absent")
        with pytest.raises(PublishedError, match=why) as caught:
            fetch(absent, tmp_path, quiet)
        assert f"put it at {tmp_path / LCM.name}" in str(caught.value)


def test_the_folder_of_the_models_is_where_files_are_put(models: Path) -> None:
    assert default_folder() == models / "arc2face"
    assert isinstance(published(), Published)
