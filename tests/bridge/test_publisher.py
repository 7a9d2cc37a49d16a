"""Publisher and reference receiver, over real sockets. Nothing here asserts how long something takes."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zmq

from omote.bridge import frame, keys
from omote.bridge.endpoint import EndpointError, PortInUseError
from omote.bridge.fields import WireError
from omote.bridge.payload import Hello, Params, Video
from omote.bridge.picture import FORMATS
from omote.bridge.publisher import Publisher, Sample
from omote.bridge.subscriber import ReceptionCounts, Subscriber

from . import sending
from .sending import FREE_PORT, PATIENCE_S, taken, wait_for


def shot(index: int, side: int = 8) -> Sample:
    return sending.shot(index, Video(np.full((side, side, 4), index % 256, np.uint8)))


class Sent:
    """Collects what the publisher reports, and lets a test wait for it."""

    def __init__(self) -> None:
        self.reports: queue.Queue[tuple[int, int]] = queue.Queue()

    def __call__(self, index: int, sent_ns: int) -> None:
        self.reports.put((index, sent_ns))

    def next(self) -> tuple[int, int]:
        return self.reports.get(timeout=PATIENCE_S)


@contextmanager
def publishing(subject: str = "omote") -> Iterator[tuple[Publisher, Sent]]:
    sent = Sent()
    with Publisher(FREE_PORT, FREE_PORT, subject, sent) as publisher:
        yield publisher, sent


def test_a_picture_and_its_params_arrive_as_they_were() -> None:
    with (
        publishing() as (publisher, _),
        Subscriber(publisher.video_endpoint) as video,
        Subscriber(publisher.params_endpoint) as params,
    ):
        wait_for(lambda: {"v/omote", "p/omote"} <= publisher.listening)
        said = shot(42)
        publisher.publish(said)
        picture, face = taken(video), taken(params)
    assert isinstance(picture.payload, Video)
    np.testing.assert_array_equal(picture.payload.pixels, said.video.pixels)
    assert isinstance(face.payload, Params)
    np.testing.assert_array_equal(face.payload.weights, said.params.weights)
    for header in (picture.header, face.header):
        assert (header.index, header.captured_ns, header.wall_ns) == (42, said.captured_ns, said.wall_ns)
        assert header.captured_ns <= header.generated_ns <= header.sent_ns
        assert header.session == publisher.session


def test_a_subscriber_process_that_keeps_up_misses_nothing() -> None:
    count = 40
    with publishing() as (publisher, _):
        command = [sys.executable, str(Path(__file__).with_name("listener.py")), publisher.video_endpoint, str(count)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as listener:
            assert listener.stdout
            wait_for(lambda: "v/omote" in publisher.listening)
            for index in range(count):
                publisher.publish(shot(100 + index, side=256))
                assert listener.stdout.readline().split() == [str(index), str(100 + index), "0"]
            assert listener.wait(PATIENCE_S) == 0
        assert publisher.dropped == 0
        assert publisher.sent_pictures == count


@pytest.mark.parametrize("format", ["rgba8", "jpeg+lz4a"])
def test_a_slow_consumer_sees_only_the_newest(format: str) -> None:
    with publishing() as (publisher, sent), Subscriber(publisher.video_endpoint, format=format) as subscriber:
        wait_for(lambda: len(publisher.listening) == 1)
        for burst in range(3):
            for index in range(20):
                publisher.publish(shot(20 * burst + index, side=256))
                sent.next()
                wait_for(lambda count=20 * burst + index + 1: subscriber.reception.received == count)  # type: ignore[misc]
            assert taken(subscriber).header.sequence == 20 * burst + 19
            assert subscriber.take(0.0) is None
        assert subscriber.skipped == 3 * 19
        assert subscriber.reception.missed == 0


def test_only_what_has_a_subscriber_is_encoded_and_every_sample_is_reported() -> None:
    with publishing() as (publisher, sent):
        offered = shot(7)
        publisher.publish(offered)
        index, sent_ns = sent.next()
        assert (index, publisher.sent_pictures, publisher.sent_params) == (7, 0, 0)
        assert sent_ns >= offered.captured_ns
        with Subscriber(publisher.params_endpoint) as subscriber:
            wait_for(lambda: "p/omote" in publisher.listening)
            publisher.publish(shot(8))
            sent.next()
            taken(subscriber)
            assert (publisher.sent_pictures, publisher.sent_params) == (0, 1)


def test_each_subscriber_gets_the_format_it_wants_and_no_other_is_encoded() -> None:
    with (
        publishing() as (publisher, sent),
        Subscriber(publisher.video_endpoint, format="bgra8.bottom") as first,
        Subscriber(publisher.video_endpoint, format="jpeg") as second,
    ):
        wait_for(lambda: publisher.listening == {"v.bgra8.bottom/omote", "v.jpeg/omote"})
        publisher.publish(shot(7))
        sent.next()
        for subscriber, alpha in ((first, "straight"), (second, "opaque")):
            payload = taken(subscriber).payload
            assert isinstance(payload, Video)
            assert payload.alpha == alpha
        assert publisher.sent_pictures == 2


def test_each_format_counts_from_its_first_subscriber_on() -> None:
    with publishing() as (publisher, sent), Subscriber(publisher.video_endpoint) as early:
        wait_for(lambda: "v/omote" in publisher.listening)
        for index in range(3):
            publisher.publish(shot(index))
            assert sent.next()[1] >= taken(early).header.sent_ns
        with Subscriber(publisher.video_endpoint, format="jpeg+lz4a") as late:
            wait_for(lambda: "v.jpeg+lz4a/omote" in publisher.listening)
            publisher.publish(shot(3))
            assert (taken(late).header.sequence, late.reception.missed) == (0, 0)
        wait_for(lambda: early.reception.received == 4)
        assert (taken(early).header.sequence, early.reception.missed) == (3, 0)


@pytest.mark.parametrize("prefix", [b"", b"v", b"v.", b"v.jpeg"])
def test_a_subscription_that_names_no_subject_asks_for_no_format_but_the_first(prefix: bytes) -> None:
    with publishing() as (publisher, sent), zmq.Context() as context, context.socket(zmq.SUB) as everything:
        everything.subscribe(prefix)
        everything.subscribe(b"v.rgba8.bottom/omote")  # libzmq tells it last, by the alphabet
        everything.connect(publisher.video_endpoint)
        wait_for(lambda: "v.rgba8.bottom/omote" in publisher.listening)
        publisher.publish(shot(0))
        sent.next()
        assert publisher.sent_pictures == (1 if b"." in prefix else 2)


def test_a_flood_of_subscriptions_does_not_hide_that_their_sender_left() -> None:
    with publishing() as (publisher, _), zmq.Context() as context:
        with context.socket(zmq.XSUB) as flood:
            flood.set_hwm(0)
            flood.connect(publisher.video_endpoint)
            for _ in range(5_000):  # more than one poll reads, fewer bytes than one client may send
                flood.send(b"\x01v/omote")
            wait_for(lambda: "v/omote" in publisher.listening)
        wait_for(lambda: not publisher.listening)


def test_a_premultiplied_sample_is_refused() -> None:
    good = shot(0)
    with pytest.raises(WireError, match="a sample's picture must have straight alpha"):
        Sample(0, 0, 0, 0, Video(good.video.pixels, "premultiplied"), good.params)


def test_a_second_subscriber_gets_the_schema_as_soon_as_it_subscribes() -> None:
    with Publisher(FREE_PORT, FREE_PORT, clock=lambda: 0) as publisher:  # no second ever ends
        with Subscriber(publisher.params_endpoint) as first:
            wait_for(lambda: first.schema is not None)
            with Subscriber(publisher.params_endpoint) as second:
                wait_for(lambda: second.schema is not None)
            wait_for(lambda: first.reception.announced >= 4)
            assert publisher.listening == {"p/omote", "s/omote", "h/omote"}  # one has gone, the other has not
        wait_for(lambda: not publisher.listening)


def test_the_hello_tells_the_ports_that_were_bound_and_the_formats_there_are() -> None:
    said = Hello("0.2.0", frame.VERSION, FORMATS, video=0, params=0, control=5558, methods=("hello",))
    with (
        Publisher(FREE_PORT, FREE_PORT, hello=said) as publisher,
        Subscriber(publisher.params_endpoint) as subscriber,
    ):
        wait_for(lambda: subscriber.hello is not None)
        hello = subscriber.hello
        assert hello == publisher.hello
        assert hello
        assert publisher.params_endpoint.endswith(f":{hello.params}")
        assert publisher.video_endpoint.endswith(f":{hello.video}")
        assert (hello.omote, hello.formats, hello.control, hello.methods) == ("0.2.0", FORMATS, 5558, ("hello",))


def test_the_schema_is_repeated_when_its_second_is_over() -> None:
    now_ns = [0]
    with (
        Publisher(FREE_PORT, FREE_PORT, clock=lambda: now_ns[0]) as publisher,
        Subscriber(publisher.params_endpoint) as subscriber,
    ):
        wait_for(lambda: "s/omote" in publisher.listening and subscriber.schema is not None)
        for _ in range(3):
            heard = subscriber.reception.announced
            now_ns[0] += 1_000_000_001
            wait_for(lambda heard=heard: subscriber.reception.announced >= heard + 2)  # type: ignore[misc]


@pytest.mark.parametrize("format", ["rgba8", "jpeg"])
def test_a_restarted_publisher_is_a_new_session_and_no_gap(format: str) -> None:
    with publishing() as (first, _), Subscriber(first.video_endpoint, format=format) as subscriber:
        wait_for(lambda: len(first.listening) == 1)
        for index in range(3):
            first.publish(shot(index))
            taken(subscriber)
        endpoint = first.video_endpoint
        first.__exit__()
        with Publisher(FREE_PORT, endpoint) as second:
            wait_for(lambda: len(second.listening) == 1)
            second.publish(shot(0))
            assert taken(subscriber).header.session == second.session != first.session
    assert (subscriber.reception.sessions, subscriber.reception.missed) == (2, 0)


def test_a_client_with_a_key_receives_and_one_without_is_counted(tmp_path: Path) -> None:
    server = keys.make_server(tmp_path / "keys")
    client = keys.make_client(server, "studio-pc", tmp_path / "studio-pc.omote-key")
    sent = Sent()
    with (
        Publisher(FREE_PORT, FREE_PORT, on_sent=sent, keys=server) as publisher,
        Subscriber(publisher.video_endpoint, keys=client) as subscriber,
        Subscriber(publisher.params_endpoint, keys=client) as params,
        Subscriber(publisher.video_endpoint) as stranger,
    ):
        wait_for(lambda: {"v/omote", "p/omote"} <= publisher.listening and publisher.rejected_handshakes > 0)
        publisher.publish(shot(0))
        assert taken(subscriber).header.sequence == taken(params).header.sequence == 0
        assert stranger.reception == ReceptionCounts()


def test_samples_that_come_too_fast_are_dropped_and_counted() -> None:
    with publishing() as (publisher, sent):
        count = 200
        for index in range(count):
            publisher.publish(shot(index))
        reported = [sent.next()[0]]
        while reported[-1] != count - 1:
            reported.append(sent.next()[0])
        assert reported == sorted(reported)
        assert len(reported) + publisher.dropped == count


def test_a_subject_with_the_same_beginning_is_not_received() -> None:
    with publishing("omote-2") as (publisher, sent), Subscriber(publisher.video_endpoint, "omote") as subscriber:
        wait_for(lambda: "v/omote-2" in publisher.listening)
        publisher.publish(shot(0))
        sent.next()
        with Subscriber(publisher.video_endpoint, "omote-2") as right:

            def arrives() -> bool:
                publisher.publish(shot(1))
                return right.reception.received > 0

            wait_for(arrives)
        assert subscriber.take(0.0) is None
        assert subscriber.reception == ReceptionCounts()


def test_an_address_of_other_machines_is_refused_without_keys() -> None:
    with pytest.raises(EndpointError, match="only this machine may listen"):
        Publisher(video="tcp://0.0.0.0:5557")


@pytest.mark.parametrize("which", ["params", "video"])
def test_a_port_in_use_is_one_line_that_names_it(which: str) -> None:
    with socket.socket() as taken_socket:
        taken_socket.bind(("127.0.0.1", 0))
        taken_socket.listen()
        endpoint = f"tcp://127.0.0.1:{taken_socket.getsockname()[1]}"
        publisher = Publisher(**{"params": FREE_PORT, "video": FREE_PORT, which: endpoint})  # type: ignore[arg-type]
        with pytest.raises(PortInUseError, match=f"{endpoint} \\({which}\\) is taken by another program") as caught:
            publisher.__enter__()
        assert "\n" not in str(caught.value)


def test_leaving_frees_the_ports_for_the_next() -> None:
    with publishing() as (publisher, _):
        endpoints = publisher.params_endpoint, publisher.video_endpoint
    with Publisher(*endpoints) as again:
        assert (again.params_endpoint, again.video_endpoint) == endpoints
