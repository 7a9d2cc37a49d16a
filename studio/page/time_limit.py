"""A time limit for requests that arrive slowly, so that half-sent ones do not stay open for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_TIMEOUT_S = 10.0  # from the first byte of a request, or from the connection, to the end of its header
BODY_TIMEOUT_S = 60.0  # a 3D model of 128 MB takes a second within this machine


class TimeLimitedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which limits only the time between two requests; `read_body` limits that of a body."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADER_TIMEOUT_S, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        is_answering = self.cycle is not None and not self.cycle.response_complete
        is_handed_over = self.transport.get_protocol() is not self  # to a WebSocket, which has no limit
        if is_answering or is_handed_over:
            self._stop_waiting()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEADER_TIMEOUT_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
