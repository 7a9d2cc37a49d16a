"""What a phone is asked that sends only to those who ask, and when it is asked again."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from .source import SourceError


class Request:
    """Asks one host, which the person has named, and no other."""

    def __init__(
        self,
        host: str,
        port: int,
        content: Callable[[int], bytes],
        every_s: float,
        is_for_silence: bool,
        farewell: bytes = b"",
    ) -> None:
        """`content` is of the port that is to be answered to; `is_for_silence`: not repeated while datagrams come.

        `farewell` ends what was asked for; b"" where the app knows none, or stops by itself.
        """
        self.host, self.port = host, port
        self._farewell = farewell
        self._content, self._every_ns, self._is_for_silence = content, int(every_s * 1e9), is_for_silence
        self._sent_ns: int | None = None

    def resolve(self) -> str:
        """The host's IPv4 address; SourceError where nobody is called so."""
        try:
            found = socket.getaddrinfo(self.host, self.port, socket.AF_INET, socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise SourceError(
                f"nobody is called {self.host} ({error}): wanted the phone's address, as 192.168.1.7"
            ) from error
        return str(found[0][4][0])

    def is_due(self, now_ns: int, heard_ns: int | None) -> bool:
        """Whether it is time to ask, `heard_ns` being when the last datagram came."""
        if self._sent_ns is None:
            return True
        is_heard = heard_ns is not None and now_ns - heard_ns < self._every_ns
        return now_ns - self._sent_ns >= self._every_ns and not (self._is_for_silence and is_heard)

    def send(self, sockets: Sequence[socket.socket], address: str, now_ns: int) -> None:
        """Asks, from each port that is to be answered to; OSError where there is no way."""
        self._sent_ns = now_ns
        for one in sockets:
            one.sendto(self._content(int(one.getsockname()[1])), (address, self.port))

    def leave(self, sockets: Sequence[socket.socket], address: str) -> None:
        """Asks for nothing more: who has the address next is not to get a face. OSError where there is no way."""
        if self._farewell and self._sent_ns is not None:
            for one in sockets:
                one.sendto(self._farewell, (address, self.port))
