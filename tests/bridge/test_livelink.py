"""Live Link Face packets, to and from bytes."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit, livelink
from omote.bridge.errors import ProtocolError
from omote.bridge.livelink import LiveLinkPacket

DATA = Path(__file__).resolve().parents[1] / "data"
FACE = (DATA / "livelink_face.bin").read_bytes()
NO_FACE = (DATA / "livelink_no_face.bin").read_bytes()
GOLDEN: dict[str, Any] = json.loads((DATA / "golden.json").read_text("utf-8"))["livelink_face"]


def test_the_golden_face_decodes_to_its_numbers() -> None:
    assert len(FACE) == 312  # measured: a 36-letter id and the name "iPhone"
    packet = livelink.decode(FACE)
    assert packet.values is not None
    assert packet.values.tolist() == GOLDEN["values"]
    wanted = {name: value for name, value in GOLDEN.items() if name not in ("kind", "values")}
    assert {name: getattr(packet, name) for name in wanted} == wanted


def test_a_packet_that_ends_before_the_face_says_that_there_is_none() -> None:
    assert len(NO_FACE) == 67
    assert livelink.decode(NO_FACE).values is None
    assert livelink.decode(NO_FACE + b"\x00").values is None


@pytest.mark.parametrize("data", [FACE, NO_FACE])
def test_what_was_decoded_encodes_to_the_same_bytes(data: bytes) -> None:
    assert livelink.encode(livelink.decode(data)) == data


def test_the_52_weights_come_first_and_in_arkit_order() -> None:
    assert tuple(name.lower() for name in livelink.NAMES[:52]) == tuple(name.lower() for name in arkit.NAMES)
    assert livelink.NAMES[52:55] == ("HeadYaw", "HeadPitch", "HeadRoll")


@pytest.mark.parametrize("version", [0, 5, 7, 255])
def test_another_version_is_refused_by_name(version: int) -> None:
    with pytest.raises(ProtocolError, match=f"version {version} is not known, only 6"):
        livelink.decode(bytes([version]) + FACE[1:])


def test_every_truncation_but_the_faceless_one_is_refused() -> None:
    for length in range(len(FACE)):
        if length == len(NO_FACE):
            continue
        with pytest.raises(ProtocolError):
            livelink.decode(FACE[:length])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (FACE + b"\x00", "1 bytes follow"),
        (NO_FACE + b"\x01" + FACE[68:72], "61 values, got 1"),
        (FACE[:1] + struct.pack(">i", -1) + FACE[5:], "got -1"),
        (FACE[:1] + struct.pack(">i", 2**31 - 1) + FACE[5:], "got 2147483647"),
        (FACE[:5] + b"\xff" + FACE[6:], "not UTF-8"),
        (FACE[:-4] + struct.pack(">f", float("nan")), "finite"),
    ],
)
def test_a_packet_that_lies_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        livelink.decode(data)


@pytest.mark.parametrize(
    "changed",
    [
        {"values": np.zeros(52, np.float32)},
        {"values": np.full(61, np.inf, np.float32)},
        {"device_id": "x" * 257},
        {"frame_number": 1 << 31},
        {"sub_frame": 1e300},
    ],
)
def test_what_no_reader_would_take_is_not_encoded(changed: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        livelink.encode(replace(livelink.decode(FACE), **changed))


TEXT = st.text(max_size=60)
INT = st.integers(-(1 << 31), (1 << 31) - 1)
FLOAT = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(TEXT, TEXT, INT, FLOAT, INT, INT, st.none() | st.lists(FLOAT, min_size=61, max_size=61))
def test_every_packet_comes_back(
    device: str, subject: str, number: int, sub_frame: float, above: int, below: int, values: list[float] | None
) -> None:
    face = None if values is None else np.array(values, np.float32)
    packet = LiveLinkPacket(device, subject, number, sub_frame, above, below, face)
    back = livelink.decode(livelink.encode(packet))
    assert replace(back, values=None) == replace(packet, values=None)
    assert (back.values is None) == (face is None)
    np.testing.assert_array_equal(back.values, face)
