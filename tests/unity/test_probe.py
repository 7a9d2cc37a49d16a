"""The core of the Unity package against a live publisher, by its own transport and by libzmq."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

import pytest
import zmq

from omote.bridge import frame, picture
from omote.bridge.frame import Frame
from omote.bridge.picture import Format
from omote.bridge.publisher import Publisher

from ..bridge.probe import Command, Probe
from ..bridge.sending import FREE_PORT, checksum, noise, publish_until, shot, wait_for
from .core_build import TRANSPORTS

SIDE = 32

if sys.platform == "linux":
    import resource


def publisher() -> Publisher:
    return Publisher(FREE_PORT, FREE_PORT)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("format", picture.FORMATS)
def test_pictures_arrive_byte_for_byte(probe: Command, transport: str, format: str) -> None:
    topic = frame.topic(frame.VIDEO, "omote", Format.parse(format)).decode()
    arguments = ("--format", format, "--transport", transport, "--frames", "--count", 5)
    with publisher() as source, Probe(probe, source.video_endpoint, *arguments) as listener:
        listener.line_that_begins("ready")
        wait_for(lambda: topic in source.listening)
        for index in range(5):
            video = noise(index, SIDE + index)
            source.publish(shot(index, video))
            words = listener.line_that_begins("frame").split()
            height, width, _ = video.pixels.shape
            assert words[1:] == [str(index), str(index), str(width), str(height), checksum(video, Format.parse(format))]
        assert listener.figures()["rejected"] == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_faces_arrive(probe: Command, transport: str) -> None:
    with publisher() as source, Probe(probe, source.params_endpoint, "--transport", transport, "--frames") as listener:
        listener.line_that_begins("ready")
        wait_for(lambda: "p/omote" in source.listening)
        source.publish(shot(41, noise(0, SIDE), seen=0.25))
        index, sequence, basis, seen, _, confidence = listener.line_that_begins("params").split()[1:]
        assert (index, sequence, basis, seen, confidence) == ("41", "0", "open", "0.25", "0.75")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_sixty_large_pictures_a_second_arrive_without_a_gap(probe: Command, transport: str) -> None:
    """A machine that stands still may lose one, so there are three tries: a receiver that loses some does each time."""
    video = noise(0, 512)
    missed: list[object] = []
    for _ in range(3):
        with (
            publisher() as source,
            Probe(probe, source.video_endpoint, "--transport", transport, "--count", 240, "--warm-up", 60) as listener,
        ):
            listener.line_that_begins("ready")
            wait_for(lambda source=source: "v/omote" in source.listening)  # type: ignore[misc]
            publish_until(source, lambda listener=listener: not listener.is_running, video)  # type: ignore[misc]
            figures = listener.figures()
        assert (figures["rejected"], figures["gc"]) == (0, 0)
        missed.append(figures["missed"])
        if missed[-1] == 0:
            return
    pytest.fail(f"lost {missed}")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_restart_of_the_publisher_is_survived(probe: Command, transport: str) -> None:
    with ExitStack() as stack:
        with publisher() as source:
            endpoint, params = source.video_endpoint, source.params_endpoint
            listener = stack.enter_context(Probe(probe, endpoint, "--transport", transport, "--frames", "--count", 2))
            listener.line_that_begins("ready")
            wait_for(lambda: "v/omote" in source.listening)
            source.publish(shot(1, noise(1, SIDE)))
            assert listener.line_that_begins("frame").split()[1] == "1"
        with Publisher(params, endpoint) as source:
            wait_for(lambda: "v/omote" in source.listening)
            source.publish(shot(7, noise(7, SIDE)))
            assert listener.line_that_begins("frame").split()[1:3] == ["7", "0"]
        figures = listener.figures()
    assert (figures["sessions"], figures["missed"]) == (2, 0)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_slow_consumer_gets_the_newest(probe: Command, transport: str) -> None:
    pictures, video = 120, noise(0, SIDE)
    arguments = ("--transport", transport, "--work-ms", 100, "--frames")
    with publisher() as source, Probe(probe, source.video_endpoint, *arguments) as listener:
        listener.line_that_begins("ready")
        wait_for(lambda: "v/omote" in source.listening)
        sent = iter(range(pictures))
        publish_until(source, lambda: next(sent, None) is None, video)
        seen = [-1]
        while seen[-1] < pictures - 1:
            seen.append(int(listener.line_that_begins("frame").split()[1]))
        assert seen == sorted(set(seen)), "older than one before"
        assert len(seen) - 1 < pictures, "each picture was waited for"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_messages_that_break_a_rule_are_counted_and_survived(probe: Command, transport: str) -> None:
    video = noise(3, SIDE)
    header = frame.Header(session=1, sequence=0, index=9, captured_ns=1, generated_ns=2, sent_ns=3, wall_ns=4)
    topic, head, pixels = (bytes(part) for part in frame.encode(Frame(header, video)))
    broken = [
        [topic],
        [topic, head],
        [topic, b"\xc1", pixels],
        [topic, b"x" * 5000, pixels],
        [topic, head, pixels[:-1]],
        [topic + b"?", head, pixels],
        [topic, head, *[pixels] * 10],
    ]
    with zmq.Context() as context, context.socket(zmq.XPUB) as source:
        source.linger = 0
        port = source.bind_to_random_port("tcp://127.0.0.1")
        arguments = ("--transport", transport, "--frames", "--count", 1)
        with Probe(probe, f"tcp://127.0.0.1:{port}", *arguments) as listener:
            listener.line_that_begins("ready")
            while source.recv() != b"\x01v/omote":
                pass
            for parts in broken:
                source.send_multipart(parts)
            source.send_multipart([topic, head, pixels])
            words = listener.line_that_begins("frame").split()
            figures = listener.figures()
    assert words[1:] == ["9", "0", str(SIDE + 2), str(SIDE), checksum(video, picture.RGBA8)]
    assert (figures["received"], figures["rejected"]) == (1, len(broken))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes another process's sockets away")
def test_time_without_a_socket_to_be_had_is_survived(probe: Command) -> None:
    with publisher() as source:
        endpoint, params = source.video_endpoint, source.params_endpoint
    with Probe(probe, endpoint, "--transport", "managed", "--frames", "--count", 1) as listener:
        usual = resource.prlimit(listener.pid, resource.RLIMIT_NOFILE)
        time.sleep(1)  # it is listening for a publisher that is not there
        resource.prlimit(listener.pid, resource.RLIMIT_NOFILE, (0, usual[1]))
        time.sleep(3)  # it tries again at least every two seconds; if not, nothing is shown, and nothing fails
        resource.prlimit(listener.pid, resource.RLIMIT_NOFILE, usual)
        with Publisher(params, endpoint) as again:
            wait_for(lambda: "v/omote" in again.listening)
            again.publish(shot(1, noise(1, SIDE)))
            assert listener.line_that_begins("frame").split()[1] == "1"


def test_nobody_there_is_no_error(probe: Command) -> None:
    with Probe(probe, "tcp://127.0.0.1:9", "--seconds", 0.2) as listener:
        figures = listener.figures()
    assert (figures["received"], figures["stale"]) == (0, True)
