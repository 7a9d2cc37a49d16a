"""The Unreal plugin's core against a live publisher."""

from __future__ import annotations

import zlib
from contextlib import ExitStack

import numpy as np
import pytest
import zmq

from omote.bridge import arkit, frame, picture
from omote.bridge.frame import Frame
from omote.bridge.picture import Format
from omote.bridge.publisher import Publisher

from ..bridge.probe import Command, Probe
from ..bridge.sending import FREE_PORT, checksum, noise, publish_until, shot, wait_for

SIDE = 32
RAW = [name for name in picture.FORMATS if not Format.parse(name).is_compressed]


def publisher() -> Publisher:
    return Publisher(FREE_PORT, FREE_PORT)


def topic_of(format: str) -> str:
    return frame.topic(frame.VIDEO, "omote", Format.parse(format)).decode()


@pytest.mark.parametrize("format", RAW)
def test_pictures_arrive_byte_for_byte(probe: Command, format: str) -> None:
    arguments = ("--format", format, "--frames", "--count", 5)
    with publisher() as source, Probe(probe, source.video_endpoint, *arguments) as listener:
        wait_for(lambda: topic_of(format) in source.listening)
        for index in range(5):
            video = noise(index, SIDE + index)
            source.publish(shot(index, video))
            height, width, _ = video.pixels.shape
            wanted = [str(index), str(index), str(width), str(height), checksum(video, Format.parse(format))]
            assert listener.frame() == wanted
        assert listener.figures()["rejected"] == 0


@pytest.mark.parametrize("format", ["jpeg", "jpeg+lz4a.premultiplied.bottom"])
def test_compressed_pictures_arrive_or_are_refused_in_words(probe: Command, format: str) -> None:
    """Its colours are the decoder's, so only that it is taken; a probe that was built without libjpeg says so."""
    arguments = ("--format", format, "--count", 3, "--seconds", 5)
    with publisher() as source, Probe(probe, source.video_endpoint, *arguments) as listener:
        wait_for(lambda: topic_of(format) in source.listening)
        publish_until(source, lambda: not listener.is_running, noise(1, SIDE))
        figures = listener.figures()
    assert figures["error"] == "" or "decodes no jpeg" in str(figures["error"])
    assert figures["taken"] or figures["rejected"]


def test_faces_arrive_as_they_are_shown(probe: Command) -> None:
    arguments = ("--params", "--frames", "--count", 1)
    with publisher() as source, Probe(probe, source.params_endpoint, *arguments) as listener:
        wait_for(lambda: "p/omote" in source.listening)
        source.publish(shot(41, noise(0, SIDE), shown=0.25))
        weights = np.full(arkit.COUNT, 0.25, np.float32)
        assert listener.frame() == ["41", "0", str(arkit.COUNT), "1", f"{zlib.crc32(weights.tobytes()):08x}"]


def test_sixty_large_pictures_a_second_arrive_without_a_gap(probe: Command) -> None:
    """A machine that stands still may lose one, so there are three tries: a receiver that loses some does each time."""
    video = noise(0, 512)
    missed: list[object] = []
    for _ in range(3):
        arguments = ("--count", 240, "--warm-up", 60)
        with publisher() as source, Probe(probe, source.video_endpoint, *arguments) as listener:
            listener.line_that_begins("ready")
            publish_until(source, lambda listener=listener: not listener.is_running, video)  # type: ignore[misc]
            figures = listener.figures()
        assert (figures["rejected"], figures["taken"]) == (0, 240)
        missed.append(figures["missed"])
        if missed[-1] == 0:
            return
    pytest.fail(f"lost {missed}")


def test_restart_of_the_publisher_is_survived(probe: Command) -> None:
    with ExitStack() as stack:
        with publisher() as source:
            endpoint, params = source.video_endpoint, source.params_endpoint
            listener = stack.enter_context(Probe(probe, endpoint, "--frames", "--count", 2))
            wait_for(lambda: "v/omote" in source.listening)
            source.publish(shot(1, noise(1, SIDE)))
            assert listener.frame()[0] == "1"
        with Publisher(params, endpoint) as source:
            wait_for(lambda: "v/omote" in source.listening)
            source.publish(shot(7, noise(7, SIDE)))
            assert listener.frame()[:2] == ["7", "0"]
        figures = listener.figures()
    assert (figures["sessions"], figures["missed"]) == (2, 0)


def test_slow_consumer_gets_the_newest(probe: Command) -> None:
    pictures, video = 120, noise(0, SIDE)
    with publisher() as source, Probe(probe, source.video_endpoint, "--work-ms", 100, "--frames") as listener:
        wait_for(lambda: "v/omote" in source.listening)
        sent = iter(range(pictures))
        publish_until(source, lambda: next(sent, None) is None, video)
        seen = [-1]
        while seen[-1] < pictures - 1:
            seen.append(int(listener.frame()[0]))
    assert seen == sorted(set(seen)), "older than one before"
    assert len(seen) - 1 < pictures, "each picture was waited for"


def test_messages_that_break_a_rule_are_counted_and_survived(probe: Command) -> None:
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
        with Probe(probe, f"tcp://127.0.0.1:{port}", "--frames", "--count", 1) as listener:
            while source.recv() != b"\x01v/omote":
                pass
            for parts in [*broken, [topic, head, pixels]]:
                source.send_multipart(parts)
            words = listener.frame()
            figures = listener.figures()
    assert words == ["9", "0", str(SIDE + 2), str(SIDE), checksum(video, picture.RGBA8)]
    assert (figures["received"], figures["rejected"]) == (1, len(broken))


def test_nobody_there_is_no_error(probe: Command) -> None:
    with Probe(probe, "tcp://127.0.0.1:9", "--seconds", 0.2) as listener:
        figures = listener.figures()
    assert (figures["received"], figures["stale"], figures["state"]) == (0, True, "connecting")
