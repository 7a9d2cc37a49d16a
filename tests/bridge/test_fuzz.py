"""Tens of thousands of malformed messages, always the same: each is decoded or refused, and nothing else happens."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

import msgpack
import pytest

from omote.bridge import frame, ifacialmocap, livelink, openseeface, vmc, vtubestudio_phone
from omote.bridge.control.message import MalformedError, decode_reply, decode_request
from omote.bridge.errors import ProtocolError
from omote.bridge.fields import WireError

from .vectors import DATA, stored

MOST_BYTES = 8 << 20  # of memory at any moment: the vectors have at most 16 KiB

Parts = list[bytes]
Decode = Callable[[Parts], object]


NAMES = sorted(path.stem for path in DATA.glob("*.bin"))
WIRE = [stored(name) for name in NAMES if name.startswith("wire_") and "jpeg" not in name]
JPEG = [stored(name) for name in NAMES if name.startswith("wire_video_jpeg")]
CONTROL = [stored(name) for name in NAMES if name.startswith("control_") and "too_large" not in name]
LIVE_LINK = [[(DATA / f"{name}.bin").read_bytes()] for name in NAMES if name.startswith("livelink_")]
TEXT, VTS, OSF, VMC = (
    [[(DATA / f"{name}.bin").read_bytes()] for name in NAMES if name.startswith(prefixes)]
    for prefixes in (("phone_ifacial", "phone_facemotion"), "phone_vtube", "phone_openseeface", "phone_vmc")
)

# Starts of msgpack's texts, binaries, lists, maps and extensions that claim more than ever follows.
LIES = [bytes([first]) + b"\xff" * 4 for first in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF)] + [b"\xd9\xff", b"\xdc\xff\xff"]
VALUES: list[object] = [None, True, -1, 0, 1, 2, 255, 1 << 31, (1 << 64) - 1, -(1 << 63), 0.5]
VALUES += [float("nan"), float("inf")]
VALUES += ["", "jpeg", "bgra8", "premultiplied", "bottom", "x" * 300, b"", b"\xff" * 40, [], {}, [[]], [["x", 1]] * 300]
VALUES += [msgpack.ExtType(5, b"1234"), msgpack.Timestamp(1, 2), {"a": {"b": [{}]}}, ["rgba8"] * 8, {"": None}]


def flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 4) if data else 0):
        changed[random.randrange(len(data))] ^= random.randint(1, 255)
    return bytes(changed)


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def lying(data: bytes, random: Random) -> bytes:
    at, lie = random.randint(0, len(data)), random.choice(LIES)
    return data[:at] + lie + data[at + (len(lie) if random.random() < 0.5 else 0) :]


def grown(data: bytes, random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.randbytes(random.randint(1, 40)) + data[at:]


def repacked(data: bytes, random: Random) -> bytes:
    """Another value, or another key, in what is still msgpack."""
    try:
        fields = msgpack.unpackb(data)
        key = random.choice([*fields, "other", 7, b"v"])
        return bytes(msgpack.packb({**fields, key: random.choice(VALUES)}))
    except (ValueError, TypeError, msgpack.UnpackException):
        return bytes(msgpack.packb(random.choice(VALUES)))


def renumbered(data: bytes, random: Random) -> bytes:
    """Another digit, or what is none, in what is still text."""
    changed = bytearray(data)
    digits = [at for at, byte in enumerate(data) if byte in b"0123456789"]
    for at in random.sample(digits, min(len(digits), random.randint(1, 4))):
        changed[at] = random.choice(b"0123456789.-e")
    return bytes(changed)


MUTATIONS = [flipped, cut, lying, grown, repacked, renumbered]


def mutated(vectors: list[Parts], count: int, seed: int) -> Iterator[Parts]:
    random = Random(seed)
    for _ in range(count):
        parts = list(random.choice(vectors))
        if random.random() < 0.1:  # the rest of another message
            at = random.randint(0, len(parts))
            parts = parts[:at] + random.choice(vectors)[at:]
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            at = max(random.randrange(len(parts)), random.randrange(len(parts))) if parts else 0  # the topic rarely
            parts[at : at + 1] = [random.choice(MUTATIONS)(parts[at] if parts else b"", random)]
        if random.random() < 0.02:
            parts = parts * random.randint(0, 4)
        yield parts


def whole(decode: Callable[[bytes], object]) -> Decode:
    """For messages of one part."""
    return lambda parts: decode(b"".join(parts))


CASES: list[tuple[Decode, type[Exception], list[Parts], int]] = [
    (frame.decode, WireError, WIRE, 16_000),
    (frame.decode, WireError, JPEG, 4_000),
    (whole(decode_request), MalformedError, CONTROL, 4_000),
    (whole(decode_reply), MalformedError, CONTROL, 4_000),
    (whole(livelink.decode), ProtocolError, LIVE_LINK, 4_000),
    (whole(ifacialmocap.decode), ProtocolError, TEXT, 4_000),
    (whole(vtubestudio_phone.decode), ProtocolError, VTS, 4_000),
    (whole(openseeface.decode), ProtocolError, OSF, 4_000),
    (whole(vmc.decode), ProtocolError, VMC, 4_000),
]
IDS = ["wire", "jpeg", "request", "reply", "livelink", "ifacialmocap", "vtubestudio", "openseeface", "vmc"]
each_case = pytest.mark.parametrize(("decode", "error", "vectors", "count"), CASES, ids=IDS)


def outcomes(decode: Decode, error: type[Exception], messages: Iterator[Parts]) -> tuple[int, int]:
    """How many were decoded, and how many refused in a sentence. Any other error is not caught."""
    decoded = refused = 0
    for parts in messages:
        try:
            decode(parts)
            decoded += 1
        except error as caught:
            assert str(caught)
            refused += 1
    return decoded, refused


@each_case
def test_a_mutated_message_is_decoded_or_refused(
    decode: Decode, error: type[Exception], vectors: list[Parts], count: int
) -> None:
    decoded, refused = outcomes(decode, error, mutated(vectors, count, seed=1))
    assert decoded + refused == count
    # Mutations that all fail at the first byte, or change nothing, would test nothing.
    assert min(decoded, refused) > count / 100


@each_case
def test_mutated_messages_take_little_memory_and_leave_none_behind(
    decode: Decode, error: type[Exception], vectors: list[Parts], count: int
) -> None:
    few, left = 800, []
    gc.freeze()  # what is there already need not be looked through each time
    tracemalloc.start()
    try:
        for _ in range(5):
            outcomes(decode, error, mutated(vectors, few, seed=2))
            gc.collect()
            now, most = tracemalloc.get_traced_memory()
            left.append(now)
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    assert most < MOST_BYTES
    # A leak of the smallest object, 48 bytes a message, would show in every round. Python's own tables grow by less.
    assert min(after - before for before, after in pairwise(left)) < 16 * few
