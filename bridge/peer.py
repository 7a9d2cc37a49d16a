"""Whose program is at the other end of a connection on this machine."""

from __future__ import annotations

import os
import socket as sockets
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

Address = tuple[str, int]
Ends = tuple[Address, Address]

_TABLE = Path("/proc/net/tcp")
_LOCAL, _REMOTE, _STATE, _UID = 1, 2, 3, 7  # columns of a row
_ESTABLISHED = "01"
_ROOT = 0


def peer_of(fd: int, port: int) -> sockets.socket | None:
    """The socket behind this number, to be detached and not closed; None if it is no connection to our port any more.

    libzmq tells the number of a connection that it accepted, and may have closed it meanwhile: the number may be
    another file's by now.
    """
    try:
        found = sockets.socket(fileno=fd)
    except OSError:
        return None
    try:
        if found.getsockname()[1] == port and found.getpeername():
            return found
    except (OSError, IndexError, TypeError):
        pass
    found.detach()
    return None


def are_own(connections: Sequence[sockets.socket]) -> list[bool]:
    """Which of these connections over loopback come from a running program of the same user, or of root."""
    ends = [_ends(one) for one in connections]
    if not any(ends):
        return [False] * len(ends)
    own = _own_by_table() if sys.platform == "linux" else _own_by_process()
    return [one in own for one in ends]


def _ends(connection: sockets.socket) -> Ends | None:
    """The peer's address, then ours; None where it has gone."""
    try:
        return connection.getpeername()[:2], connection.getsockname()[:2]
    except OSError:
        return None


def _own_by_table() -> set[Ends]:
    """Open sockets of this user and of root, from Linux's table. A closed one would be said to be root's."""
    found = set()
    for row in _TABLE.read_text("ascii").splitlines()[1:]:
        columns = row.split()
        if columns[_STATE] == _ESTABLISHED and int(columns[_UID]) in (os.geteuid(), _ROOT):
            found.add((_address(columns[_LOCAL]), _address(columns[_REMOTE])))
    return found


def _address(written: str) -> Address:
    """127.0.0.1:5556, which Linux writes as 0100007F:15B4."""
    number, port = written.split(":")
    return sockets.inet_ntoa(struct.pack("=I", int(number, 16))), int(port, 16)


def _own_by_process() -> set[Ends]:
    """Sockets of this user's processes: Windows and macOS show those of others to nobody else."""
    import psutil

    me, found = psutil.Process().username(), set()
    for process in psutil.process_iter(["username"]):
        if process.info["username"] != me:
            continue
        try:
            connections = process.net_connections("tcp4")
        except psutil.Error:
            continue
        found |= {(tuple(one.laddr), tuple(one.raddr)) for one in connections if one.raddr}
    return found
