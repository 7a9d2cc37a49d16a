"""A receiver in a process of its own: says what it has heard after each picture, so that the sender can wait."""

from __future__ import annotations

import sys

from omote.bridge.payload import Video
from omote.bridge.subscriber import Subscriber


def main() -> None:
    endpoint, count = sys.argv[1], int(sys.argv[2])
    with Subscriber(endpoint) as subscriber:
        for _ in range(count):
            message = subscriber.take(60.0)
            assert message, "nothing came"
            assert isinstance(message.payload, Video)
            print(message.header.sequence, message.header.index, subscriber.reception.missed, flush=True)


if __name__ == "__main__":
    main()
