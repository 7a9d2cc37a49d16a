"""Thousands of malformed datagrams on their way through each source: a signal or nothing comes, and never an error."""

from __future__ import annotations

from random import Random

import pytest

from .network_cases import NAMES, Clock, opened, vector
from .phones import PATIENCE_S, Phone

COUNT = 2000
NUMBERS = (b"\xff\xff\xff\x7f", b"\x00\x00\x80\x7f", b"\x01\x00\x00\x00", b"\x7f\x7f\xff\xff")
LIES = (*NUMBERS, b"1e999", b"-", b"9999999999")


def mutated(data: bytes, random: Random) -> bytes:
    """A few bytes are others, numbers that are huge, tiny or none at all among them."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(changed))
        if random.random() < 0.5:
            changed[at] = random.choice(b"0123456789-.e|,&#") if random.random() < 0.5 else random.randrange(256)
        else:
            lie = random.choice(LIES)
            changed[at : at + len(lie)] = lie
    return bytes(changed)


@pytest.mark.parametrize("name", NAMES)
def test_a_malformed_datagram_is_a_signal_or_nothing(name: str) -> None:
    random, signals, data = Random(3), 0, vector(name)
    with Phone() as phone, opened(name, phone, Clock()) as source:
        phone.send(source.port, data)
        assert source.read(PATIENCE_S) is not None
        for _ in range(COUNT):
            phone.send(source.port, mutated(data, random))
            signals += source.read(0.0) is not None
        phone.send(source.port, data)
        assert source.read(PATIENCE_S) is not None  # it lives
    assert signals > 0
