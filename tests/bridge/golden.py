"""Writes the golden vectors of the wire to `tests/data`; the Python, C# and C++ receivers all decode them.

Run it by hand when the wire gains something; existing vectors are never written again:
    PYTHONPATH=build python tests/bridge/golden.py
A message is stored as its parts, each after its length as a little-endian uint32; a control message has one part.
The Live Link packets are assembled here byte by byte, without the codec that they test.

`golden.json` says under the name of each vector what it decodes to. Its `kind` determines the other keys:
    video      topic; width, height, rgba: all decoded pixels, first row on top, whatever the order on the wire; alpha:
               straight, premultiplied or opaque; tolerance: of red, green and blue (alpha is exact);
               gear and placed, where the header has them
    params     topic, basis, and each field of the payload as a list of numbers;
               recognised: a list of texts, where the header has it
    schema     topic, weights, fields
    hello      topic, omote, wire, formats, video, params, control, methods
    request    id, method, with (an empty map where it is missing)
    reply      id, and either result or error, a map of code and message
    livelink   the packet's fields
A uint64 (`id`, `session`, `received`) is a text, because JSON readers round large numbers. All `wire_` vectors have the
header under `header`. `refused` maps each refused vector to a word that the error has to contain, in upper or lower
case; `control_refused_` are requests, and only readers that decode JPEGs recognise `wire_refused_jpeg_`.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import lz4.block
import msgpack
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge import frame
from omote.bridge.frame import Frame, Header
from omote.bridge.payload import APPENDED, FIELDS, Hello, Params, Schema, Video
from omote.bridge.picture import Format

Parts = list[bytes | memoryview]
Decoded = dict[str, object]

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
GEARED = replace(VIDEO, gear="openvino cpu int8 192x192 1 step 30/s")
PLACED = replace(VIDEO, placed=(0.5, -0.25, 0.375, 0.25, 0.5, 0.0))

# 16x8, with gradients so gentle that all JPEG decoders agree; the alpha need not be, because LZ4 is lossless.
X, Y = np.meshgrid(np.arange(16), np.arange(8))
SMOOTH = Video(
    np.stack([64 + 4 * X, 160 - 6 * Y, 96 + 2 * X + 2 * Y, 255 - (X * 37 + Y * 11) % 100], -1).astype(np.uint8)
)
# The same colours, and an alpha so gentle that the products are gentle, too.
FADING = Video(np.dstack([SMOOTH.pixels[..., :3], 255 - 4 * X - 2 * Y]).astype(np.uint8))


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
RECOGNISED = replace(PARAMS, recognised=("smile", "brow_raise", "ウィンク"))
SHOWN = replace(PARAMS, shown_weights=counting(52)[::-1].copy())
HELLO = Hello("0.2.0", 1, ("rgba8", "bgra8", "jpeg"), 5557, 5556, 5558, ("hello", "clock", "stats"))


def packed(parts: Parts) -> bytes:
    return b"".join(struct.pack("<I", len(part)) + bytes(part) for part in parts)


def with_header(message: Parts, **changed: object) -> Parts:
    header = msgpack.unpackb(message[1]) | changed
    kept = {key: value for key, value in header.items() if value is not None}
    return [message[0], msgpack.packb(kept), *message[2:]]


def padded_rows(message: Parts, stride: int) -> Parts:
    """The same picture with padded rows."""
    rows = np.zeros((3, stride), np.uint8)
    rows[:, :20] = VIDEO.pixels.reshape(3, 20)
    return with_header([message[0], message[1], rows.tobytes()], stride=stride)


def nested(levels: int) -> object:
    return [] if levels == 1 else [nested(levels - 1)]


def sent(payload: Video | Params | Schema | Hello, *words: str) -> Parts:
    return frame.encode(Frame(HEADER, payload), Format(*words))


def vector(parts: Parts, kind: str, **said: object) -> tuple[Parts, Decoded]:
    """A vector of the wire, and what it decodes to."""
    return parts, {"kind": kind, "topic": bytes(parts[0]).decode(), **said}


def picture(parts: Parts, video: Video, alpha: str = "straight") -> tuple[Parts, Decoded]:
    """A vector of this picture, which has straight alpha, with the alpha of its format."""
    pixels = video.pixels.astype(int)
    if alpha != "straight":
        pixels[..., :3] = (pixels[..., :3] * pixels[..., 3:] + 127) // 255
    if alpha == "opaque":
        pixels[..., 3] = 255
    height, width, _ = pixels.shape
    tolerance = 10 if b"jpeg" in bytes(parts[0]) else 0
    said: Decoded = {
        "width": width,
        "height": height,
        "alpha": alpha,
        "tolerance": tolerance,
        "rgba": pixels.ravel().tolist(),
    }
    said |= {"gear": video.gear} if video.gear else {}
    return vector(parts, "video", **said, **({"placed": list(video.placed)} if video.placed else {}))


def params(parts: Parts, fields: tuple[tuple[str, int], ...]) -> tuple[Parts, Decoded]:
    numbers = {name: np.ravel(np.asarray(getattr(SHOWN, name))).tolist() for name, _ in fields}
    return vector(parts, "params", basis=PARAMS.basis, **numbers)


def recognised(parts: Parts, names: tuple[str, ...]) -> tuple[Parts, Decoded]:
    made, said = params(parts, FIELDS)
    return made, {**said, "recognised": names}


def schema(payload: Schema) -> tuple[Parts, Decoded]:
    return vector(sent(payload), "schema", weights=payload.weights, fields=payload.fields)


def messages() -> dict[str, tuple[Parts, Decoded]]:
    """Name, parts, and what they decode to."""
    video, face = sent(VIDEO), sent(PARAMS)
    both = "jpeg+lz4a"
    return {
        "wire_video": picture(video, VIDEO),
        "wire_video_padded_rows": picture(padded_rows(video, 32), VIDEO),
        "wire_video_unknown_key": picture(with_header(video, later="what a newer sender may add"), VIDEO),
        "wire_video_nested_key": picture(with_header(video, later=nested(7)), VIDEO),
        "wire_video_gear": picture(sent(GEARED), GEARED),
        "wire_video_placed": picture(sent(PLACED), PLACED),
        "wire_video_bottom": picture(sent(VIDEO, "rgba8", "straight", "bottom"), VIDEO),
        "wire_video_bgra8": picture(sent(VIDEO, "bgra8"), VIDEO),
        "wire_video_premultiplied_bottom": picture(
            sent(VIDEO, "rgba8", "premultiplied", "bottom"), VIDEO, "premultiplied"
        ),
        "wire_video_jpeg": picture(sent(FADING, "jpeg", "opaque"), FADING, "opaque"),
        "wire_video_jpeg_bottom": picture(sent(FADING, "jpeg", "opaque", "bottom"), FADING, "opaque"),
        "wire_video_jpeg_lz4a": picture(sent(SMOOTH, both), SMOOTH),
        "wire_video_jpeg_lz4a_premultiplied_bottom": picture(
            sent(FADING, both, "premultiplied", "bottom"), FADING, "premultiplied"
        ),
        "wire_params": params(face, FIELDS),
        "wire_params_longer": params([face[0], face[1], bytes(face[2]) + struct.pack("<f", 1.0)], FIELDS),
        "wire_params_shown_weights": params(sent(SHOWN), (*FIELDS, *APPENDED)),
        "wire_params_recognised": recognised(sent(RECOGNISED), RECOGNISED.recognised),
        "wire_params_recognised_nothing": recognised(with_header(face, recognised=[]), ()),
        "wire_schema": schema(Schema(fields=FIELDS)),
        "wire_schema_shown_weights": schema(Schema()),
        "wire_hello": vector(sent(HELLO), "hello", **vars(HELLO)),
    }


def not_utf8(header: bytes | memoryview) -> Parts:
    """The header with a text that is not UTF-8."""
    return [bytes(header).replace(b"\xa2zz", b"\xa2\xff\xfe")]


def refused_messages() -> dict[str, tuple[Parts, str]]:
    """Name, parts, and a word that the refusal has to contain."""
    video, jpeg, both = sent(VIDEO), sent(SMOOTH, "jpeg", "opaque"), sent(SMOOTH, "jpeg+lz4a")
    short, long = (lz4.block.compress(bytes(count), store_size=False) for count in (127, 129))
    return {
        "wire_refused_newer_version": (with_header(video, v=2), "version 2"),
        "wire_refused_newer_hello": (with_header(sent(HELLO), v=2), "version 2"),
        "wire_refused_unknown_kind": ([b"x/omote", *video[1:]], "topic"),
        "wire_refused_float_time": (with_header(video, captured=1.5), "captured"),
        "wire_refused_missing_session": (with_header(video, session=None), "session"),
        "wire_refused_too_deep": (with_header(video, later=nested(8)), "deep"),
        "wire_refused_not_utf8": ([video[0], *not_utf8(with_header(video, later="zz")[1]), video[2]], "UTF-8"),
        "wire_refused_unknown_format": (with_header(video, fmt="jpeg"), "jpeg"),
        "wire_refused_unknown_fmt": (with_header(video, fmt="rgba16"), "rgba16"),
        "wire_refused_unknown_colour": (with_header(video, colour="p3"), "p3"),
        "wire_refused_unknown_origin": (with_header(video, origin="left"), "left"),
        "wire_refused_unknown_alpha": (with_header(video, alpha="additive"), "additive"),
        "wire_refused_opaque_rgba8": (with_header(video, alpha="opaque"), "opaque"),
        "wire_refused_recognised_text": (with_header(sent(PARAMS), recognised="smile"), "recognised"),
        "wire_refused_recognised_number": (with_header(sent(PARAMS), recognised=["smile", 7]), "recognised"),
        "wire_refused_recognised_nameless": (with_header(sent(PARAMS), recognised=[""]), "recognised"),
        "wire_refused_recognised_long": (with_header(sent(PARAMS), recognised=["é" * 33]), "recognised"),
        "wire_refused_recognised_crowd": (
            with_header(sent(PARAMS), recognised=list("abcdefghijklmnopq")),
            "recognised",
        ),
        "wire_refused_short_picture": ([*video[:2], bytes(video[2])[:-1]], "bytes"),
        "wire_refused_small_stride": (with_header([*video[:2], bytes(57)], stride=19), "stride"),
        "wire_refused_stride_of_jpeg": (with_header(jpeg, stride=64), "stride"),
        "wire_refused_too_many_pixels": (with_header(jpeg, w=8192, h=2049), "pixels"),
        "wire_refused_missing_alpha": (both[:3], "alpha"),
        "wire_refused_short_alpha": ([*both[:3], short], "alpha"),
        "wire_refused_long_alpha": ([*both[:3], long], "alpha"),
        "wire_refused_broken_alpha": ([*both[:3], bytes(both[3])[:-5]], "alpha"),
        "wire_refused_jpeg_of_another_size": (with_header(jpeg, h=16), "jpeg"),
        "wire_refused_jpeg_truncated": ([*jpeg[:2], bytes(jpeg[2])[: len(jpeg[2]) * 3 // 4]], "jpeg"),
        "wire_refused_jpeg_progressive": ([*jpeg[:2], saved(SMOOTH.pixels, progressive=True)], "jpeg"),
        "wire_refused_jpeg_of_one_channel": ([*jpeg[:2], saved(SMOOTH.pixels[..., 0])], "jpeg"),
    }


def saved(pixels: NDArray[np.uint8], **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels[..., :3] if pixels.ndim == 3 else pixels).save(file, "JPEG", **options)
    return file.getvalue()


def request(number: int, method: str, **arguments: object) -> tuple[Parts, Decoded]:
    asked = {"v": 1, "id": number, "method": method} | ({"with": arguments} if arguments else {})
    return [msgpack.packb(asked)], {"kind": "request", "id": str(number), "method": method, "with": arguments}


def reply(number: int, **answer: Mapping[str, object]) -> tuple[Parts, Decoded]:
    return [msgpack.packb({"v": 1, "id": number, **answer})], {"kind": "reply", "id": str(number), **answer}


def controls() -> dict[str, tuple[Parts, Decoded]]:
    """Requests and replies as in WIRE.md."""
    light = [value / 8 - 1.5 for value in range(27)]
    smile = {"mouthSmileLeft": 0.75, "mouthSmileRight": 0.5, "jawOpen": 0.125}
    result = {"received": HEADER.captured_ns, "session": HEADER.session}
    parts, said = reply(2**64 - 1, result=result)
    return {
        "control_request_hello": request(2**64 - 1, "hello"),
        "control_request_set_light": request(7, "set_light", harmonics=light),
        "control_request_set_light_nil": request(8, "set_light", harmonics=None),
        "control_request_set_expression": request(
            9, "set_expression", weights=smile, attack=0.25, hold=None, release=0.5
        ),
        "control_reply_result": (parts, {**said, "result": {key: str(value) for key, value in result.items()}}),
        "control_reply_empty": reply(8, result={}),
        "control_reply_error": reply(9, error={"code": "invalid", "message": "attack must be from 0 to 60, got 61"}),
    }


def refused_controls() -> dict[str, tuple[Parts, str]]:
    """Requests that every server refuses."""
    large = {f"key{index}": "x" * 250 for index in range(64)}
    return {
        "control_refused_newer_version": ([msgpack.packb({"v": 2, "id": 1, "method": "hello"})], "version 2"),
        "control_refused_method_of_number": ([msgpack.packb({"v": 1, "id": 1, "method": 7})], "method"),
        "control_refused_missing_id": ([msgpack.packb({"v": 1, "method": "hello"})], "id"),
        "control_refused_negative_id": ([msgpack.packb({"v": 1, "id": -1, "method": "hello"})], "id"),
        "control_refused_arguments_of_list": (
            [msgpack.packb({"v": 1, "id": 1, "method": "set_light", "with": [1.0]})],
            "with",
        ),
        "control_refused_too_large": (request(1, "set_expression", weights=large)[0], "16384"),
    }


def live_link(values: bytes) -> bytes:
    device, subject = b"DC1A9B2E-0F5C-4D3A-9E77-0123456789AB", b"iPhone"
    names = struct.pack(">i", len(device)) + device + struct.pack(">i", len(subject)) + subject
    return b"\x06" + names + struct.pack(">ifii", 1234, 0.25, 60, 1) + values


LIVE_LINK: Decoded = {
    "kind": "livelink",
    "device_id": "DC1A9B2E-0F5C-4D3A-9E77-0123456789AB",
    "subject": "iPhone",
    "frame_number": 1234,
    "sub_frame": 0.25,
    "fps_numerator": 60,
    "fps_denominator": 1,
    "values": [index / 64 for index in range(61)],
}


def main() -> None:
    good, bad = messages() | controls(), refused_messages() | refused_controls()
    for name, (parts, _) in (good | bad).items():
        write(name, packed(parts))
    face = b"\x3d" + struct.pack(">61f", *(index / 64 for index in range(61)))
    write("livelink_face", live_link(face))
    write("livelink_no_face", live_link(b""))
    header = {name: str(getattr(HEADER, name)) for name in frame.UINT64}
    said: Decoded = {"header": {**header, "subject": HEADER.subject}}
    said |= {name: decoded for name, (_, decoded) in good.items()}
    said |= {"refused": {name: word for name, (_, word) in bad.items()}, "livelink_face": LIVE_LINK}
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in said.items()]
    (DATA / "golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8", newline="\n")


def write(name: str, data: bytes) -> None:
    """Keeps an existing vector, because another JPEG library would write other bytes."""
    path = DATA / f"{name}.bin"
    if not path.exists():
        path.write_bytes(data)


if __name__ == "__main__":
    main()
