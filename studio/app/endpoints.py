"""The ZeroMQ endpoints of a run, each switched on and off and moved to another port while the stream runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal, Self, get_args

from omote.bridge import endpoint
from omote.bridge.control import ControlServer
from omote.bridge.endpoint import BindError, PortInUseError
from omote.bridge.publisher import Publisher

from .validation import shown_value

EndpointName = Literal["video", "params", "control"]
ENDPOINT_NAMES: tuple[EndpointName, ...] = get_args(EndpointName)
BIND_ATTEMPTS, BIND_PAUSE_S = 5, 0.1  # because libzmq closes a port a little later than it is told

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EndpointChoice:
    """An endpoint as it was set on the page."""

    is_on: bool
    port: int


def read_endpoints(data: object) -> Mapping[EndpointName, EndpointChoice]:
    """The endpoints in these JSON values, by name; EndpointError if one is invalid."""
    if not isinstance(data, Mapping):
        raise endpoint.EndpointError(f"endpoints are an object, got {shown_value(data)}")
    return {_name(name): _choice(one) for name, one in data.items()}


def _name(value: object) -> EndpointName:
    for name in ENDPOINT_NAMES:
        if name == value:
            return name
    raise endpoint.EndpointError(f"there are {', '.join(ENDPOINT_NAMES)}, got {shown_value(value)}")


def _choice(data: object) -> EndpointChoice:
    is_on, port = (data.get("is_on"), data.get("port")) if isinstance(data, Mapping) else (None, None)
    if not isinstance(is_on, bool) or isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise endpoint.EndpointError(
            f"an endpoint has is_on, true or false, and a port from 1 to 65535, got {shown_value(data)}"
        )
    return EndpointChoice(is_on, port)


class EndpointSwitch:
    """Binds the endpoints of a publisher, which it has entered, and of a control server; `with` ends the server.

    Its hosts are those of the command line, so the page cannot open another interface.
    """

    def __init__(
        self,
        publisher: Publisher,
        open_server: Callable[[str], ControlServer],
        addresses: Mapping[EndpointName, str],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """`open_server` returns a server for an address, not yet entered; `addresses` are those to start with."""
        self.server: ControlServer | None = None
        self.on_change = on_change  # called when an address is bound or closed
        self._publisher, self._open_server = publisher, open_server
        self._addresses = dict(addresses)  # of those that are off, the one to bind again
        self._is_on = dict.fromkeys(ENDPOINT_NAMES, False)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._close_server()

    def address(self, name: EndpointName) -> str:
        """Where this endpoint is bound; "" if it is off."""
        return self._addresses[name] if self._is_on[name] else ""

    def start(self, kept: Mapping[str, EndpointChoice]) -> None:
        """Binds all that are on. A port of the page that is taken leaves its endpoint off, with a warning in the log.

        BindError if another one cannot be bound.
        """
        for name in ENDPOINT_NAMES:
            choice = kept.get(name)
            try:
                self.use(name, choice or EndpointChoice(True, endpoint.port_of(self._addresses[name])))
            except BindError as error:
                if choice is None:
                    raise
                log.warning("the endpoint %s of the page is off: %s", name, error)

    def use(self, name: EndpointName, choice: EndpointChoice) -> None:
        """Switches an endpoint on or off, or moves it; BindError if its port cannot be bound: then nothing changes."""
        with self._lock:
            host = endpoint.split(self._addresses[name])[0]
            address = f"tcp://{host}:{choice.port or '*'}"
            if choice.is_on and (not self._is_on[name] or address != self._addresses[name]):
                self._addresses[name] = self._bound(name, address)
            elif not choice.is_on:
                if self._is_on[name]:
                    self._bind(name, "")
                self._addresses[name] = address
            self._is_on[name] = choice.is_on
        self.on_change()

    def as_json(self) -> list[dict[str, object]]:
        """Each endpoint: its name, address and port, and whether it is on, as JSON values."""
        return [
            {
                "name": name,
                "address": endpoint.for_this_machine(self._addresses[name]),
                **asdict(EndpointChoice(self._is_on[name], endpoint.port_of(self._addresses[name]))),
            }
            for name in ENDPOINT_NAMES
        ]

    def _bound(self, name: EndpointName, address: str) -> str:
        for left in reversed(range(BIND_ATTEMPTS)):
            try:
                return self._bind(name, address)
            except PortInUseError:
                if not left:
                    raise
                time.sleep(BIND_PAUSE_S)
        raise AssertionError("there is at least one attempt")

    def _bind(self, name: EndpointName, address: str) -> str:
        """Binds this address, or closes the endpoint if it is ""; returns the address with its port."""
        publisher = self._publisher
        if name != "control":
            publisher.rebind(name, address)
            return publisher.video_endpoint if name == "video" else publisher.params_endpoint
        server = self._open_server(address).__enter__() if address else None
        self._close_server()
        self.server = server
        port, methods = (endpoint.port_of(server.endpoint), server.names) if server else (0, ())
        publisher.hello = replace(publisher.hello, control=port, methods=methods)
        return server.endpoint if server else ""

    def _close_server(self) -> None:
        if self.server:
            self.server.__exit__(None, None, None)
        self.server = None
