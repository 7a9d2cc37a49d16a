"""Sends the face to VTube Studio as tracking parameters, through its plugin API."""

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

PERIOD_S = 1 / 60  # VTube Studio takes one face a picture
REPEAT_S = 0.5  # VTube Studio drops a parameter that is not sent again within a second
RETRIES_S = (1.0, 2.0, 5.0, 10.0)  # the last one repeats
_MAX_BYTES = 1 << 20
_OPENING_S, _CLOSING_S, _SHUTDOWN_S = 5.0, 0.5, 2.0

_log = logging.getLogger(__name__)


class VtsSender:
    """Sends the newest face from its own thread, which reconnects whenever the connection is lost.

    VTube Studio asks its user once whether to allow Omote, and gives a token,
    which is stored in the folder `settings`. After a refusal the sender stops
    until the program is restarted.
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
        wait: Callable[[float], object] | None = None,  # None: until the time is over, or the sender stops
    ) -> None:
        self._host, self._port = host, port
        self.place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.name = f"vts {self.place}"
        self.sent = 0
        self.trouble = "not connected yet"  # why nothing is sent now, in one line; empty while faces are sent
        self._is_local = endpoint.is_loopback(f"tcp://{self.place}")
        self._tokens = TokenStore(settings)
        self._has_arkit = has_arkit
        self._retries_s, self._clock = retries_s, clock
        self._mailbox: Latest[Params] = Latest()
        self._newest: Params | None = None  # sent again while there is no newer one, also after reconnecting
        self._is_stopping = threading.Event()
        self._wait = wait or self._is_stopping.wait
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def __enter__(self) -> Self:
        if not self._is_local:
            _log.warning("%s: the face leaves this machine unencrypted", self.name)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self._mailbox.close()
        self._thread.join(_SHUTDOWN_S)

    def offer(self, wall_ns: int, params: Params) -> None:
        """Makes this the next face to be sent. Never blocks."""
        self._mailbox.put(params)

    def _run(self) -> None:
        failures = 0
        while not self._is_stopping.is_set():
            sent = self.sent
            try:
                self._connect()
            except DeniedError as error:
                self._report(f"{error}")
                return
            except (VtsError, OSError, WebSocketException) as error:
                failures = 1 if self.sent > sent else failures + 1
                self._report(_message_of(error))
            self._wait(self._retries_s[min(failures, len(self._retries_s)) - 1])

    def _connect(self) -> None:
        # Opened here because websockets would use the system's proxy, and send the face through a third machine.
        with socket.create_connection((self._host, self._port), _OPENING_S) as tcp:
            tcp.settimeout(None)
            with connect(
                f"ws://{self.place}/", sock=tcp, max_size=_MAX_BYTES, open_timeout=_OPENING_S, close_timeout=_CLOSING_S
            ) as websocket:
                self._send_faces(websocket)

    def _send_faces(self, websocket: VtsSocket) -> None:
        session = VtsSession(websocket, self.place, self._tokens, self._is_stopping.is_set, self._report, self._clock)
        session.begin(self._has_arkit)
        if self.trouble:
            _log.info("%s: connected", self.name)
        self.trouble = ""
        while not self._is_stopping.is_set():
            self._newest = self._mailbox.take(REPEAT_S) or self._newest
            if self._newest is None:
                continue
            began_s = self._clock()
            session.inject(self._newest)
            self.sent += 1
            self._wait(max(began_s + PERIOD_S - self._clock(), 0.0))

    def _report(self, trouble: str) -> None:
        """Logs a problem once, however often the attempt is repeated."""
        if trouble != self.trouble and not self._is_stopping.is_set():
            _log.warning("%s: %s", self.name, trouble)
        self.trouble = trouble


def _message_of(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens there: start VTube Studio, and {ENABLE_HINT}; it is tried again until then"
    if isinstance(error, socket.gaierror):
        return f"there is no machine of this name ({error.strerror}); it is tried again"
    if isinstance(error, InvalidHandshake):
        return f"this is not VTube Studio: {error}"
    return " ".join(f"{error}".split()) or type(error).__name__
