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
from omote.bridge.endpoint import CONTROL_ENDPOINT, VIDEO_ENDPOINT, check_connect, is_loopback, port_of, split
from omote.bridge.keys import ClientKeys
from omote.bridge.payload import Params, Video
from omote.bridge.picture import FORMATS, RGBA8
from omote.engine.live.latency import Percentiles

from .monitor_stats import ControlPoller, MonitorReceiver, MonitorStats

NOTHING_RECEIVED = 1

_PERIOD_S = 1.0
_HELLO_S = 1.5  # who has not said by then where control is will not; hello comes once a second


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # Unlike the other commands' flags these are no settings of a file, so their defaults stand here.
    parser.add_argument("endpoint", nargs="?", default=VIDEO_ENDPOINT, metavar="ENDPOINT", help=f"{VIDEO_ENDPOINT}")
    parser.add_argument(
        "--subject", type=_subject, default=frame.DEFAULT_SUBJECT, metavar="NAME", help="as the sender calls it"
    )
    parser.add_argument("--format", choices=FORMATS, default=RGBA8.name, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--control", default="", metavar="ADDRESS", help="otherwise as the sender says")
    parser.add_argument("--key", type=Path, default=None, metavar="FILE", help="of `omote keys new NAME`")
    parser.add_argument(
        "--seconds",
        type=_number_of_seconds,
        default=None,
        metavar="N",
        help="end after so long; exit code 1 if nothing came",
    )
    parser.add_argument("--json", action="store_true", default=False, help="print one JSON object at the end instead")


def main(typed: argparse.Namespace) -> int:
    """Shows what arrives until Ctrl-C (0) or for so many seconds (1 where nothing came)."""
    for endpoint in (typed.endpoint, typed.control or typed.endpoint):
        check_connect(endpoint)
    keys = ClientKeys.load(typed.key) if typed.key else None
    listener = MonitorReceiver(typed.endpoint, typed.subject, typed.format, keys, is_loopback(typed.endpoint))
    begun_s = time.monotonic()
    asker = ControlPoller(lambda: _control_endpoint(typed, listener, begun_s), keys)
    screen = _Display(Console(), is_quiet=typed.json)
    with listener, asker, screen.shown():
        account = _receive(listener, asker, screen.show, typed.seconds)
    if typed.json:
        print(json.dumps(report_json(account)))
    return NOTHING_RECEIVED if typed.seconds and not account.reception.received else 0


def _receive(
    listener: MonitorReceiver, asker: ControlPoller, show: Callable[[MonitorStats], None], seconds: float | None
) -> MonitorStats:
    """Shows an account each second; returns the last."""
    begun_s = time.monotonic()
    until_s = begun_s + seconds if seconds else float("inf")
    turn_s = begun_s
    try:
        while True:
            turn_s += _PERIOD_S
            listener.watch(min(turn_s, until_s))
            listener.set_clock(asker.answers.clock)
            account = listener.account(asker.answers)
            show(account)
            if time.monotonic() >= until_s:
                return account
    except KeyboardInterrupt:
        return listener.account(asker.answers)


def _control_endpoint(typed: argparse.Namespace, listener: MonitorReceiver, begun_s: float) -> str:
    """Where control is: as was typed, as the sender says, or, of a sender that says nothing, where it usually is."""
    if typed.control:
        return str(typed.control)
    if listener.hello:
        port = listener.hello.control
    elif time.monotonic() - begun_s > _HELLO_S:
        port = port_of(CONTROL_ENDPOINT)
    else:
        port = 0
    return f"tcp://{split(typed.endpoint)[0]}:{port}" if port else ""


class _Display:
    """Where accounts are shown: on one place in a terminal, else as lines, or nowhere."""

    def __init__(self, console: Console, is_quiet: bool) -> None:
        self._console = console
        self._is_quiet = is_quiet
        self._display = Display(console=console, auto_refresh=False) if console.is_terminal and not is_quiet else None
        self._last = ""

    def shown(self) -> AbstractContextManager[object]:
        return self._display or nullcontext()

    def show(self, account: MonitorStats) -> None:
        if self._display:
            text = "\n".join([*report_lines(account), "Ctrl-C ends"])
            self._display.update(Text(text, overflow="fold"), refresh=True)
        elif not self._is_quiet and (said := report_line(account)) != self._last:
            self._console.print(said, highlight=False, markup=False, soft_wrap=True)
            self._last = said


def _subject(text: str) -> str:
    try:
        frame.topic(frame.PARAMS, text)
    except frame.WireError as error:
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


_MS = 1e-6  # for nanoseconds


def report_lines(account: MonitorStats) -> list[str]:
    """All of it, a line a matter."""
    if account.state == "waiting":
        return [_nothing_received(account), *_sender(account), *_problems(account)]
    return [
        " · ".join([account.endpoint, account.subject, account.state, *_sender_names(account)]),
        f"{account.fps:.1f} a second · {_content(account)}",
        _ages(account),
        *_clocks(account),
        _counts(account),
        *_sender(account),
        *_problems(account),
    ]


def report_line(account: MonitorStats) -> str:
    """What changes from second to second, in one line."""
    if account.state == "waiting":
        return "; ".join([_nothing_received(account), *_problems(account)])
    return f"{account.state} · {account.fps:.1f} a second · {_ages(account)} · {_counts(account)} · {_content(account)}"


def report_json(account: MonitorStats) -> dict[str, object]:
    """The whole run for another program; times in milliseconds, null where nothing is known."""
    timing, answers, reception = account.whole, account.answers, account.reception
    payload = account.frame.payload if account.frame else None
    return {
        "endpoint": account.endpoint,
        "subject": account.subject,
        "format": account.format,
        "state": account.state,
        "seconds": round(account.seconds, 3),
        "received": reception.received,
        "fps": round(account.mean_fps, 3),
        "missed": reception.missed,
        "skipped": account.skipped,
        "rejected": reception.rejected,
        "sessions": reception.sessions,
        "age_ms": asdict(timing.age) if timing else None,
        "latency_ms": asdict(timing.latency) if timing else None,
        "clock": asdict(account.clock) if account.clock else None,
        "size": list(payload.pixels.shape[1::-1]) if isinstance(payload, Video) else None,
        "hello": asdict(account.hello) if account.hello else answers.hello,
        "control": answers.endpoint or None,
        "stats": answers.stats if _is_of_the_sender(account) else None,
        "last_error": account.last_error or None,
        "refusal": account.refusal or None,
    }


def _nothing_received(account: MonitorStats) -> str:
    if account.refusal:
        return f"{account.endpoint} does not let us in: {account.refusal}"
    hint = "is `omote live` running?"
    if account.answers.hello:
        hint = f"but control at {account.answers.endpoint} answers"
    elif not is_loopback(account.endpoint):
        hint = "is `omote live --curve` running there, and --key the file of its `omote keys new`?"
    return f"nothing from {account.endpoint} yet: {hint}"


def _sender_names(account: MonitorStats) -> list[str]:
    """Who sends, as far as they have said."""
    said = account.hello.omote if account.hello else (account.answers.hello or {}).get("omote")
    named = [f"Omote {_printable(said)}"] if said else []
    schema = account.schema
    return [*named, *([f"{len(schema.weights)} weights"] if schema else [])]


def _content(account: MonitorStats) -> str:
    payload = account.frame.payload if account.frame else None
    if isinstance(payload, Video):
        height, width = payload.pixels.shape[:2]
        return f"pictures {width}x{height}, {account.format}, alpha {payload.alpha}"
    if isinstance(payload, Params):
        certainty = f"confidence {payload.confidence:.2f}, presence {payload.presence:.2f}"
        return f"params in {_printable(payload.basis)}, {certainty}"
    return "nothing that could be decoded"


def _ages(account: MonitorStats) -> str:
    if not account.is_clock_known:
        endpoint = account.answers.endpoint if account.answers.error else ""
        return "age unknown: clocks not measured" + (f" (no answer from control at {endpoint})" if endpoint else "")
    if not account.recent:
        return "age not known yet"
    return f"age {_spread(account.recent.age)} since sent, {_spread(account.recent.latency)} since captured (p50/p99)"


def _clocks(account: MonitorStats) -> list[str]:
    clock = account.clock
    if clock is None or is_loopback(account.endpoint):
        return []
    return [
        f"the sender's clock is {clock.offset_ns * _MS:.3f} ± {clock.uncertainty_ns * _MS:.3f} ms ahead of this one"
    ]


def _spread(took: Percentiles) -> str:
    return f"{took.p50:.1f}/{took.p99:.1f} ms"


def _counts(account: MonitorStats) -> str:
    reception = account.reception
    counts = f"lost {reception.missed} · skipped {account.skipped} · rejected {reception.rejected}"
    return counts + (f" · {reception.sessions} runs of the sender" if reception.sessions > 1 else "")


def _sender(account: MonitorStats) -> list[str]:
    """What control says."""
    answers, stats = account.answers, account.answers.stats or {}
    if answers.error:
        hint = "; --control names another address" if account.frame else ""
        return [f"control: {_printable(answers.error)}{hint}"]
    if not stats:
        return []
    if not _is_of_the_sender(account):
        return [f"control: at {answers.endpoint} is another Omote than the one that sends this; name it by --control"]
    listening = stats.get("listening")
    told = ", ".join(map(_printable, listening)) if isinstance(listening, list) else ""
    return [
        f"sender: {_printable(stats.get('source'))}, {_printable(stats.get('phase'))} · "
        f"{_number(stats.get('fps'))} a second · "
        f"capture to sent {_number(stats.get('latency_p50_ms'))}/{_number(stats.get('latency_p99_ms'))} ms",
        f"to {told or 'nobody'} · dropped {_printable(stats.get('dropped'))} · refused "
        f"{_printable(stats.get('rejected_handshakes'))} handshakes, "
        f"{_printable(stats.get('rejected_requests'))} requests",
    ]


def _is_of_the_sender(account: MonitorStats) -> bool:
    """Whether control and pictures come from one run of one program; so it is taken where nothing came yet."""
    clock = account.answers.clock
    return account.frame is None or clock is None or clock.session == account.frame.header.session


def _problems(account: MonitorStats) -> list[str]:
    """What is wrong, as far as it can be seen from here."""
    found = [f"last rejected: {_printable(account.last_error)}"] if account.reception.rejected else []
    hello = account.answers.hello or {}
    if account.frame is None and hello:
        subject, formats = hello.get("subject"), hello.get("formats")
        if subject and subject != account.subject:
            found.append(f"the sender there calls itself {_printable(subject)}: --subject {_printable(subject)}")
        if isinstance(formats, list) and account.format not in formats:
            found.append(f"the sender there has no {account.format}, only {', '.join(map(_printable, formats))}")
    return found


def _number(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else "?"


def _printable(value: object) -> str:
    """What a stranger said, without what would move the cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in ("?" if value is None else str(value)))
