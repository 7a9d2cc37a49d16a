"""One endpoint of the publisher: who listens to which of its topics, and how far each has counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import zmq

from . import frame
from .frame import Body, Header

_COMES, _GOES = b"\x01", b"\x00"  # with what the news of a subscription begins
_NEWS_A_TURN = 1000  # so that a flood of them holds up no picture


class Lane:
    """Sends messages under a few topics, and knows which of them anybody wants. For one thread."""

    def __init__(self, socket: zmq.Socket[bytes], topics: Iterable[bytes]) -> None:
        self.socket = socket  # XPUB
        self.listening = frozenset[bytes]()  # the topics that somebody subscribes to
        self.is_behind = False  # there was more to hear than fits into one turn
        self._topics = tuple(topics)
        self._prefixes: set[bytes] = set()
        self._sequence = dict.fromkeys(self._topics, 0)

    def hear(self) -> bool:
        """Notes who came and who went; True where somebody came."""
        news = self._news()
        for one in news:
            self._note(one)
        if news:
            self.listening = frozenset(topic for topic in self._topics if self._is_wanted(topic))
        return any(one[:1] == _COMES for one in news)

    def _news(self) -> list[bytes]:
        news: list[bytes] = []
        while len(news) < _NEWS_A_TURN and self.socket.poll(0):
            news.append(self.socket.recv())
        self.is_behind = len(news) == _NEWS_A_TURN
        return news

    def _note(self, news: bytes) -> None:
        kind, prefix = news[:1], news[1:]
        if kind == _COMES and any(_asks_for(topic, prefix) for topic in self._topics):
            self._prefixes.add(prefix)
        elif kind == _GOES:
            self._prefixes.discard(prefix)

    def _is_wanted(self, topic: bytes) -> bool:
        return any(_asks_for(topic, prefix) for prefix in self._prefixes)

    def send(self, topic: bytes, body: Body, stamp: Callable[[int], Header]) -> None:
        """Sends this body; `stamp` makes the header of the sequence number that it is told, and is called last."""
        header = stamp(self._sequence[topic])
        self._sequence[topic] += 1
        # libzmq's one copy of a 1 MiB picture costs 0.05 ms; its zero-copy way has rare pauses of 20 ms.
        self.socket.send_multipart(frame.message(header, body))


def _asks_for(topic: bytes, prefix: bytes) -> bool:
    """Whoever subscribes to `v`, or to everything, wants no fourteen encodings of each picture."""
    return topic.startswith(prefix) and (b"/" in prefix or b"." not in topic.partition(b"/")[0])
