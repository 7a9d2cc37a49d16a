"""Encodes OSC messages and VMC bundles from the protocols' descriptions, apart from the codec that the tests test."""

from __future__ import annotations

import struct


def padded(text: str) -> bytes:
    """An OSC string: it ends with a zero and is padded to a multiple of four."""
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def message(address: str, kinds: str, *values: str | float) -> bytes:
    data = padded(address) + padded("," + kinds)
    for kind, value in zip(kinds, values, strict=True):
        data += padded(str(value)) if kind == "s" else struct.pack(">" + kind, value)
    return data


def bundle(*messages: bytes) -> bytes:
    head = b"#bundle\0" + struct.pack(">Q", 1)
    return head + b"".join(struct.pack(">i", len(one)) + one for one in messages)
