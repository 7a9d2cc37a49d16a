"""A VTube Studio as far as its plugin API tells tracking parameters: over real WebSockets, on a free port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from websockets.sync.server import Server, ServerConnection, serve

from omote.bridge.outputs.vtubestudio_api import DEFAULTS

TOKEN = "adcd-123-ef09-some-token-string-abcd"
PATIENCE_S = 60.0


class FakeVtubeStudio:
    """Answers as VTube Studio does; its behaviour and what it received are attributes."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.allows = True  # what its user clicks
        self.hesitates: Callable[[float], object] | None = None  # its user, at most so many seconds
        self.asked = 0  # popups
        self.tokens = {TOKEN}  # that it takes
        self.gives = TOKEN
        self.parameters = list(DEFAULTS)
        self.held: set[str] = set()  # of them, by another plugin
        self.created: list[str] = []
        self.takes_created = 100
        self.faces: list[Mapping[str, Any]] = []  # data of InjectParameterDataRequest that were taken
        self.noise: Callable[[], str] | None = None  # said before each answer
        self._heard = threading.Condition()
        self._connections: set[ServerConnection] = set()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._server = serve(self._serve, "127.0.0.1", self.port)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server and self._thread
        self._server.shutdown()
        for connection in list(self._connections):
            connection.socket.close()  # as a program that is gone
        self._thread.join()

    def until(self, claim: Callable[[], bool]) -> None:
        """Waits for what is claimed of what was heard."""
        with self._heard:
            assert self._heard.wait_for(claim, PATIENCE_S), f"{self.asked} popups, {len(self.faces)} faces"

    @property
    def values(self) -> dict[str, float]:
        """The newest face."""
        return {row["id"]: row["value"] for row in self.faces[-1]["parameterValues"]}

    def _serve(self, connection: ServerConnection) -> None:
        self._connections.add(connection)
        is_in = False
        for message in connection:
            request = json.loads(message)
            assert request["apiName"] == "VTubeStudioPublicAPI"
            assert request["apiVersion"] == "1.0"
            assert 1 <= len(request["requestID"]) <= 64
            kind, data = request["messageType"], request.get("data", {})
            if self.noise:
                connection.send(self.noise())
            if self.hesitates and kind == "AuthenticationTokenRequest":
                self.hesitates(PATIENCE_S)
            with self._heard:
                try:
                    answer = self._answer(kind, data, is_in)
                except _RefusedError as refused:
                    answer, kind = refused.args[0], "APIErrorRequest"
                is_in = is_in or answer.get("authenticated", False)
                self._heard.notify_all()
            kind = kind.removesuffix("Request") + ("" if kind == "APIErrorRequest" else "Response")
            said = {"apiName": "VTubeStudioPublicAPI", "requestID": request["requestID"], "messageType": kind}
            connection.send(json.dumps({**said, "timestamp": 1625405710728, "data": answer}))

    def _answer(self, kind: str, data: Mapping[str, Any], is_in: bool) -> dict[str, Any]:
        if kind == "AuthenticationTokenRequest":
            assert 3 <= len(data["pluginName"]) <= 32
            assert 3 <= len(data["pluginDeveloper"]) <= 32
            self.asked += 1
            if not self.allows:
                raise _refused(50, "User has denied API access for your plugin.")
            return {"authenticationToken": self.gives}
        if kind == "AuthenticationRequest":
            return {"authenticated": data["authenticationToken"] in self.tokens, "reason": "as it is"}
        if not is_in or not self.tokens:
            raise _refused(8, "Request requires authentication.")
        return self._let_in(kind, data)

    def _let_in(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        if kind == "InputParameterListRequest":
            rows = [{"name": name, "min": -30, "max": 30} for name in self.parameters]
            return {"modelLoaded": False, "customParameters": [], "defaultParameters": rows}
        if kind == "ParameterCreationRequest":
            name = data["parameterName"]
            assert name.isalnum() and name.isascii() and 4 <= len(name) <= 32
            assert len(data["explanation"]) < 256
            if len(self.created) >= self.takes_created:
                raise _refused(353, "There are too many custom parameters.")
            self.created.append(name)
            return {"parameterName": name}
        assert kind == "InjectParameterDataRequest"
        for row in data["parameterValues"]:
            if row["id"] not in (*self.parameters, *self.created):
                raise _refused(453, f"Parameter {row['id']} not found.")
            if row["id"] in self.held:
                raise _refused(454, "Another plugin already controls a parameter.")
            assert -1e6 <= row["value"] <= 1e6
        self.faces.append(data)
        return {}


class _RefusedError(Exception):
    pass


def _refused(number: int, message: str) -> _RefusedError:
    return _RefusedError({"errorID": number, "message": message})
