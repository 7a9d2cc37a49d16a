"""The golden vectors, which readers in other languages decode as well, mean to us what `golden.json` says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from omote.bridge import arkit, frame
from omote.bridge.control.message import ControlError, decode_reply, decode_request
from omote.bridge.fields import WireError
from omote.bridge.payload import Hello, Params, Schema, Video
from omote.bridge.picture import Format

from .vectors import DATA, stored

GOLDEN: dict[str, Any] = json.loads((DATA / "golden.json").read_text("utf-8"))
WIRE = [name for name in GOLDEN if name.startswith("wire_")]


def of_kind(kind: str) -> list[str]:
    return [name for name, said in GOLDEN.items() if said.get("kind") == kind]


def test_every_vector_is_spoken_of() -> None:
    there = {path.stem for path in DATA.glob("*.bin") if not path.stem.startswith(("livelink_", "vmc_", "phone_"))}
    assert there == {*WIRE, *of_kind("request"), *of_kind("reply"), *GOLDEN["refused"]}


@pytest.mark.parametrize("name", WIRE)
def test_headers_keep_every_nanosecond(name: str) -> None:
    envelope = frame.peek(stored(name))
    said = GOLDEN["header"]
    assert envelope.topic == GOLDEN[name]["topic"]
    assert {key: str(getattr(envelope.header, key)) for key in frame.UINT64} == {key: said[key] for key in frame.UINT64}
    assert envelope.header.subject == said["subject"]


@pytest.mark.parametrize("name", of_kind("video"))
def test_pictures_decode_to_their_pixels(name: str) -> None:
    payload, said = frame.decode(stored(name)).payload, GOLDEN[name]
    assert isinstance(payload, Video)
    assert payload.alpha == said["alpha"]
    assert payload.gear == said.get("gear", "")
    wanted = np.array(said["rgba"]).reshape(said["height"], said["width"], 4)
    assert payload.pixels.shape == wanted.shape
    off = np.abs(payload.pixels.astype(int) - wanted)
    assert off[..., :3].max() <= said["tolerance"]
    assert off[..., 3].max() == 0


@pytest.mark.parametrize("name", of_kind("params"))
def test_params_decode_to_their_numbers(name: str) -> None:
    payload, said = frame.decode(stored(name)).payload, GOLDEN[name]
    assert isinstance(payload, Params)
    assert payload.basis == said["basis"]
    assert (payload.shown_weights is None) == ("shown_weights" not in said)
    assert list(payload.recognised) == said.get("recognised", [])
    for field in said.keys() - {"kind", "topic", "basis", "recognised"}:
        assert np.ravel(np.asarray(getattr(payload, field))).tolist() == said[field]


@pytest.mark.parametrize("name", of_kind("schema"))
def test_schemas_name_the_52_weights(name: str) -> None:
    payload, said = frame.decode(stored(name)).payload, GOLDEN[name]
    assert isinstance(payload, Schema)
    assert list(payload.weights) == said["weights"] == list(arkit.NAMES)
    assert [list(field) for field in payload.fields] == said["fields"]


@pytest.mark.parametrize("name", of_kind("hello"))
def test_hellos_tell_what_may_be_asked(name: str) -> None:
    payload, said = frame.decode(stored(name)).payload, GOLDEN[name]
    assert isinstance(payload, Hello)
    found = {key: list(value) if isinstance(value, tuple) else value for key, value in vars(payload).items()}
    assert found == {key: said[key] for key in said.keys() - {"kind", "topic"}}


@pytest.mark.parametrize("name", of_kind("request"))
def test_requests_decode_to_what_is_asked(name: str) -> None:
    request, said = decode_request(stored(name)[0]), GOLDEN[name]
    assert (str(request.id), request.method, request.arguments) == (said["id"], said["method"], said["with"])


@pytest.mark.parametrize("name", of_kind("reply"))
def test_replies_decode_to_what_is_answered(name: str) -> None:
    reply, said = decode_reply(stored(name)[0]), GOLDEN[name]
    assert str(reply.id) == said["id"]
    if reply.error:
        assert {"code": reply.error.code, "message": reply.error.message} == said["error"]
        return
    assert reply.result is not None
    assert {key: str(value) for key, value in reply.result.items()} == said["result"]


# Not those that hold more than their receiver keeps, nor a JPEG, which another library writes in other bytes.
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
