"""`omote monitor` against a sender that plays its part, over real sockets. Nothing here asserts how long it takes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from omote.bridge import keys
from omote.bridge.control import Clock, ControlServer
from omote.bridge.discovery import Announcement
from omote.bridge.endpoint import port_of
from omote.bridge.keys import ClientKeys, ServerKeys
from omote.bridge.payload import Hello, Params, Video
from omote.bridge.picture import FORMATS
from omote.bridge.publisher import Publisher
from omote.engine.data import Portrait
from omote.engine.live.outputs import published_picture
from omote.studio.cli.main import main
from omote.studio.cli.monitor import report_json, report_line, report_lines
from omote.studio.cli.monitor_stats import ControlPoller, ControlReplies, MonitorReceiver, MonitorStats
from tests.studio.commands import error_line

PATIENCE_S = 60.0  # the test fails after it; it never passes because of it
FREE_PORT = "tcp://127.0.0.1:*"
HOUR_NS = 3_600_000_000_000
STATS = {"source": "demo", "phase": "following", "fps": 59.94, "dropped": 3, "listening": ["v/omote"]}

NO_ANSWERS = ControlReplies()

Draw = Callable[[int], Portrait]


class Sender:
    """Sends portraits without end, and answers `hello` and `stats`."""

    def __init__(self, draw: Draw, server: ServerKeys | None = None, ahead_ns: int = 0, video: str = FREE_PORT) -> None:
        self._draw = draw
        self._ahead_ns = ahead_ns
        hello = Hello("1.2.3", 1, FORMATS, video=0, params=0, control=0, methods=("hello", "stats", "clock"))
        self.publisher = Publisher(FREE_PORT, video, clock=self._now, keys=server, hello=hello)
        methods = {"hello": self._hello, "stats": lambda _: STATS}
        self.control = ControlServer(FREE_PORT, methods, session=self.publisher.session, keys=server, clock=self._now)
        self._is_stopping = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Sender:
        self._stack.enter_context(self.control)
        self.publisher.hello = replace(self.publisher.hello, control=port_of(self.control.endpoint))
        self._stack.enter_context(self.publisher)
        thread = threading.Thread(target=self._send, daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._is_stopping.set)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _now(self) -> int:
        return time.perf_counter_ns() + self._ahead_ns

    def _send(self) -> None:
        index = 0
        while not self._is_stopping.wait(0.01):
            sent = published_picture(self._draw(index))
            self.publisher.publish(replace(sent, captured_ns=self._now(), generated_ns=self._now()))
            index += 1

    def _hello(self, arguments: Mapping[str, object]) -> Mapping[str, object]:
        told = {"omote": "1.2.3", "formats": list(self.publisher.hello.formats), "subject": self.publisher.subject}
        return {**told, "session": self.publisher.session}


def listening(endpoint: str, client: ClientKeys | None = None, is_own_clock: bool = True) -> MonitorReceiver:
    return MonitorReceiver(endpoint, "omote", "rgba8", client, is_own_clock)


def stats_of(
    receiver: MonitorReceiver, is_so: Callable[[MonitorStats], object], replies: ControlReplies = NO_ANSWERS
) -> MonitorStats:
    """The first account of which it is so."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        receiver.receive(time.monotonic() + 0.05)
        stats = receiver.stats(replies)
        if is_so(stats):
            return stats
        assert time.monotonic() < deadline_s, "waited in vain"


def is_live(stats: MonitorStats) -> bool:
    """Half a second without a picture is enough to be stale, and a busy machine may well take it."""
    return stats.state == "live" and stats.frame is not None and stats.recent is not None


def replies_of(poller: ControlPoller, is_so: Callable[[ControlReplies], object]) -> ControlReplies:
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_so(poller.replies):
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.01)
    return poller.replies


def waiting(endpoint: str = "tcp://127.0.0.1:5557", **changed: object) -> MonitorStats:
    """An account of nothing."""
    return replace(listening(endpoint).stats(NO_ANSWERS), **changed)  # type: ignore[arg-type]


def test_pictures_are_counted_and_timed(draw: Draw) -> None:
    with Sender(draw) as sender, listening(sender.publisher.video_endpoint) as receiver:
        stats = stats_of(receiver, lambda stats: stats.reception.received > 10 and is_live(stats))
        assert stats.frame
        assert isinstance(stats.frame.payload, Video)
        assert stats.mean_fps > 0
        told = report_json(stats)
        assert told["size"] == [64, 64]
        assert told["sessions"] == 1
        assert told["missed"] == told["rejected"] == 0
        said = "\n".join(report_lines(stats))
        assert "pictures 64x64, rgba8, alpha straight" in said
        assert re.search(r"age [\d./]+ ms, transit [\d./]+ ms \(p50/p99\)", said)
        assert "live" in report_line(stats)


def test_params_show_confidence_presence_and_the_sender(draw: Draw) -> None:
    with Sender(draw) as sender, listening(sender.publisher.params_endpoint) as receiver:
        stats = stats_of(receiver, lambda stats: stats.frame and stats.hello and stats.schema)
        assert stats.frame
        assert isinstance(stats.frame.payload, Params)
        said = "\n".join(report_lines(stats))
        assert "confidence 0.00, presence 1.00" in said
        assert "Omote 1.2.3 · 52 weights" in said
        assert receiver.hello
        assert receiver.hello.control == port_of(sender.control.endpoint)


def test_what_stops_coming_is_stale(draw: Draw) -> None:
    with Sender(draw) as sender, listening(sender.publisher.video_endpoint) as receiver:
        stats_of(receiver, lambda stats: stats.state == "live")
        sender.__exit__()
        stats = stats_of(receiver, lambda stats: stats.state == "stale" and stats.fps == 0)
    assert "stale" in report_line(stats)


def test_the_age_of_another_machines_pictures_is_unknown_until_clocks_are_measured(draw: Draw) -> None:
    with (
        Sender(draw, ahead_ns=5 * HOUR_NS) as sender,
        listening(sender.publisher.video_endpoint, is_own_clock=False) as receiver,
        ControlPoller(lambda: sender.control.endpoint) as poller,
    ):
        stats = stats_of(receiver, lambda stats: stats.reception.received > 3)
        assert stats.recent is None
        assert "age unknown: clocks not measured" in report_line(stats)
        clock = replies_of(poller, lambda replies: replies.clock).clock
        assert clock
        receiver.set_clock(replace(clock, session=clock.session ^ 1))  # of another run
        assert "age unknown" in report_line(stats_of(receiver, lambda stats: stats.state == "live"))
        receiver.set_clock(clock)
        stats = stats_of(receiver, lambda stats: stats.recent)
    assert stats.recent
    assert abs(stats.recent.age.p50) < 3_600_000  # milliseconds: it does not hold the five hours
    assert stats.recent.age.p50 >= stats.recent.transit.p50
    apart = next(said for said in report_lines(replace(stats, endpoint="tcp://studio-pc:5557")) if "clock is" in said)
    assert abs(float(apart.split()[4]) - 5 * 3_600_000) < 60_000


def test_a_measured_clock_does_not_count_for_the_next_run(draw: Draw) -> None:
    with Sender(draw) as first, listening(first.publisher.video_endpoint, is_own_clock=False) as receiver:
        stats = stats_of(receiver, lambda stats: stats.frame)
        assert stats.frame
        receiver.set_clock(Clock(0, 1, stats.frame.header.session))
        assert stats_of(receiver, lambda stats: stats.recent).is_clock_known
        first.__exit__()
        with Sender(draw, video=first.publisher.video_endpoint):
            stats = stats_of(receiver, lambda stats: stats.reception.sessions == 2)
            assert not stats.is_clock_known
            assert "2 runs of the sender" in report_line(stats)


def test_a_tunnel_is_not_taken_for_this_machine(draw: Draw) -> None:
    with Sender(draw, ahead_ns=5 * HOUR_NS) as sender, listening(sender.publisher.video_endpoint) as receiver:
        stats = stats_of(receiver, lambda stats: stats.recent)
        assert stats.frame
        receiver.set_clock(Clock(5 * HOUR_NS, 1_000_000, stats.frame.header.session))
        stats = stats_of(receiver, lambda stats: stats.recent)
    assert stats.whole
    assert abs(stats.whole.age.p99) < 3_600_000  # none of the ages that were five hours wrong is left


def test_the_control_endpoint_is_polled(draw: Draw) -> None:
    with (
        Sender(draw) as sender,
        listening(sender.publisher.video_endpoint) as receiver,
        ControlPoller(lambda: sender.control.endpoint) as poller,
    ):
        replies = replies_of(poller, lambda replies: replies.stats)
        assert replies.clock
        assert replies.clock.session == sender.publisher.session
        said = "\n".join(report_lines(stats_of(receiver, lambda stats: stats.frame, replies)))
        assert "sender: demo, following · 59.9 a second" in said
        assert "dropped 3" in said
        assert "to v/omote" in said
        sender.__exit__()
        assert replies_of(poller, lambda replies: replies.error).clock is None


def test_a_sender_without_stats_still_has_its_clock_measured() -> None:
    with ControlServer(FREE_PORT, {}, session=7) as control, ControlPoller(lambda: control.endpoint) as poller:
        replies = replies_of(poller, lambda replies: replies.clock)
        assert replies.clock
        assert (replies.clock.session, replies.hello, replies.error) == (7, None, "")


def test_the_figures_of_another_run_are_not_taken_for_the_senders(draw: Draw) -> None:
    with Sender(draw) as sender, listening(sender.publisher.video_endpoint) as receiver:
        replies = ControlReplies("tcp://127.0.0.1:5558", stats=STATS, clock=Clock(0, 1, sender.publisher.session ^ 1))
        stats = stats_of(receiver, lambda stats: stats.frame, replies)
    assert any("belongs to another Omote" in said for said in report_lines(stats))
    assert report_json(stats)["stats"] is None


def test_a_key_on_the_list_receives(draw: Draw, tmp_path: Path) -> None:
    server = keys.make_server(tmp_path)
    client = keys.make_client(server, "a", tmp_path / "a.omote-key")
    with Sender(draw, server) as sender, listening(sender.publisher.video_endpoint, client) as receiver:
        assert stats_of(receiver, is_live).frame


def test_a_refused_connection_shows_the_reason(draw: Draw, tmp_path: Path) -> None:
    server = keys.make_server(tmp_path)
    client = keys.make_client(server, "a", tmp_path / "a.omote-key")
    keys.remove_client(server.clients, "a")
    with Sender(draw, server) as sender, listening(sender.publisher.video_endpoint, client) as receiver:
        stats = stats_of(receiver, lambda stats: stats.refusal)
    assert f"{stats.endpoint} refuses the connection: this key is not on its list" in report_line(stats)
    assert report_json(stats)["received"] == 0


def test_without_frames_likely_causes_are_shown() -> None:
    assert report_lines(waiting()) == ["nothing from tcp://127.0.0.1:5557 yet: is `omote live` running?"]
    assert "`omote live --curve` running there, and --key" in report_line(waiting("tcp://studio-pc:5557"))
    replies = ControlReplies("tcp://127.0.0.1:5558", hello={"subject": "anna", "formats": ["jpeg"]})
    said = report_lines(waiting(replies=replies))
    assert said[0] == "nothing from tcp://127.0.0.1:5557 yet: but control at tcp://127.0.0.1:5558 answers"
    for cause in ("the subject of the sender is anna: --subject anna", "the sender has no rgba8, only jpeg"):
        assert cause in said
        assert cause in report_line(waiting(replies=replies))


def test_what_a_stranger_says_cannot_move_the_cursor() -> None:
    stats = {**STATS, "source": "\x1b[2Jdemo", "listening": ["\x1b]0;x\x07"], "fps": "fast"}
    replies = ControlReplies("tcp://127.0.0.1:5558", hello={"subject": "\x1b[H"}, stats=stats)
    said = "".join(report_lines(waiting(replies=replies)))
    assert said.isprintable()
    assert "?[2Jdemo, following · ? a second" in said


def test_a_port_without_a_sender_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "tcp://127.0.0.1:1", "--seconds", "0.2"]) == 1
    assert "nothing from tcp://127.0.0.1:1 yet: is `omote live` running?" in capsys.readouterr().out
    assert main(["monitor", "tcp://127.0.0.1:1", "--seconds", "0.2", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["received"], told["age_ms"], told["hello"]) == ("waiting", 0, None, None)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("nonsense",), "nonsense is no address"),
        (("tcp://*:5557",), "cannot be connected to"),
        (("--control", "tcp://a"), "tcp://a is no address"),
        (("--seconds", "0"), "must be a number above 0, got 0"),
        (("--seconds", "soon"), "must be a number above 0, got soon"),
        (("--subject", "a/b"), "a subject is 1 to 64"),
        (("--format", "png"), "invalid choice: 'png'"),
        (("--key", "nowhere.omote-key"), "nowhere.omote-key cannot be read"),
    ],
)
def test_an_error_is_one_line(arguments: tuple[str, ...], wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert wanted in error_line(capsys, "monitor", *arguments)


@contextmanager
def monitoring(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "omote.studio.cli.main", "monitor", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(os.name != "posix", reason="a process of Windows gets no Ctrl-C from here")
def test_ctrl_c_ends_it_well(draw: Draw) -> None:
    with Sender(draw) as sender, monitoring(sender.publisher.params_endpoint) as process:
        assert process.stdout
        said = process.stdout.readline()
        while not said.startswith("live · "):
            assert said, "it ended by itself"
            said = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.skipif(os.name != "posix", reason="a process of Windows gets no Ctrl-C from here")
def test_ctrl_c_still_prints_the_object(draw: Draw) -> None:
    with Sender(draw) as sender, monitoring(sender.publisher.video_endpoint, "--json", "--seconds", "600") as process:
        deadline_s = time.monotonic() + PATIENCE_S
        while sender.publisher.sent_pictures < 20:
            assert time.monotonic() < deadline_s, "waited in vain"
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        told = json.loads(process.communicate(timeout=PATIENCE_S)[0])
    assert told["endpoint"] == sender.publisher.video_endpoint
    assert told["format"] == "rgba8"


def test_senders_of_this_machine_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = Announcement("studio", "omote", 3, "tcp://127.0.0.1:5557", "tcp://127.0.0.1:5556", "", True)
    monkeypatch.setattr("omote.studio.cli.monitor.find_local", lambda: (sender,))
    assert main(["monitor", "--list"]) == 0
    line = capsys.readouterr().out
    assert "studio  subject omote  video tcp://127.0.0.1:5557" in line and "needs a key file" in line
    assert main(["monitor", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["params"] == "tcp://127.0.0.1:5556"
    monkeypatch.setattr("omote.studio.cli.monitor.find_local", lambda: ())
    assert main(["monitor", "--list"]) == 1
    assert "is `omote live` running?" in capsys.readouterr().out
