"""XMP in files of boxes, byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from omote.engine.offline.animation import RenderError
from omote.engine.offline.writers.xmp import add_to_mov, add_to_mp4


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def made(path: Path, *boxes: bytes) -> Path:
    path.write_bytes(b"".join(boxes))
    return path


def test_an_mp4_gets_one_box_more(tmp_path: Path) -> None:
    before = [box(b"ftyp", b"isom"), box(b"moov"), box(b"mdat", b"pictures")]
    path = made(tmp_path / "film.mp4", *before)
    add_to_mp4(path, b"<xmp/>")
    uuid = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    assert path.read_bytes() == b"".join(before) + box(b"uuid", uuid + b"<xmp/>")


def test_a_box_of_64_bits_is_passed_over(tmp_path: Path) -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 4) + b"data"
    path = made(tmp_path / "film.mp4", box(b"ftyp"), long)
    add_to_mp4(path, b"<xmp/>")
    assert path.read_bytes().startswith(box(b"ftyp") + long + struct.pack(">I4s", 8 + 16 + 6, b"uuid"))


def test_a_movie_gets_user_data(tmp_path: Path) -> None:
    path = made(tmp_path / "film.mov", box(b"mdat", b"pictures"), box(b"moov", box(b"mvhd") + box(b"trak")))
    add_to_mov(path, b"<xmp/>")
    movie = box(b"moov", box(b"mvhd") + box(b"trak") + box(b"udta", box(b"XMP_", b"<xmp/>")))
    assert path.read_bytes() == box(b"mdat", b"pictures") + movie


@pytest.mark.parametrize("end", [b"", bytes(4)])
def test_user_data_that_is_there_is_kept(end: bytes, tmp_path: Path) -> None:
    path = made(tmp_path / "film.mov", box(b"moov", box(b"udta", box(b"name", b"me") + end) + box(b"trak")))
    add_to_mov(path, b"<xmp/>")
    assert path.read_bytes() == box(b"moov", box(b"trak") + box(b"udta", box(b"name", b"me") + box(b"XMP_", b"<xmp/>")))


def test_a_movie_that_is_not_last_is_left_alone(tmp_path: Path) -> None:
    path = made(tmp_path / "film.mov", box(b"moov"), box(b"mdat", b"pictures"))
    with pytest.raises(RenderError, match="its movie box is not the last one"):
        add_to_mov(path, b"<xmp/>")
    assert path.read_bytes() == box(b"moov") + box(b"mdat", b"pictures")


@pytest.mark.parametrize("rest", [b"\0", struct.pack(">I4s", 99, b"mdat"), struct.pack(">I4s", 1, b"mdat"), bytes(8)])
def test_a_damaged_file_is_an_error(rest: bytes, tmp_path: Path) -> None:
    path = made(tmp_path / "film.mp4", box(b"ftyp"), rest)
    with pytest.raises(RenderError, match="damaged at byte 8"):
        add_to_mp4(path, b"<xmp/>")
    assert path.read_bytes() == box(b"ftyp") + rest
