"""The face into VTube Studio: its tracking parameters, through its plugin API."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.sync.client import connect

from .. import endpoint
from ..latest import Latest
from ..payload import Params
from .vtubestudio_api import ENABLE_HINT, PORT, DeniedError, TokenStore, VtsError, VtsSession, VtsSocket

PERIOD_S = 1 / 60  # no more often: it takes one a picture
RECONNECT_S = 0.5  # what does not come for a second is lost to it
RETRIES_S = (1.0, 2.0, 5.0, 10.0)  # the last for ever
_MAX_BYTES = 1 << 20
_OPENING_S, _CLOSING_S, _ENDING_S = 5.0, 0.5, 2.0

_log = logging.getLogger(__name__)


class VtsSender:
    """Sends the newest face from a thread of its own, which connects again whenever the connection is lost.

    VTube Studio asks its user once whether Omote may; what it then gives us is
    kept in `settings`. Who is refused there is not asked for again in this run.
    """

    def __init__(
        self,
        host: str,
        port: int = PORT,
        settings: Path | None = None,
        has_arkit: bool = False,
        *,
        retries_s: tuple[float, ...] = RETRIES_S,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,  # None: until the time is over, or the run
    ) -> None:
        self._host, self._port = host, port
        self.place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.name = f"vts {self.place}"
        self.sent = 0
        self.trouble = "not connected yet"  # why nothing is sent now, in one line; empty while all is well
        self._is_near = endpoint.is_loopback(f"tcp://{self.place}")
        self._tokens = TokenStore(settings)
        self._has_arkit = has_arkit
        self._retries_s, self._clock = retries_s, clock
        self._slot: Latest[Params] = Latest()
        self._newest: Params | None = None  # sent again while no newer one comes, also over a new connection
        self._is_over = threading.Event()
        self._wait = wait or self._is_over.wait
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def __enter__(self) -> Self:
        if not self._is_near:
            _log.warning("%s: the face leaves this machine, and is not encrypted", self.name)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._slot.close()
        self._thread.join(_ENDING_S)

    def offer(self, wall_ns: int, params: Params) -> None:
        """Makes this the next face to be sent. Never blocks."""
        self._slot.put(params)

    def _run(self) -> None:
        failures = 0
        while not self._is_over.is_set():
            sent = self.sent
            try:
                self._connect_and_perform()
            except DeniedError as error:
                self._say(f"{error}")
                return
            except (VtsError, OSError, WebSocketException) as error:
                failures = 1 if self.sent > sent else failures + 1
                self._say(_read_reply(error))
            self._wait(self._retries_s[min(failures, len(self._retries_s)) - 1])

    def _connect_and_perform(self) -> None:
        # Opened here, for websockets itself would go by the system's proxy: the face goes to no third machine.
        with socket.create_connection((self._host, self._port), _OPENING_S) as tcp:
            tcp.settimeout(None)
            with connect(
                f"ws://{self.place}/", sock=tcp, max_size=_MAX_BYTES, open_timeout=_OPENING_S, close_timeout=_CLOSING_S
            ) as websocket:
                self._perform(websocket)

    def _perform(self, websocket: VtsSocket) -> None:
        session = VtsSession(websocket, self.place, self._tokens, self._is_over.is_set, self._say, self._clock)
        session.begin(self._has_arkit)
        if self.trouble:
            _log.info("%s: connected", self.name)
        self.trouble = ""
        while not self._is_over.is_set():
            self._newest = self._slot.take(RECONNECT_S) or self._newest
            if self._newest is None:
                continue
            began_s = self._clock()
            session.inject(self._newest)
            self.sent += 1
            self._wait(max(began_s + PERIOD_S - self._clock(), 0.0))

    def _say(self, trouble: str) -> None:
        """Once, however often it is tried in vain."""
        if trouble != self.trouble and not self._is_over.is_set():
            _log.warning("%s: %s", self.name, trouble)
        self.trouble = trouble


def _read_reply(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens there: start VTube Studio, and {ENABLE_HINT}; tried again until it is there"
    if isinstance(error, socket.gaierror):
        return f"no machine is known by this name ({error.strerror}); tried again until one is"
    if isinstance(error, InvalidHandshake):
        return f"this is not VTube Studio: {error}"
    return " ".join(f"{error}".split()) or type(error).__name__
