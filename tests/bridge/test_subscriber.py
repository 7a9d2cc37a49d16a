"""The reference receiver against a sender of any messages. Nothing here asserts how long something takes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zmq

from omote.bridge import frame
from omote.bridge.fields import WireError
from omote.bridge.frame import Frame, Header
from omote.bridge.payload import Hello, Params, Schema, Video
from omote.bridge.picture import RGBA8, Format
from omote.bridge.subscriber import STALE_NS, Subscriber

from .sending import PATIENCE_S, face, taken, wait_for

Payload = Video | Params | Schema | Hello

PICTURE = Video(np.full((8, 8, 4), 200, np.uint8))
BGRA, JPEG = Format("bgra8"), Format("jpeg", "opaque")


class Sender:
    """Sends any messages, as another program may."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self.endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def wait(self) -> None:
        """Until a subscriber has subscribed to pictures, params, schema and hello."""
        for _ in range(4):
            assert self._socket.poll(int(PATIENCE_S * 1000)), "no subscriber came"
            assert self._socket.recv()[:1] == b"\x01"

    def send(self, parts: list[bytes | memoryview]) -> None:
        self._socket.send_multipart(parts)

    def picture(self, sequence: int, session: int = 9, format: Format = RGBA8) -> None:
        self.send(message(PICTURE, sequence, session, format))


def message(payload: Payload, sequence: int = 0, session: int = 9, format: Format = RGBA8) -> list[bytes | memoryview]:
    return frame.encode(Frame(Header(session, sequence, sequence, 1_000, 2_000, 3_000, 4_000), payload), format)


@pytest.fixture
def sender() -> Iterator[Sender]:
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind("tcp://127.0.0.1:*")
        yield Sender(socket)


def test_gaps_are_counted_by_sequence(sender: Sender) -> None:
    with Subscriber(sender.endpoint) as subscriber:
        sender.wait()
        for sequence in (5, 6, 9, 10, 20):
            sender.picture(sequence)
        sender.picture(0, session=10)
        wait_for(lambda: subscriber.reception.received == 6)
        assert subscriber.reception.missed == 2 + 9
        assert subscriber.reception.sessions == 2


def test_each_topic_has_its_own_gaps(sender: Sender) -> None:
    with Subscriber(sender.endpoint) as subscriber:
        sender.wait()
        for sequence in (0, 1, 2):
            sender.picture(10 * sequence)
            sender.send(message(face(), sequence))
        wait_for(lambda: subscriber.reception.received == 6)
        assert subscriber.reception.missed == 9 + 9


def test_a_format_that_was_not_asked_for_is_not_taken(sender: Sender) -> None:
    with Subscriber(sender.endpoint, format="bgra8") as subscriber:
        sender.wait()
        sender.picture(0)
        sender.picture(1, format=BGRA)
        assert taken(subscriber).header.sequence == 1
        assert (subscriber.reception.received, subscriber.reception.rejected) == (1, 0)


def test_an_unknown_format_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(WireError, match="'png' is no format of a picture; there are rgba8"):
        Subscriber("tcp://127.0.0.1:5557", format="png")


def test_malformed_messages_are_counted(sender: Sender) -> None:
    with Subscriber(sender.endpoint) as subscriber:
        sender.wait()
        topic, header, pixels = message(PICTURE)
        sender.send([topic])
        sender.send([topic, b"\xc1", pixels])
        sender.send([topic, header, b""])
        sender.send([topic, header, pixels])
        assert taken(subscriber).header.sequence == 0
        assert subscriber.reception.rejected == 3
        assert "bytes" in subscriber.last_error


def test_a_broken_jpeg_is_counted_when_it_is_taken_and_the_next_is_taken(sender: Sender) -> None:
    with Subscriber(sender.endpoint, format="jpeg") as subscriber:
        sender.wait()
        topic, header, jpeg = message(PICTURE, format=JPEG)
        sender.send([topic, header, bytes(jpeg)[:-20]])
        wait_for(lambda: subscriber.reception.received == 1)
        with ThreadPoolExecutor(1) as consumer:
            next_one = consumer.submit(taken, subscriber)
            wait_for(lambda: subscriber.reception.rejected == 1)
            sender.picture(1, format=JPEG)
            assert next_one.result().header.sequence == 1
        assert (subscriber.reception.rejected, subscriber.is_stale) == (1, False)


def test_pictures_that_cannot_be_decoded_are_not_shown_as_live(sender: Sender) -> None:
    with Subscriber(sender.endpoint, clock=lambda: 10_000, format="jpeg") as subscriber:
        sender.wait()
        topic, header, jpeg = message(PICTURE, format=JPEG)
        sender.send([topic, header, bytes(jpeg)[:-20]])
        wait_for(lambda: subscriber.reception.received == 1)
        assert not subscriber.is_stale
        assert subscriber.take(0.0) is None
        assert (subscriber.reception.rejected, subscriber.is_stale) == (1, True)
        assert "jpeg" in subscriber.last_error


def test_age_is_measured_and_silence_makes_it_stale(sender: Sender) -> None:
    now_ns = [10_000]
    with Subscriber(sender.endpoint, clock=lambda: now_ns[0]) as subscriber:
        assert subscriber.is_stale
        sender.wait()
        sender.picture(0)
        taken(subscriber)
        assert (subscriber.reception.age_ns, subscriber.reception.transit_ns) == (9_000, 7_000)
        assert not subscriber.is_stale
        now_ns[0] += STALE_NS
        assert not subscriber.is_stale
        now_ns[0] += 1
        assert subscriber.is_stale


def test_schema_and_hello_do_not_make_a_dead_picture_live(sender: Sender) -> None:
    now_ns = [10_000]
    hello = Hello("0.2.0", 1, ("rgba8",), 5557, 5556, 0, ())
    with Subscriber(sender.endpoint, clock=lambda: now_ns[0]) as subscriber:
        sender.wait()
        sender.picture(0)
        taken(subscriber)
        now_ns[0] += STALE_NS + 1
        sender.send(message(Schema()))
        sender.send(message(hello))
        wait_for(lambda: subscriber.reception.announced == 2)
        assert (subscriber.schema, subscriber.hello) == (Schema(), hello)
        assert subscriber.is_stale
        assert subscriber.reception.received == 1


def test_ages_follow_the_offset_of_the_clocks(sender: Sender) -> None:
    arrivals: list[int] = []
    with Subscriber(sender.endpoint, clock=lambda: 500, on_arrival=arrivals.append) as subscriber:
        subscriber.offset_ns = 10_000
        sender.wait()
        sender.picture(0)
        taken(subscriber)
        assert (subscriber.reception.age_ns, subscriber.reception.transit_ns) == (9_500, 7_500)
    assert arrivals == [7_500]
