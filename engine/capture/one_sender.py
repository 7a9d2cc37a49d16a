"""Whose datagrams are taken: those of one phone, and of nobody who comes after it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MOVED_NS = 10_000_000_000  # silence after which a device that says who it is may come from another address


class Verdict(Enum):
    """What is done with a datagram."""

    TAKEN = "taken"
    FIRST = "taken, and from now on no other"
    NOT_YET = "shows no face, and nobody has been taken"
    STRANGER = "of somebody else"


@dataclass(frozen=True)
class Sender:
    address: str
    device: str  # what it calls itself; "" where the protocol has no names


class OneSender:
    """The first who sends a face is taken until the source is closed; ports do not matter, for a phone that wakes has
    another. Where the person has named a host, nobody else ever is.

    Only a device that says who it is may change its address, as by a new lease, after ten seconds of silence.
    """

    def __init__(self, only: str | None = None) -> None:
        self.only = only  # an address
        self.taken: Sender | None = None
        self.heard_ns: int | None = None  # when it last sent

    def is_stranger(self, address: str, now_ns: int) -> bool:
        """Whether that address is of no interest now, whatever it sends: its datagrams need not even be understood."""
        if self.only is not None and address != self.only:
            return True
        return self.taken is not None and address != self.taken.address and not self._may_have_moved(now_ns)

    def judge(self, address: str, device: str, has_face: bool, now_ns: int) -> Verdict:
        """What is done with a valid datagram that has come from there now."""
        if self.is_stranger(address, now_ns):
            return Verdict.STRANGER
        if self.taken is None:
            if not has_face and self.only is None:
                return Verdict.NOT_YET
            self.taken, self.heard_ns = Sender(address, device), now_ns
            return Verdict.FIRST
        if device != self.taken.device:
            return Verdict.STRANGER
        self.taken, self.heard_ns = Sender(address, device), now_ns
        return Verdict.TAKEN

    def _may_have_moved(self, now_ns: int) -> bool:
        if not self.taken or not self.taken.device or self.heard_ns is None:
            return False
        return now_ns - self.heard_ns > MOVED_NS
