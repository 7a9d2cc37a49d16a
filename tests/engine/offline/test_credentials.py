"""Content Credentials: files say that a trained model made them, in a way that shows whether they were changed."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.data import FlameParams
from omote.engine.face.light import studio_light
from omote.engine.offline.animation import Animation, RenderError, single_character_animation
from omote.engine.offline.credentials import LOCAL, MOST_BYTES, PictureSigner, load_credentials, sign, signed
from omote.engine.offline.output import OnProgress
from omote.engine.offline.pictures import PictureFolder, encode_png, is_complete_png, is_foreign_png
from omote.engine.offline.sheet import expressions, save
from omote.engine.offline.writers.suffixes import VIDEOS, writer_for

c2pa = pytest.importorskip("c2pa", reason="c2pa-python is not installed")
av = pytest.importorskip("av", reason="PyAV is not installed")
GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "WIN_PD_OVERRIDE_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "config"))
    return tmp_path


def read(path: Path) -> tuple[str, dict[str, object]]:
    """How the credentials of a file validate, and its manifest."""
    with c2pa.Reader(str(path)) as reader:
        found = json.loads(reader.json())
        return str(reader.get_validation_state()), found["manifests"][found["active_manifest"]]


@dataclass(frozen=True)
class CopyWriter:
    """Writes one of the pictures."""

    path: Path

    def check(self, animation: Animation, size: int) -> None:
        pass

    def max_bytes(self, animation: Animation, size: int) -> int:
        return 1000

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        self.path.write_bytes(pictures.path(0).read_bytes())


@pytest.fixture
def pictures(home: Path) -> PictureFolder:
    folder = PictureFolder(home, 2)
    for k in range(2):
        folder.path(k).write_bytes(encode_png(np.full((64, 64, 4), 60 * k + 40, np.uint8)))
    return folder


def animation() -> Animation:
    faces = np.repeat(FlameParams.neutral().vector()[None], 2, 0)
    return single_character_animation(Fraction(10), faces, studio_light(), "hana")


@pytest.mark.parametrize("name", ["smile.apng", "smile.gif", "sheet.png", "smile.mp4", "smile.mov"])
def test_an_exported_file_says_that_a_model_made_it(home: Path, pictures: PictureFolder, name: str) -> None:
    (writer,) = signed((writer_for(home / name),), LOCAL)
    writer.write(animation(), pictures, lambda done: None)
    path = home / name
    if name.endswith(".apng"):  # readers of C2PA know the suffix of PNG only
        path = path.rename(home / "moving.png")
    state, manifest = read(path)
    assert state == "Valid"
    assert json.dumps(manifest).count(GENERATED) == 1
    assert manifest["title"] == name
    assert b"DigitalSourceType" in path.read_bytes()  # of IPTC, as before
    if path.suffix in VIDEOS:
        with av.open(str(path)) as video:
            assert sum(1 for _ in video.decode(video=0)) == 2
    else:
        with Image.open(path) as image:
            image.load()


@pytest.mark.parametrize("name", ["smile.mp4", "smile.mov"])
def test_a_changed_video_is_found_out(home: Path, pictures: PictureFolder, name: str) -> None:
    (writer,) = signed((writer_for(home / name),), LOCAL)
    writer.write(animation(), pictures, lambda done: None)
    data = bytearray((home / name).read_bytes())
    data[data.index(b"mdat") + 40] ^= 1
    (home / name).write_bytes(data)
    assert read(home / name)[0] == "Invalid"


def test_each_picture_of_a_folder_is_signed_also_where_that_was_interrupted(
    home: Path, pictures: PictureFolder
) -> None:
    before, done = [*pictures], list[int]()
    signer = PictureSigner(pictures.path(0), load_credentials(LOCAL))
    sign(pictures.path(0), signer.credentials)  # by a run that was killed then
    signer.write(animation(), pictures, done.append)
    assert done == [1, 2]
    for index, drawn in enumerate(before):
        path = pictures.path(index)
        assert is_complete_png(path) and not is_foreign_png(path)
        assert read(path)[0] == "Valid"
        assert np.array_equal(pictures.read(index), drawn)
        assert path.read_bytes().count(b"caBX") == 1
        assert path.stat().st_size < len(encode_png(drawn)) + MOST_BYTES


def test_stills_say_that_a_model_made_them(home: Path) -> None:
    asked, rng = expressions(("smile", "surprise")), np.random.default_rng(0)
    drawn = [rng.integers(0, 256, (64, 64, channels), np.uint8) for channels in (3, 4)]
    for credentials in (None, load_credentials(LOCAL)):
        save(home, asked, drawn, credentials)
        for name in ("01_smile.png", "02_surprise.png", "sheet.png"):
            assert b"DigitalSourceType" in (home / name).read_bytes()
            if credentials:
                state, manifest = read(home / name)
                assert state == "Valid" and manifest["title"] == name
        with Image.open(home / "02_surprise.png") as image:
            assert np.array_equal(np.asarray(image), drawn[1])


def test_a_changed_file_is_found_out(home: Path) -> None:
    path = home / "a.png"
    path.write_bytes(encode_png(np.full((64, 64, 4), 90, np.uint8)))
    sign(path, load_credentials(LOCAL))
    data = bytearray(path.read_bytes())
    data[data.rindex(b"IDAT") + 9] ^= 1
    path.write_bytes(data)
    assert read(path)[0] == "Invalid"


def test_the_local_certificate_is_made_once_and_names_nobody(home: Path) -> None:
    first, again = load_credentials(LOCAL), load_credentials(LOCAL)
    assert first == again
    (path,) = (home / "config").rglob("credentials.pem")
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    assert load_credentials(str(path)) == first  # as a file of the user's own


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_a_key_that_others_may_read_is_refused(home: Path) -> None:
    load_credentials(LOCAL)
    (path,) = (home / "config").rglob("credentials.pem")
    path.chmod(0o644)
    with pytest.raises(RenderError, match=r"other users may read the private key.*chmod 600"):
        load_credentials(LOCAL)


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", "\xff"])
def test_a_file_without_key_and_chain_is_refused(home: Path, text: str) -> None:
    path = home / "own.pem"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(RenderError, match=r"must hold one private key and the chain|cannot be used"):
        load_credentials(str(path))


def test_a_file_that_cannot_hold_credentials_is_refused(home: Path) -> None:
    with pytest.raises(RenderError, match=r"smile\.webm, take\.csv cannot hold Content Credentials, only \.png"):
        signed((CopyWriter(home / "a.png"), CopyWriter(home / "smile.webm"), CopyWriter(home / "take.csv")), LOCAL)


def test_without_the_package_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(RenderError, match=r"pip install 'omote\[credentials\]'"):
        load_credentials(LOCAL)
