"""`omote monitor`: receives from a running Omote and reports it as text or JSON."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from omote.bridge import frame
from omote.bridge.discovery import find_lan, find_local
from omote.bridge.endpoint import CONTROL_ENDPOINT, VIDEO_ENDPOINT, check_connect, is_loopback, port_of, split
from omote.bridge.fields import WireError
from omote.bridge.keys import ClientKeys
from omote.bridge.payload import Params, Video
from omote.bridge.picture import FORMATS, RGBA8
from omote.engine.live.latency import Percentiles

from .monitor_stats import ControlPoller, MonitorReceiver, MonitorStats

NOTHING_RECEIVED = 1

_PERIOD_S = 1.0
_HELLO_S = 1.5  # a sender without a hello by then sends none; it comes once a second

_MS = 1e-6  # for nanoseconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # These flags are not settings, so their defaults are here.
    parser.add_argument(
        "endpoint", nargs="?", default=VIDEO_ENDPOINT, metavar="ENDPOINT", help=f"default {VIDEO_ENDPOINT}"
    )
    parser.add_argument(
        "--subject", type=_subject, default=frame.DEFAULT_SUBJECT, metavar="NAME", help="subject of the sender"
    )
    parser.add_argument("--format", choices=FORMATS, default=RGBA8.name, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--control", default="", metavar="ADDRESS", help="control endpoint, default as the sender says")
    parser.add_argument("--list", action="store_true", default=False, help="list the senders of this machine, and end")
    parser.add_argument("--lan", action="store_true", default=False, help="with --list: ask the local network, too")
    parser.add_argument("--key", type=Path, default=None, metavar="FILE", help="key file of `omote keys new NAME`")
    parser.add_argument(
        "--seconds",
        type=_number_of_seconds,
        default=None,
        metavar="N",
        help="end after this time; exit code 1 if nothing was received",
    )
    parser.add_argument("--json", action="store_true", default=False, help="print only one JSON object at the end")


def main(typed: argparse.Namespace) -> int:
    """Shows what arrives until Ctrl-C, or for --seconds; returns 1 if nothing was received in them, else 0."""
    if typed.list:
        return _list_senders(typed)
    for endpoint in (typed.endpoint, typed.control or typed.endpoint):
        check_connect(endpoint)
    keys = ClientKeys.load(typed.key) if typed.key else None
    receiver = MonitorReceiver(typed.endpoint, typed.subject, typed.format, keys, is_loopback(typed.endpoint))
    start_s = time.monotonic()
    poller = ControlPoller(lambda: _control_endpoint(typed, receiver, start_s), keys)
    screen = _Display(Console(), is_quiet=typed.json)
    with receiver, poller, screen.shown():
        stats = _receive(receiver, poller, screen.show, typed.seconds)
    if typed.json:
        print(json.dumps(report_json(stats)))
    return NOTHING_RECEIVED if typed.seconds and not stats.reception.received else 0


def _list_senders(typed: argparse.Namespace) -> int:
    """Prints the senders that answer, one a line; returns 1 if none does."""
    senders = {one.session: one for one in (*(find_lan() if typed.lan else ()), *find_local())}.values()
    if typed.json:
        print(json.dumps([asdict(one) for one in senders]))
    else:
        lines = [
            f"{one.name}  subject {one.subject}  video {one.video}  params {one.params}  control {one.control}"
            + ("  needs a key file" if one.is_encrypted else "")
            for one in senders
        ]
        where = "in the network" if typed.lan else "on this machine"
        print("\n".join(lines) or f"no sender answers {where}: is `omote live` running?")
    return 0 if senders else NOTHING_RECEIVED


def _receive(
    receiver: MonitorReceiver, poller: ControlPoller, show: Callable[[MonitorStats], None], seconds: float | None
) -> MonitorStats:
    """Shows the statistics each second; returns the last."""
    start_s = time.monotonic()
    until_s = start_s + seconds if seconds else float("inf")
    next_s = start_s
    try:
        while True:
            next_s += _PERIOD_S
            receiver.receive(min(next_s, until_s))
            receiver.set_clock(poller.replies.clock)
            stats = receiver.stats(poller.replies)
            show(stats)
            if time.monotonic() >= until_s:
                return stats
    except KeyboardInterrupt:
        return receiver.stats(poller.replies)


def _control_endpoint(typed: argparse.Namespace, receiver: MonitorReceiver, start_s: float) -> str:
    """The control endpoint: as typed, as the sender says, or at the usual port; "" if it is not known yet."""
    if typed.control:
        return str(typed.control)
    if receiver.hello:
        port = receiver.hello.control
    elif time.monotonic() - start_s > _HELLO_S:
        port = port_of(CONTROL_ENDPOINT)
    else:
        port = 0
    return f"tcp://{split(typed.endpoint)[0]}:{port}" if port else ""


class _Display:
    """Shows statistics in place in a terminal, else as lines; with --json not at all."""

    def __init__(self, console: Console, is_quiet: bool) -> None:
        self._console = console
        self._is_quiet = is_quiet
        self._display = Display(console=console, auto_refresh=False) if console.is_terminal and not is_quiet else None
        self._last = ""

    def shown(self) -> AbstractContextManager[object]:
        return self._display or nullcontext()

    def show(self, stats: MonitorStats) -> None:
        if self._display:
            text = "\n".join([*report_lines(stats), "Ctrl-C ends"])
            self._display.update(Text(text, overflow="fold"), refresh=True)
        elif not self._is_quiet and (line := report_line(stats)) != self._last:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
            self._last = line


def _subject(text: str) -> str:
    try:
        frame.topic(frame.PARAMS, text)
    except WireError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _number_of_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text}")
    return seconds


def report_lines(stats: MonitorStats) -> list[str]:
    """All statistics, a line for each topic."""
    if stats.state == "waiting":
        return [_nothing_received(stats), *_sender(stats), *_problems(stats)]
    return [
        " · ".join([stats.endpoint, stats.subject, stats.state, *_sender_names(stats)]),
        f"{stats.fps:.1f} a second · {_content(stats)}",
        _ages(stats),
        *_clocks(stats),
        _counts(stats),
        *_sender(stats),
        *_problems(stats),
    ]


def report_line(stats: MonitorStats) -> str:
    """The statistics that change each second, in one line."""
    if stats.state == "waiting":
        return "; ".join([_nothing_received(stats), *_problems(stats)])
    return f"{stats.state} · {stats.fps:.1f} a second · {_ages(stats)} · {_counts(stats)} · {_content(stats)}"


def report_json(stats: MonitorStats) -> dict[str, object]:
    """The whole run as JSON values; times in milliseconds, null if unknown."""
    timing, replies, reception = stats.whole, stats.replies, stats.reception
    payload = stats.frame.payload if stats.frame else None
    return {
        "endpoint": stats.endpoint,
        "subject": stats.subject,
        "format": stats.format,
        "state": stats.state,
        "seconds": round(stats.seconds, 3),
        "received": reception.received,
        "fps": round(stats.mean_fps, 3),
        "missed": reception.missed,
        "skipped": stats.skipped,
        "rejected": reception.rejected,
        "sessions": reception.sessions,
        "age_ms": asdict(timing.age) if timing else None,
        "transit_ms": asdict(timing.transit) if timing else None,
        "clock": asdict(stats.clock) if stats.clock else None,
        "size": list(payload.pixels.shape[1::-1]) if isinstance(payload, Video) else None,
        "hello": asdict(stats.hello) if stats.hello else replies.hello,
        "control": replies.endpoint or None,
        "stats": replies.stats if _is_of_the_sender(stats) else None,
        "last_error": stats.last_error or None,
        "refusal": stats.refusal or None,
    }


def _nothing_received(stats: MonitorStats) -> str:
    if stats.refusal:
        return f"{stats.endpoint} refuses the connection: {stats.refusal}"
    hint = "is `omote live` running?"
    if stats.replies.hello:
        hint = f"but control at {stats.replies.endpoint} answers"
    elif not is_loopback(stats.endpoint):
        hint = "is `omote live --curve` running there, and --key the file of its `omote keys new`?"
    return f"nothing from {stats.endpoint} yet: {hint}"


def _sender_names(stats: MonitorStats) -> list[str]:
    """Version and schema of the sender, if known."""
    version = stats.hello.omote if stats.hello else (stats.replies.hello or {}).get("omote")
    named = [f"Omote {_printable(version)}"] if version else []
    schema = stats.schema
    return [*named, *([f"{len(schema.weights)} weights"] if schema else [])]


def _content(stats: MonitorStats) -> str:
    payload = stats.frame.payload if stats.frame else None
    if isinstance(payload, Video):
        height, width = payload.pixels.shape[:2]
        return f"pictures {width}x{height}, {stats.format}, alpha {payload.alpha}"
    if isinstance(payload, Params):
        certainty = f"confidence {payload.confidence:.2f}, presence {payload.presence:.2f}"
        return f"params in {_printable(payload.basis)}, {certainty}"
    return "nothing could be decoded"


def _ages(stats: MonitorStats) -> str:
    if not stats.is_clock_known:
        endpoint = stats.replies.endpoint if stats.replies.error else ""
        return "age unknown: clocks not measured" + (f" (no answer from control at {endpoint})" if endpoint else "")
    if not stats.recent:
        return "age not known yet"
    return f"age {_spread(stats.recent.age)}, transit {_spread(stats.recent.transit)} (p50/p99)"


def _clocks(stats: MonitorStats) -> list[str]:
    clock = stats.clock
    if clock is None or is_loopback(stats.endpoint):
        return []
    return [
        f"the sender's clock is {clock.offset_ns * _MS:.3f} ± {clock.uncertainty_ns * _MS:.3f} ms ahead of this one"
    ]


def _spread(took: Percentiles) -> str:
    return f"{took.p50:.1f}/{took.p99:.1f} ms"


def _counts(stats: MonitorStats) -> str:
    reception = stats.reception
    counts = f"lost {reception.missed} · skipped {stats.skipped} · rejected {reception.rejected}"
    return counts + (f" · {reception.sessions} runs of the sender" if reception.sessions > 1 else "")


def _sender(stats: MonitorStats) -> list[str]:
    """What the control endpoint says."""
    replies, values = stats.replies, stats.replies.stats or {}
    if replies.error:
        hint = "; --control names another address" if stats.frame else ""
        return [f"control: {_printable(replies.error)}{hint}"]
    if not values:
        return []
    if not _is_of_the_sender(stats):
        return [f"control: at {replies.endpoint} belongs to another Omote; set --control"]
    listening = values.get("listening")
    topics = ", ".join(map(_printable, listening)) if isinstance(listening, list) else ""
    return [
        f"sender: {_printable(values.get('source'))}, {_printable(values.get('phase'))} · "
        f"{_number(values.get('fps'))} a second · "
        f"capture to sent {_number(values.get('latency_p50_ms'))}/{_number(values.get('latency_p99_ms'))} ms",
        f"to {topics or 'no receiver'} · dropped {_printable(values.get('dropped'))} · refused "
        f"{_printable(values.get('rejected_handshakes'))} handshakes, "
        f"{_printable(values.get('rejected_requests'))} requests",
    ]


def _is_of_the_sender(stats: MonitorStats) -> bool:
    """Whether control and pictures come from the same run, which is assumed until a frame arrives."""
    clock = stats.replies.clock
    return stats.frame is None or clock is None or clock.session == stats.frame.header.session


def _problems(stats: MonitorStats) -> list[str]:
    """Likely causes of trouble."""
    found = [f"last rejected: {_printable(stats.last_error)}"] if stats.reception.rejected else []
    hello = stats.replies.hello or {}
    if stats.frame is None and hello:
        subject, formats = hello.get("subject"), hello.get("formats")
        if subject and subject != stats.subject:
            found.append(f"the subject of the sender is {_printable(subject)}: --subject {_printable(subject)}")
        if isinstance(formats, list) and stats.format not in formats:
            found.append(f"the sender has no {stats.format}, only {', '.join(map(_printable, formats))}")
    return found


def _number(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else "?"


def _printable(value: object) -> str:
    """A received value without control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in ("?" if value is None else str(value)))
