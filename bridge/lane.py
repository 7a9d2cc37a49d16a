"""One endpoint of the publisher: who listens to which of its topics, and how far each has counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import zmq

from . import frame
from .frame import Body, Header

_NEWS_A_TURN = 64


class Lane:
    """Sends messages under a few topics, and knows which of them anybody wants. For one thread."""

    def __init__(self, socket: zmq.Socket[bytes], topics: Iterable[bytes]) -> None:
        self.socket = socket  # XPUB
        self.listening = frozenset[bytes]()  # the topics that somebody subscribes to
        self._topics = tuple(topics)
        self._prefixes: set[bytes] = set()
        self._sequence = dict.fromkeys(self._topics, 0)

    def hear(self) -> bool:
        """Notes who came and who went; True where somebody came."""
        has_new = False
        for _ in range(_NEWS_A_TURN):
            if not self.socket.poll(0):
                break
            has_new |= self._note(self.socket.recv())
        return has_new

    def _note(self, news: bytes) -> bool:
        does_come, prefix = news[:1] == b"\x01", news[1:]
        if does_come and any(_is_wanted(topic, prefix) for topic in self._topics):
            self._prefixes.add(prefix)
        elif news[:1] == b"\x00":
            self._prefixes.discard(prefix)
        self.listening = frozenset(
            topic for topic in self._topics if any(_is_wanted(topic, prefix) for prefix in self._prefixes)
        )
        return does_come

    def send(self, topic: bytes, body: Body, stamp: Callable[[int], Header]) -> None:
        """Sends this body; `stamp` makes the header of the sequence number that it is told, and is called last."""
        header = stamp(self._sequence[topic])
        self._sequence[topic] += 1
        # libzmq's one copy of a 1 MiB picture costs 0.05 ms; its zero-copy way has rare pauses of 20 ms.
        self.socket.send_multipart(frame.message(header, body))


def _is_wanted(topic: bytes, prefix: bytes) -> bool:
    """Whoever subscribes to `v`, or to everything, wants no fourteen encodings of each picture."""
    return topic.startswith(prefix) and (b"/" in prefix or b"." not in topic.partition(b"/")[0])
