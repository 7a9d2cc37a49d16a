"""Frames: the golden vectors that all languages decode, what is sent comes back, and malformed messages are refused."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
import pytest

from omote.bridge import arkit, frame
from omote.bridge.control.message import ControlError, decode_reply, decode_request
from omote.bridge.fields import WireError
from omote.bridge.frame import Frame, Header
from omote.bridge.payload import PARAMS_BYTES, Params, Schema, Video
from omote.bridge.picture import FORMATS, Format

from .vectors import DATA, stored

GOLDEN: dict[str, Any] = json.loads((DATA / "golden.json").read_text("utf-8"))
WIRE = [name for name in GOLDEN if name.startswith("wire_")]
HEADER = Header(1, 2, 3, 4, 5, 6, 7)


def of_kind(kind: str) -> list[str]:
    return [name for name, golden in GOLDEN.items() if golden.get("kind") == kind]


def test_every_vector_is_described() -> None:
    there = {path.stem for path in DATA.glob("*.bin") if not path.stem.startswith(("livelink_", "vmc_", "phone_"))}
    assert there == {*WIRE, *of_kind("request"), *of_kind("reply"), *GOLDEN["refused"]}


@pytest.mark.parametrize("name", WIRE)
def test_messages_decode_to_the_golden_headers_and_payloads(name: str) -> None:
    envelope, golden, header = frame.peek(stored(name)), GOLDEN[name], GOLDEN["header"]
    assert envelope.topic == golden["topic"]
    assert all(str(getattr(envelope.header, key)) == header[key] for key in frame.UINT64)
    assert envelope.header.subject == header["subject"]
    payload = envelope.open().payload
    if isinstance(payload, Video):
        assert (payload.alpha, payload.gear) == (golden["alpha"], golden.get("gear", ""))
        assert (None if payload.placed is None else list(payload.placed)) == golden.get("placed")
        wanted = np.array(golden["rgba"]).reshape(golden["height"], golden["width"], 4)
        assert payload.pixels.shape == wanted.shape
        off = np.abs(payload.pixels.astype(int) - wanted)
        assert off[..., :3].max() <= golden["tolerance"]
        assert off[..., 3].max() == 0
        return
    found = {key: plain(value) for key, value in vars(payload).items()}
    if isinstance(payload, Params):
        assert found["recognised"] == golden.get("recognised", [])
        assert (found["shown_weights"] is None) == ("shown_weights" not in golden)
    for key in golden.keys() - {"kind", "topic"}:
        assert np.ravel(found[key]).tolist() == np.ravel(golden[key]).tolist()


def plain(value: object) -> Any:
    return json.loads(json.dumps(value, default=lambda array: array.tolist()))


def test_the_golden_schema_has_arkits_weights() -> None:
    payload = frame.decode(stored("wire_schema")).payload
    assert isinstance(payload, Schema)
    assert payload.weights == arkit.NAMES


@pytest.mark.parametrize("name", [*of_kind("request"), *of_kind("reply")])
def test_control_messages_decode_to_the_golden_ones(name: str) -> None:
    (part,), golden = stored(name), GOLDEN[name]
    if golden["kind"] == "request":
        request = decode_request(part)
        assert (str(request.id), request.method, request.arguments) == (golden["id"], golden["method"], golden["with"])
        return
    reply = decode_reply(part)
    assert str(reply.id) == golden["id"]
    if reply.error:
        assert {"code": reply.error.code, "message": reply.error.message} == golden["error"]
    else:
        assert {key: str(value) for key, value in (reply.result or {}).items()} == golden["result"]


# Without vectors with more than a receiver keeps, and without JPEGs, which other libraries write differently.
OTHERS = ("_padded_rows", "_key", "_longer", "_nothing")
SAME = [name for name in WIRE if not name.endswith(OTHERS) and "jpeg" not in name]


@pytest.mark.parametrize("name", SAME)
def test_what_was_decoded_encodes_to_the_same_bytes(name: str) -> None:
    parts = stored(name)
    envelope = frame.peek(parts)
    format = envelope.layout.format if envelope.layout else Format()
    assert [bytes(part) for part in frame.encode(envelope.open(), format)] == parts


@pytest.mark.parametrize(("name", "word"), GOLDEN["refused"].items())
def test_refusals_name_what_is_wrong(name: str, word: str) -> None:
    with pytest.raises((WireError, ControlError)) as refused:
        if name.startswith("control_"):
            decode_request(stored(name)[0])
        else:
            frame.decode(stored(name))
    assert word.lower() in str(refused.value).lower()


def stored_params() -> Params:
    payload = frame.decode(stored("wire_params")).payload
    assert isinstance(payload, Params)
    return payload


def video(height: int = 2, width: int = 3) -> Video:
    return Video(np.arange(height * width * 4, dtype=np.uint8).reshape(height, width, 4))


def test_shown_weights_follow_the_fields_of_older_receivers() -> None:
    older = stored_params()
    assert older.shown_weights is None
    newer = replace(older, shown_weights=np.linspace(0.0, 1.0, arkit.COUNT, dtype=np.float32))
    assert newer.to_bytes()[:PARAMS_BYTES] == older.to_bytes()
    back = Params.from_bytes(newer.to_bytes(), newer.header_fields())
    np.testing.assert_array_equal(back.shown_weights, newer.shown_weights)
    assert Schema().fields[-1] == ("shown_weights", arkit.COUNT)


def test_recognised_expressions_are_in_the_header() -> None:
    face = stored_params()
    assert face.recognised == ()
    smiling = replace(face, recognised=("smile", "brow_raise"))
    parts = frame.encode(Frame(HEADER, smiling))
    back = frame.decode(parts).payload
    assert isinstance(back, Params)
    assert back.recognised == smiling.recognised
    assert bytes(parts[2]) == face.to_bytes()  # so the payload is unchanged
    assert "recognised" not in face.header_fields()


@pytest.mark.parametrize("names", [("",), ("x" * 65,), tuple("abcdefghijklmnopq")])
def test_invalid_names_of_recognised_expressions_are_refused(names: tuple[str, ...]) -> None:
    face = stored_params()
    with pytest.raises(WireError, match="recognised"):
        replace(face, recognised=names)


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


def test_every_format_has_the_gear() -> None:
    drawn = replace(video(8, 8), gear="openvino cpu int8 8x8 1 step")
    for name in FORMATS:
        payload = frame.decode(frame.encode(Frame(HEADER, drawn), Format.parse(name))).payload
        assert isinstance(payload, Video)
        assert payload.gear == drawn.gear


def test_every_format_has_the_placement() -> None:
    moved = replace(video(8, 8), placed=(0.5, 0.0, 0.25, 0.0, 0.5, 0.0))
    for name in FORMATS:
        payload = frame.decode(frame.encode(Frame(HEADER, moved), Format.parse(name))).payload
        assert isinstance(payload, Video)
        assert payload.placed == moved.placed


@pytest.mark.parametrize("placed", [7, [1.0] * 5, [1.0] * 5 + ["x"], [1.0] * 5 + [float("nan")], [True] * 6])
def test_an_invalid_placement_is_refused(placed: object) -> None:
    parts = frame.encode(Frame(HEADER, video()))
    parts[1] = msgpack.packb(msgpack.unpackb(parts[1]) | {"placed": placed})
    with pytest.raises(WireError, match="'placed' must be"):
        frame.decode(parts)


def test_an_invalid_gear_is_refused() -> None:
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
    with pytest.raises(WireError, match="weights must be 52 finite numbers"):
        replace(stored_params(), weights=np.full(52, np.nan, np.float32))
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
        ({"v": "1"}, "has its version"),
        ({"v": 0}, "has its version"),
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
