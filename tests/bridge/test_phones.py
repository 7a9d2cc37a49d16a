"""What phones and trackers send: the golden bytes, what is ignored, and what is refused. See test_fuzz.py, too."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from omote.bridge import ifacialmocap, openseeface, vtubestudio_phone
from omote.bridge.errors import ProtocolError

from .vectors import DATA

GOLDEN: dict[str, Any] = json.loads((DATA / "golden_phones.json").read_text("utf-8"))


def vector(name: str) -> bytes:
    return (DATA / f"phone_{name}.bin").read_bytes()


# iFacialMocap and Facemotion3d


def test_both_versions_of_the_text_say_the_same() -> None:
    first, second = (ifacialmocap.decode(vector(f"ifacialmocap_v{version}")) for version in (1, 2))
    said = dict.fromkeys(("mouthUpperUpLeft", "browInnerUp"), 0.0) | GOLDEN["ifacialmocap_v1"]
    assert first.weights == said | {"mouthUpperUpLeft": 0.11}
    assert second == replace(first, weights=first.weights | {"jawLeft": -0.05})
    assert list(first.head_deg) == GOLDEN["head_deg"]
    assert list(first.head_m) == GOLDEN["head_m"]
    assert first.is_tracked


def test_facemotion3d_says_full_names_and_whether_there_is_a_face() -> None:
    packet = ifacialmocap.decode(vector("facemotion3d"))
    assert packet.weights == GOLDEN["facemotion3d"]
    assert packet.is_tracked
    assert not ifacialmocap.decode(vector("facemotion3d_no_face")).is_tracked


def test_a_negative_value_of_the_first_version_is_read() -> None:
    assert ifacialmocap.decode(b"jawLeft--5|jawOpen-7").weights == {"jawLeft": -0.05, "jawOpen": 0.07}


@pytest.mark.parametrize(
    "text",
    [
        "jawOpen-50|1|34903,-1.6660284,-0.17520553||hairColour-red|___iFacialMocap",
        " jawOpen - 50 |=nose#a,b|",
        "jawOpen&5e1|leftEye#x|",
        "jawOpen-+50.",
    ],
)
def test_what_is_unknown_is_passed_over(text: str) -> None:
    assert ifacialmocap.decode(text.encode()) == ifacialmocap.IFacialMocapPacket({"jawOpen": 0.5})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "none of ARKit's"),
        (b"smile-50|", "none of ARKit's"),
        (b"FMV3" + bytes(36), "FMV3.*not understood"),
        (b"jawOpen-nan", "must be a number, got 'nan'"),
        (b"jawOpen-1_0", "must be a number"),
        (b"jawOpen&", "must be a number, got ''"),
        ("jawOpen-٣".encode(), "must be a number"),
        (b"jawOpen-1e300", "at most 1e"),
        (b"jawOpen-50|=head#1,2", "got 2 numbers"),
        (b"jawOpen-50|=head#1,2,3,4,5,6,7", "must be a number, got '6,7'|got 7 numbers"),
        (b"jawOpen-50|=head#inf,0,0", "must be a number"),
        (b"jawOpen-50|trackingStatus-", "trackingStatus must be a number"),
        (b"\xff\xfe", "UTF-8"),
        (b"jawOpen-50|" + b"|" * 600, "fewer than 512"),
        (b"jawOpen-50|" + b"x" * (16 << 10), "at most 16384 bytes"),
    ],
)
def test_text_that_lies_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        ifacialmocap.decode(data)


# VTube Studio


def test_a_face_of_vtube_studio_is_read() -> None:
    packet = vtubestudio_phone.decode(vector("vtubestudio"))
    assert packet.is_tracked
    assert packet.weights == GOLDEN["vtubestudio"]
    assert list(packet.rotation_deg) == GOLDEN["rotation_deg"]
    assert not vtubestudio_phone.decode(vector("vtubestudio_no_face")).is_tracked


def test_what_is_asked_of_vtube_studio_is_as_its_maker_wrote_it_down() -> None:
    assert json.loads(vtubestudio_phone.request(11125, 2.5)) == {
        "messageType": "iOSTrackingDataRequest",
        "time": 2.5,
        "sentBy": "Omote",
        "ports": [11125],
    }


def of_vts(**changed: object) -> bytes:
    return json.dumps(json.loads(vector("vtubestudio")) | changed).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"[]", "expected a map with FaceFound"),
        (b'{"FaceFound": 1}', "expected a map with FaceFound"),
        (b"\xff", "not JSON"),
        (of_vts(Rotation=None), "Rotation must be a map"),
        (of_vts(Rotation={"x": 1, "y": 2}), r"Rotation\.z must be a number"),
        (of_vts(Rotation={"x": True, "y": 2, "z": 3}), r"Rotation\.x must be a number"),
        (of_vts(Rotation={"x": 10**400, "y": 2, "z": 3}), r"Rotation\.x must be a number"),
        (of_vts(BlendShapes={}), "must be a list"),
        (of_vts(BlendShapes=[]), "none of ARKit's"),
        (of_vts(BlendShapes=[{"k": "JawOpen", "v": "1"}]), "jawOpen must be a number"),
        (of_vts(BlendShapes=[{"k": 1, "v": 1}]), "a name, k"),
        (of_vts(BlendShapes=[{"k": "x", "v": 1}] * 257), "at most 256"),
        (of_vts(BlendShapes=[{"k": "JawOpen", "v": math.nan}]), "NaN is not a JSON number"),
        (b'{"FaceFound":' + b"[" * 20_000, "at most 16384 bytes"),
        (b'{"FaceFound":' + b"[" * 10_000, "at most 6 levels"),
        (b'{"FaceFound":true,"Rotation":{"x":' + b"1" * 5000 + b"}}", "not JSON"),
    ],
)
def test_json_that_lies_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        vtubestudio_phone.decode(data)


# OpenSeeFace


def test_each_face_of_openseeface_is_read_in_its_order() -> None:
    first, second = openseeface.decode(vector("openseeface"))
    said = GOLDEN["openseeface"]
    assert openseeface.BYTES == 1785
    assert (first.face_id, second.face_id) == (3, said["face_id"])
    assert (second.right_open, second.left_open) == (said["right_open"], said["left_open"])
    assert (second.width_px, second.height_px, second.is_fitted) == (640.0, 480.0, True)
    np.testing.assert_allclose(second.quaternion, said["quaternion"], rtol=1e-6)
    np.testing.assert_allclose(second.translation, said["translation"], rtol=1e-6)
    assert list(second.features.values()) == said["features"]
    assert second.features["mouth_open"] == 0.625
    np.testing.assert_allclose(second.points_3d[67], [-0.03, 0.02, -0.1], rtol=1e-6)
    assert set(second.confidence.tolist()) == {0.75}


@pytest.mark.parametrize("length", [0, 1, 1784, 1786, 1729, 3569])
def test_other_lengths_are_no_faces_of_openseeface(length: int) -> None:
    with pytest.raises(ProtocolError, match=f"1785 bytes each, got {length}"):
        openseeface.decode(bytes(length))


@pytest.mark.parametrize("at", [0, 12, 20, 29, 33, 1781])  # time, width, an eye, the fit's error, turn, last feature
def test_numbers_of_openseeface_are_finite(at: int) -> None:
    for lie in (math.nan, math.inf, -math.inf):
        record = bytearray(vector("openseeface")[:1785])
        struct.pack_into("<d" if at == 0 else "<f", record, at, lie)
        with pytest.raises(ProtocolError, match="must be finite"):
            openseeface.decode(bytes(record))
