"""Writes the golden vectors of `tests/data`, which the Python, C# and C++ readers of the wire all decode.

Run once, by hand, when the wire gains something; a committed vector never changes:
    PYTHONPATH=build python tests/bridge/golden.py
A message is stored as its parts, each after its length as a little-endian uint32.
The Live Link packets are put together here byte by byte, not by the codec that they test.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import msgpack
import numpy as np

from omote.bridge import frame
from omote.bridge.frame import Frame, Header, Params, Schema, Video

DATA = Path(__file__).resolve().parents[1] / "data"

HEADER = Header(
    session=0xFEDCBA9876543210,
    sequence=41,
    index=42,
    captured_ns=9_007_199_254_740_993,  # 2**53 + 1: no float64 holds it
    generated_ns=9_007_199_281_000_000,
    sent_ns=9_007_199_282_000_001,
    wall_ns=1_795_000_000_123_456_789,
)
VIDEO = Video((np.arange(3 * 5 * 4, dtype=np.uint8) * 4).reshape(3, 5, 4))


def counting(count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return (np.arange(count) / 64).astype(np.float32)  # exact in binary


PARAMS = Params(
    weights=counting(52),
    expression=-counting(50),
    jaw_pose=counting(3),
    neck_pose=-counting(3),
    eye_pose=counting(6).reshape(2, 3),
    eyelids=counting(2),
    translation=-counting(3),
    head_rotation=counting(3),
    head_translation=counting(3),
    gaze=-counting(4).reshape(2, 2),
    confidence=0.75,
    presence=0.5,
    basis="open",
)


def packed(parts: list[bytes | memoryview]) -> bytes:
    return b"".join(struct.pack("<I", len(part)) + bytes(part) for part in parts)


def with_header(message: list[bytes | memoryview], **changed: object) -> list[bytes | memoryview]:
    header = msgpack.unpackb(message[1]) | changed
    return [message[0], msgpack.packb({key: value for key, value in header.items() if value is not None}), message[2]]


def padded_rows(message: list[bytes | memoryview], stride: int) -> list[bytes | memoryview]:
    """The same picture with rows that are longer than its width asks for."""
    rows = np.zeros((3, stride), np.uint8)
    rows[:, :20] = VIDEO.pixels.reshape(3, 20)
    return with_header([message[0], message[1], rows.tobytes()], stride=stride)


def live_link(values: bytes) -> bytes:
    device, subject = b"DC1A9B2E-0F5C-4D3A-9E77-0123456789AB", b"iPhone"
    names = struct.pack(">i", len(device)) + device + struct.pack(">i", len(subject)) + subject
    return b"\x06" + names + struct.pack(">ifii", 1234, 0.25, 60, 1) + values


def main() -> None:
    video = frame.encode(Frame(HEADER, VIDEO))
    params = frame.encode(Frame(HEADER, PARAMS))
    face = b"\x3d" + struct.pack(">61f", *(index / 64 for index in range(61)))
    vectors = {
        "wire_video": packed(video),
        "wire_video_padded_rows": packed(padded_rows(video, 32)),
        "wire_video_unknown_key": packed(with_header(video, later="what a newer sender may add")),
        "wire_params": packed(params),
        "wire_params_longer": packed([params[0], params[1], bytes(params[2]) + struct.pack("<f", 1.0)]),
        "wire_schema": packed(frame.encode(Frame(HEADER, Schema()))),
        "wire_refused_newer_version": packed(with_header(video, v=2)),
        "wire_refused_unknown_format": packed(with_header(video, fmt="jpeg")),
        "wire_refused_short_picture": packed([video[0], video[1], bytes(video[2])[:-1]]),
        "wire_refused_float_time": packed(with_header(video, captured=1.5)),
        "wire_refused_missing_session": packed(with_header(video, session=None)),
        "livelink_face": live_link(face),
        "livelink_no_face": live_link(b""),
    }
    for name, data in vectors.items():
        (DATA / f"{name}.bin").write_bytes(data)
    (DATA / "golden.json").write_text(json.dumps(said(), indent=1) + "\n", "utf-8", newline="\n")


def said() -> dict[str, object]:
    """What the vectors decode to, for readers in any language."""
    header = {name: str(getattr(HEADER, name)) for name in frame.UINT64}  # as text: JSON readers round large numbers
    fields = {name: np.ravel(np.asarray(getattr(PARAMS, name))).tolist() for name, _ in frame.FIELDS}
    picture = {"width": 5, "height": 3, "rgba": VIDEO.pixels.ravel().tolist()}
    return {
        "header": {**header, "subject": HEADER.subject},
        "wire_video": picture,
        "wire_video_padded_rows": picture,
        "wire_video_unknown_key": picture,
        "wire_params": {"basis": PARAMS.basis, **fields},
        "wire_params_longer": {"basis": PARAMS.basis, **fields},
        "wire_schema": {"weights": list(Schema().weights), "fields": [list(field) for field in Schema().fields]},
        "refused": {
            "wire_refused_newer_version": "version 2",
            "wire_refused_unknown_format": "jpeg",
            "wire_refused_short_picture": "bytes",
            "wire_refused_float_time": "captured",
            "wire_refused_missing_session": "session",
        },
        "livelink_face": {
            "device_id": "DC1A9B2E-0F5C-4D3A-9E77-0123456789AB",
            "subject": "iPhone",
            "frame_number": 1234,
            "sub_frame": 0.25,
            "fps_numerator": 60,
            "fps_denominator": 1,
            "values": [index / 64 for index in range(61)],
        },
    }


if __name__ == "__main__":
    main()
