"""`omote monitor`: receives as a game engine would, and shows once a second how that goes."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from omote.bridge import frame
from omote.bridge.endpoint import CONTROL_ENDPOINT, VIDEO_ENDPOINT, check_connect, is_loopback, port_of, split
from omote.bridge.keys import ClientKeys
from omote.bridge.picture import FORMATS, RGBA8

from .account import Account
from .asker import Asker
from .lines import as_json, line, lines
from .listener import Listener

NOTHING_CAME = 1

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


def run(typed: argparse.Namespace) -> int:
    """Shows what arrives until Ctrl-C (0) or for so many seconds (1 where nothing came)."""
    for endpoint in (typed.endpoint, typed.control or typed.endpoint):
        check_connect(endpoint)
    keys = ClientKeys.load(typed.key) if typed.key else None
    listener = Listener(typed.endpoint, typed.subject, typed.format, keys, is_loopback(typed.endpoint))
    begun_s = time.monotonic()
    asker = Asker(lambda: _control(typed, listener, begun_s), keys)
    screen = _Screen(Console(), is_quiet=typed.json)
    with listener, asker, screen.shown():
        account = _watch(listener, asker, screen.show, typed.seconds)
    if typed.json:
        print(json.dumps(as_json(account)))
    return NOTHING_CAME if typed.seconds and not account.reception.received else 0


def _watch(listener: Listener, asker: Asker, show: Callable[[Account], None], seconds: float | None) -> Account:
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


def _control(typed: argparse.Namespace, listener: Listener, begun_s: float) -> str:
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


class _Screen:
    """Where accounts are shown: on one place in a terminal, else as lines, or nowhere."""

    def __init__(self, console: Console, is_quiet: bool) -> None:
        self._console = console
        self._is_quiet = is_quiet
        self._display = Display(console=console, auto_refresh=False) if console.is_terminal and not is_quiet else None
        self._last = ""

    def shown(self) -> AbstractContextManager[object]:
        return self._display or nullcontext()

    def show(self, account: Account) -> None:
        if self._display:
            text = "\n".join([*lines(account), "Ctrl-C ends"])
            self._display.update(Text(text, overflow="fold"), refresh=True)
        elif not self._is_quiet and (said := line(account)) != self._last:
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
