"""What is said to VTube Studio in one connection: its JSON requests, their answers, and what its errors mean."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from .. import arkit
from ..payload import Params
from .vtubestudio_parameters import CUSTOM, DEFAULTS, custom_parameters, default_parameters
from .vtubestudio_token import Tokens, is_token

PORT = 8001
PLUGIN = {"pluginName": "Omote", "pluginDeveloper": "The Omote authors"}
ALLOW = "turn on its plugin API in its settings"  # what a person has to do there
_API = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0"}
_ANSWER_S, _TURN_S = 5.0, 0.25

# https://github.com/DenchiSoft/VTubeStudio/blob/master/Files/ErrorID.cs
_API_IS_OFF, _NOT_LET_IN, _DENIED, _IS_ASKING = 1, 8, 50, 51

_log = logging.getLogger(__name__)


class VtsError(Exception):
    """VTube Studio did not do what was asked, in one line."""


class DeniedError(VtsError):
    """The person said no."""


class Refusal(VtsError):
    """An answer that is an error, with its number."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class Socket(Protocol):
    """A WebSocket as `websockets.sync.client.connect` opens it."""

    def send(self, message: str, /) -> None: ...

    def recv(self, timeout: float | None = None) -> str | bytes: ...


class Session:
    """One connection. `is_over` tells whether a person who is asked need not be waited for any longer.

    `say` hears in a line what that person is to do meanwhile.
    """

    def __init__(
        self,
        socket: Socket,
        place: str,
        tokens: Tokens,
        is_over: Callable[[], bool],
        say: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._socket, self._place, self._tokens = socket, place, tokens
        self._is_over, self._say, self._clock = is_over, say, clock
        self._asked = 0
        self._known: set[str] = set()  # the parameters that it takes

    def begin(self, has_arkit: bool) -> None:
        """Is let in, and finds out which parameters there are; VtsError where that fails, DeniedError for good."""
        self._authenticate()
        self._known = self._parameters()
        missing = sorted(set(DEFAULTS) - self._known)
        if missing:
            _log.warning("VTube Studio has no parameters called %s; the others are sent", ", ".join(missing))
        if has_arkit:
            self._known |= self._created()

    def inject(self, params: Params) -> None:
        """Sends this face; VtsError where the connection is of no more use."""
        try:
            self._set(params, self._known)
        except Refusal as refusal:
            if refusal.number in (_NOT_LET_IN, _DENIED):
                raise VtsError("VTube Studio lets Omote in no longer") from refusal
            self._leave_out(params, refusal)

    def _set(self, params: Params, names: Collection[str]) -> None:
        said = {**default_parameters(params), **custom_parameters(params)}
        values = [{"id": name, "value": value} for name, value in said.items() if name in names]
        found = params.presence > 0.0
        self._ask("InjectParameterDataRequest", {"faceFound": found, "mode": "set", "parameterValues": values})

    def _leave_out(self, params: Params, refusal: Refusal) -> None:
        """One parameter that is gone, or is another plugin's, fails the whole request: the rest goes on without it."""
        words = set(re.findall(r"\w+", str(refusal)))
        gone = self._known & words or self._known - self._parameters() or self._refused(params)
        if not gone or gone == self._known:
            raise VtsError(f"VTube Studio takes no parameters: {refusal}") from refusal
        self._known -= gone
        _log.warning("VTube Studio: %s; %s is left out from now on", refusal, ", ".join(sorted(gone)))

    def _refused(self, params: Params) -> set[str]:
        """Those that it does not take one by one, where its error names none."""
        refused = set()
        for name in self._known:
            try:
                self._set(params, {name})
            except Refusal:
                refused.add(name)
        return refused

    def _authenticate(self) -> None:
        token = self._tokens.load(self._place)
        if token is not None and self._is_let_in(token):
            return
        if token is not None:
            _log.warning("VTube Studio knows the token no longer: it is asked for a new one")
            self._tokens.forget(self._place)
        token = self._new_token()
        if not self._is_let_in(token):
            raise VtsError("VTube Studio refuses the token that it has just given")
        self._tokens.keep(self._place, token)

    def _is_let_in(self, token: str) -> bool:
        said = self._ask("AuthenticationRequest", {**PLUGIN, "authenticationToken": token})
        return said.get("authenticated") is True

    def _new_token(self) -> str:
        self._say("VTube Studio asks whether Omote may move its model: click Allow there")
        try:
            token = self._ask("AuthenticationTokenRequest", PLUGIN, patience_s=None).get("authenticationToken")
        except Refusal as refusal:
            if refusal.number == _DENIED:
                raise DeniedError(
                    "VTube Studio was told not to let Omote in; start Omote anew to be asked again"
                ) from (refusal)
            raise
        if not isinstance(token, str) or not is_token(token):
            raise VtsError(f"VTube Studio gave no token of 1 to 64 letters, but {token!r:.80}")
        return token

    def _parameters(self) -> set[str]:
        said = self._ask("InputParameterListRequest", {})
        rows = [said.get("defaultParameters"), said.get("customParameters")]
        found = [row for part in rows if isinstance(part, list) for row in part if isinstance(row, dict)]
        names = {row["name"] for row in found if isinstance(row.get("name"), str)}
        return names & {*DEFAULTS, *CUSTOM}

    def _created(self) -> set[str]:
        """The 52 of ARKit; they stay in VTube Studio, and creating them again changes nothing."""
        made, refusals = set(), []
        for name, own in CUSTOM.items():
            about = {"parameterName": name, "explanation": f"ARKit's {own}, as Omote shows it"}
            try:
                self._ask("ParameterCreationRequest", {**about, "min": 0.0, "max": 1.0, "defaultValue": 0.0})
                made.add(name)
            except Refusal as refusal:
                refusals.append(f"{refusal}")
        if refusals:
            _log.warning("VTube Studio made %d of %d parameters: %s", len(made), arkit.COUNT, refusals[0])
        return made

    def _ask(self, kind: str, data: Mapping[str, object], patience_s: float | None = _ANSWER_S) -> Mapping[str, object]:
        """The data of the answer; Refusal where that is an error, VtsError where none comes or it makes no sense.

        Without `patience_s` it waits for a person, as long as the run lasts.
        """
        self._asked += 1
        number = f"omote-{self._asked}"
        self._socket.send(json.dumps({**_API, "requestID": number, "messageType": kind, "data": data}))
        until_s = None if patience_s is None else self._clock() + patience_s
        while not self._is_over() and (until_s is None or self._clock() < until_s):
            try:
                answer = _read(self._socket.recv(timeout=_TURN_S))
            except TimeoutError:
                continue
            if answer.get("requestID") == number:
                return _data(answer)
        raise VtsError(f"VTube Studio did not answer {kind}")


def _read(message: str | bytes) -> Mapping[str, object]:
    try:
        said = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise VtsError(f"this is not VTube Studio: it says {message!r:.80}, which is no JSON") from error
    if not isinstance(said, dict):
        raise VtsError(f"this is not VTube Studio: it says {message!r:.80}, which is no map")
    return said


def _data(answer: Mapping[str, object]) -> Mapping[str, object]:
    data = answer.get("data")
    data = data if isinstance(data, dict) else {}
    if answer.get("messageType") != "APIError":
        return data
    number, message = data.get("errorID"), " ".join(f"{data.get('message', 'an error')}".split())[:200]
    number = number if isinstance(number, int) else -1
    cures = {_API_IS_OFF: f" ({ALLOW})", _IS_ASKING: " (answer what VTube Studio asks)"}
    raise Refusal(number, message + cures.get(number, ""))
