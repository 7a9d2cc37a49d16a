"""The wire: what is sent comes back, and what is no frame is refused in a sentence."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omote.bridge import arkit, frame
from omote.bridge.fields import WireError
from omote.bridge.frame import Frame, Header
from omote.bridge.payload import Params, Schema, Video
from omote.bridge.picture import FORMATS, Format

from .vectors import stored

HEADER = Header(1, 2, 3, 4, 5, 6, 7)


def video(height: int = 2, width: int = 3) -> Video:
    return Video(np.arange(height * width * 4, dtype=np.uint8).reshape(height, width, 4))


def test_weights_as_shown_travel_at_the_end_of_what_older_receivers_read() -> None:
    older = frame.decode(stored("wire_params")).payload
    assert isinstance(older, Params)
    assert older.shown_weights is None
    newer = replace(older, shown_weights=np.linspace(0.0, 1.0, arkit.COUNT, dtype=np.float32))
    assert newer.to_bytes()[: frame.PARAMS_BYTES] == older.to_bytes()
    back = Params.from_bytes(newer.to_bytes(), newer.described())
    np.testing.assert_array_equal(back.shown_weights, newer.shown_weights)
    assert Schema().fields[-1] == ("shown_weights", arkit.COUNT)


def test_what_is_recognised_travels_in_the_header() -> None:
    face = frame.decode(stored("wire_params")).payload
    assert isinstance(face, Params)
    assert face.recognised == ()
    smiling = replace(face, recognised=("smile", "brow_raise"))
    parts = frame.encode(Frame(HEADER, smiling))
    back = frame.decode(parts).payload
    assert isinstance(back, Params)
    assert back.recognised == smiling.recognised
    assert bytes(parts[2]) == face.to_bytes()  # so who reads only the payload reads on
    assert "recognised" not in face.described()


@pytest.mark.parametrize("names", [("",), ("x" * 65,), tuple("abcdefghijklmnopq")])
def test_what_no_receiver_would_take_as_recognised_is_not_sent(names: tuple[str, ...]) -> None:
    face = frame.decode(stored("wire_params")).payload
    assert isinstance(face, Params)
    with pytest.raises(WireError, match="recognised"):
        replace(face, recognised=names)


def test_newer_version_is_refused_by_name() -> None:
    with pytest.raises(WireError, match="wire version 2 is newer than 1"):
        frame.decode(stored("wire_refused_newer_version"))


def test_a_picture_is_sent_and_read_without_a_copy() -> None:
    pixels = video(4, 4).pixels
    parts = frame.encode(Frame(HEADER, Video(pixels)))
    assert np.shares_memory(np.frombuffer(parts[2], np.uint8), pixels)
    payload = frame.decode(parts).payload
    assert isinstance(payload, Video)
    assert np.shares_memory(payload.pixels, pixels)


def test_a_cropped_picture_arrives_as_it_looks() -> None:
    cropped = video(6, 6).pixels[1:4, 2:5]
    payload = frame.decode(frame.encode(Frame(HEADER, Video(cropped)))).payload
    assert isinstance(payload, Video)
    np.testing.assert_array_equal(payload.pixels, cropped)


def test_a_gear_travels_with_its_picture_in_every_format() -> None:
    drawn = replace(video(8, 8), gear="openvino cpu int8 8x8 1 step")
    for name in FORMATS:
        payload = frame.decode(frame.encode(Frame(HEADER, drawn), Format.parse(name))).payload
        assert isinstance(payload, Video)
        assert payload.gear == drawn.gear


def test_a_gear_that_is_no_text_or_too_long_is_refused() -> None:
    parts = frame.encode(Frame(HEADER, video()))
    parts[1] = msgpack.packb(msgpack.unpackb(parts[1]) | {"gear": 7})
    with pytest.raises(WireError, match="'gear' must be a text, got 7"):
        frame.decode(parts)
    with pytest.raises(WireError, match="a gear has at most 256 bytes, got 257"):
        replace(video(), gear="x" * 257)


@pytest.mark.parametrize("subject", ["", "a/b", "ä", "x" * 65, "a b", "\udcff"])
def test_odd_subjects_are_refused(subject: str) -> None:
    with pytest.raises(WireError, match="subject"):
        frame.topic(frame.VIDEO, subject)


def test_a_negative_time_is_refused_before_it_is_sent() -> None:
    with pytest.raises(WireError, match="captured_ns must be a uint64"):
        replace(HEADER, captured_ns=-1)


def test_a_weight_that_is_no_number_is_refused() -> None:
    good = frame.decode(stored("wire_params")).payload
    assert isinstance(good, Params)
    with pytest.raises(WireError, match="weights must be 52 finite numbers"):
        replace(good, weights=np.full(52, np.nan, np.float32))
    parts = stored("wire_params")
    with pytest.raises(WireError, match="finite"):
        frame.decode([parts[0], parts[1], struct.pack("<f", float("inf")) + parts[2][4:]])


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 2, 3), np.uint8),
        np.zeros((2, 2, 4), np.float32),
        np.zeros((0, 2, 4), np.uint8),
        np.zeros((2, 4), np.uint8),
    ],
)
def test_a_picture_of_another_shape_is_refused(pixels: np.ndarray[Any, Any]) -> None:
    with pytest.raises(WireError, match="a picture must be uint8"):
        Video(pixels)


def changed_header(**changed: object) -> list[bytes]:
    parts = stored("wire_video")
    return [parts[0], msgpack.packb(msgpack.unpackb(parts[1]) | changed), parts[2]]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"w": 0}, "sides from 1"),
        ({"w": 1 << 40}, "'w' must be a whole number from 0 to 8192"),
        ({"stride": 4}, "at least 4 bytes a pixel"),
        ({"stride": 1 << 40}, "'stride'"),
        ({"h": 4}, "4 rows of 20 bytes are 80, got 60"),
        ({"w": True}, "'w' must be a whole number"),
        ({"seq": -1}, "'seq'"),
        ({"v": "1"}, "says its version"),
        ({"v": 0}, "says its version"),
        ({"alpha": "additive"}, "alpha 'additive' is not known here"),
        ({"later": "x" * 257}, "bounds"),
        ({"later": list(range(257))}, "bounds"),
        ({"later": [["x" * 255] * 20]}, "at most 4096 bytes"),
    ],
)
def test_a_header_that_lies_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(WireError, match=said):
        frame.decode(changed_header(**changed))


@pytest.mark.parametrize("parts", [[], [b"v/omote"], [b""] * 9])
def test_a_message_of_too_few_or_too_many_parts_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(WireError, match="3 to 8 parts"):
        frame.decode(parts)


@pytest.mark.parametrize("name", ["wire_video", "wire_params", "wire_schema"])
def test_every_truncation_is_refused(name: str) -> None:
    parts = stored(name)
    for which in range(3):
        for length in range(len(parts[which])):
            cut = [part[:length] if at == which else part for at, part in enumerate(parts)]
            if which == 0 and length > 2:
                assert frame.decode(cut).header.subject == "omote"[: length - 2]  # a shorter name is a name
                continue
            with pytest.raises(WireError):
                frame.decode(cut)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=9))
def test_random_bytes_raise_nothing_but_wire_error(parts: list[bytes]) -> None:
    with pytest.raises(WireError):
        frame.decode(parts)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=600, deadline=None)
@given(
    name=st.sampled_from(["wire_video", "wire_params", "wire_schema"]),
    key=st.sampled_from(["v", "w", "h", "stride", "fmt", "basis", "seq", "session", "sent", "other"]),
    value=VALUES,
    payload=st.none() | st.binary(max_size=600),
)
def test_an_almost_right_message_raises_nothing_but_wire_error(
    name: str, key: str, value: object, payload: bytes | None
) -> None:
    parts = stored(name)
    header = msgpack.packb(msgpack.unpackb(parts[1]) | {key: value})
    try:
        assert frame.decode([parts[0], header, parts[2] if payload is None else payload])
    except WireError as error:
        assert str(error)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(["wire_video", "wire_params", "wire_schema"]), st.data())
def test_flipped_bytes_raise_nothing_but_wire_error(name: str, data: st.DataObject) -> None:
    parts = stored(name)
    which = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, len(parts[which]) - 1))
    flipped = bytearray(parts[which])
    flipped[at] = data.draw(st.integers(0, 255))
    parts[which] = bytes(flipped)
    try:
        frame.decode(parts)
    except WireError as error:
        assert str(error)
