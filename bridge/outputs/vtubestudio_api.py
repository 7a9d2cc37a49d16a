"""VTube Studio's plugin API: requests and errors, the stored token, and the tracking parameters of a face."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from .. import arkit
from ..arkit import angles_from_rotation
from ..errors import OmoteError
from ..fields import Fields
from ..payload import Params

PORT = 8001
PLUGIN = {"pluginName": "Omote", "pluginDeveloper": "The Omote authors"}
ENABLE_HINT = "turn on its plugin API in its settings"
TOKEN_FILE = "vtubestudio.json"
DEFAULTS = (
    *("FaceAngleX", "FaceAngleY", "FaceAngleZ", "FacePositionX", "FacePositionY", "FacePositionZ"),
    *("MouthOpen", "MouthSmile", "EyeOpenLeft", "EyeOpenRight", "EyeLeftX", "EyeLeftY", "EyeRightX", "EyeRightY"),
    *("Brows", "BrowLeftY", "BrowRightY", "TongueOut", "CheekPuff"),
)
PREFIX = "Omote"  # keeps our parameters apart from those of VTube Studio and of other plugins
CUSTOM: Mapping[str, str] = {PREFIX + name[:1].upper() + name[1:]: name for name in arkit.NAMES}

_API = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0"}
_REPLY_S, _POLL_S = 5.0, 0.25
_MAX_FILE_BYTES = 16384
_TOKEN = re.compile(r"[\x21-\x7e]{1,64}\Z")
_REST = 0.5  # of parameters with two directions in 0 to 1: the corners of the mouth, brows
_MAX_DEG, _MAX_CM = 90.0, 15.0

# https://github.com/DenchiSoft/VTubeStudio/blob/master/Files/ErrorID.cs
_API_DISABLED, _NOT_AUTHENTICATED, _DENIED, _REQUEST_PENDING = 1, 8, 50, 51

_log = logging.getLogger(__name__)


class VtsError(OmoteError):
    """VTube Studio did not do what was requested; the message is one line."""


class DeniedError(VtsError):
    """The user refused."""


class VtsErrorReply(VtsError):
    """VTube Studio answered with an error, which has a number."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class VtsSocket(Protocol):
    """A WebSocket as `websockets.sync.client.connect` opens it."""

    def send(self, message: str, /) -> None: ...

    def recv(self, timeout: float | None = None) -> str | bytes: ...


class VtsSession:
    """One connection. Waiting for the user's answer ends when `is_stopping` returns True.

    `report` gets a line that says what the user has to do meanwhile.
    """

    def __init__(
        self,
        socket: VtsSocket,
        place: str,
        tokens: TokenStore,
        is_stopping: Callable[[], bool],
        report: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._socket, self._place, self._tokens = socket, place, tokens
        self._is_stopping, self._report, self._clock = is_stopping, report, clock
        self._requests = 0
        self._known: set[str] = set()  # the parameters that VTube Studio takes

    def begin(self, has_arkit: bool) -> None:
        """Authenticates and lists the parameters; VtsError where that fails, DeniedError where the user refuses."""
        self._authenticate()
        self._known = self._parameters()
        missing = sorted(set(DEFAULTS) - self._known)
        if missing:
            _log.warning("VTube Studio has no parameters called %s; the others are sent", ", ".join(missing))
        if has_arkit:
            self._known |= self._create_custom()

    def inject(self, params: Params) -> None:
        """Sends this face; VtsError where the connection has to be opened again."""
        try:
            self._set(params, self._known)
        except VtsErrorReply as refusal:
            if refusal.number in (_NOT_AUTHENTICATED, _DENIED):
                raise VtsError("VTube Studio no longer allows Omote") from refusal
            self._leave_out(params, refusal)

    def _set(self, params: Params, names: Collection[str]) -> None:
        parameters = {**default_parameters(params), **custom_parameters(params)}
        values = [{"id": name, "value": value} for name, value in parameters.items() if name in names]
        has_face = params.presence > 0.0
        self._request("InjectParameterDataRequest", {"faceFound": has_face, "mode": "set", "parameterValues": values})

    def _leave_out(self, params: Params, refusal: VtsErrorReply) -> None:
        """Drops the parameters that are gone or controlled by another plugin, because one of them fails a request."""
        words = set(re.findall(r"\w+", str(refusal)))
        gone = self._known & words or self._known - self._parameters() or self._refused(params)
        if not gone or gone == self._known:
            raise VtsError(f"VTube Studio takes no parameters: {refusal}") from refusal
        self._known -= gone
        _log.warning("VTube Studio: %s; %s is left out from now on", refusal, ", ".join(sorted(gone)))

    def _refused(self, params: Params) -> set[str]:
        """The parameters that VTube Studio refuses, tried one by one, because its error does not always name them."""
        refused = set()
        for name in self._known:
            try:
                self._set(params, {name})
            except VtsErrorReply:
                refused.add(name)
        return refused

    def _authenticate(self) -> None:
        token = self._tokens.load(self._place)
        if token is not None and self._is_accepted(token):
            return
        if token is not None:
            _log.warning("VTube Studio no longer accepts the token: it is asked for a new one")
            self._tokens.forget(self._place)
        token = self._new_token()
        if not self._is_accepted(token):
            raise VtsError("VTube Studio refuses the token that it has just given")
        self._tokens.store(self._place, token)

    def _is_accepted(self, token: str) -> bool:
        reply = self._request("AuthenticationRequest", {**PLUGIN, "authenticationToken": token})
        return reply.get("authenticated") is True

    def _new_token(self) -> str:
        self._report("VTube Studio asks whether to allow Omote: click Allow there")
        try:
            token = self._request("AuthenticationTokenRequest", PLUGIN, timeout_s=None).get("authenticationToken")
        except VtsErrorReply as refusal:
            if refusal.number == _DENIED:
                denial = "Omote was denied in VTube Studio; restart Omote to be asked again"
                raise DeniedError(denial) from refusal
            raise
        if not isinstance(token, str) or not is_token(token):
            raise VtsError(f"VTube Studio gave an invalid token: {token!r:.80}")
        return token

    def _parameters(self) -> set[str]:
        reply = self._request("InputParameterListRequest", {})
        rows = [reply.get("defaultParameters"), reply.get("customParameters")]
        found = [row for part in rows if isinstance(part, list) for row in part if isinstance(row, dict)]
        names = {row["name"] for row in found if isinstance(row.get("name"), str)}
        return names & {*DEFAULTS, *CUSTOM}

    def _create_custom(self) -> set[str]:
        """Creates the 52 ARKit parameters, which VTube Studio keeps; creating them again changes nothing."""
        made, refusals = set(), []
        for name, own in CUSTOM.items():
            about = {"parameterName": name, "explanation": f"ARKit's {own}, as Omote shows it"}
            try:
                self._request("ParameterCreationRequest", {**about, "min": 0.0, "max": 1.0, "defaultValue": 0.0})
                made.add(name)
            except VtsErrorReply as refusal:
                refusals.append(f"{refusal}")
        if refusals:
            _log.warning("VTube Studio made %d of %d parameters: %s", len(made), arkit.COUNT, refusals[0])
        return made

    def _request(self, kind: str, data: Fields, timeout_s: float | None = _REPLY_S) -> Fields:
        """The data of the reply; VtsErrorReply where it is an error, VtsError where there is none or it is malformed.

        Without `timeout_s` it waits for the user until the sender stops.
        """
        self._requests += 1
        number = f"omote-{self._requests}"
        self._socket.send(json.dumps({**_API, "requestID": number, "messageType": kind, "data": data}))
        until_s = None if timeout_s is None else self._clock() + timeout_s
        while not self._is_stopping() and (until_s is None or self._clock() < until_s):
            try:
                reply = _decode(self._socket.recv(timeout=_POLL_S))
            except TimeoutError:
                continue
            if reply.get("requestID") == number:
                return _data(reply)
        raise VtsError(f"VTube Studio did not answer {kind}")


def _decode(message: str | bytes) -> Fields:
    try:
        reply = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise VtsError(f"this is not VTube Studio: it sent {message!r:.80}, which is not JSON") from error
    if not isinstance(reply, dict):
        raise VtsError(f"this is not VTube Studio: it sent {message!r:.80}, which is not a map")
    return reply


def _data(reply: Fields) -> Fields:
    data = reply.get("data")
    data = data if isinstance(data, dict) else {}
    if reply.get("messageType") != "APIError":
        return data
    number, message = data.get("errorID"), " ".join(f"{data.get('message', 'an error')}".split())[:200]
    number = number if isinstance(number, int) else -1
    cures = {_API_DISABLED: f" ({ENABLE_HINT})", _REQUEST_PENDING: " (answer the question in VTube Studio)"}
    raise VtsErrorReply(number, message + cures.get(number, ""))


class TokenStore:
    """One token for each `host:port`, in a file of the folder; without a folder, only in memory."""

    def __init__(self, folder: Path | None) -> None:
        self.path = folder / TOKEN_FILE if folder else None
        self._tokens: dict[str, str] = {}

    def load(self, place: str) -> str | None:
        """The token of this `host:port`; None where there is none, or where the file cannot be read."""
        if place not in self._tokens:
            self._tokens |= self._read()
        return self._tokens.get(place)

    def store(self, place: str, token: str) -> None:
        """Stores the token, in a file that only this user can read (on POSIX systems)."""
        self._tokens = {**self._read(), **self._tokens, place: token}
        self._write()

    def forget(self, place: str) -> None:
        self._tokens = {**self._read(), **self._tokens}
        if self._tokens.pop(place, None) is not None:
            self._write()

    def _read(self) -> dict[str, str]:
        if self.path is None or not self.path.is_file():
            return {}
        try:
            with self.path.open("rb") as file:
                stored = json.loads(file.read(_MAX_FILE_BYTES))
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("%s cannot be read (%s): VTube Studio will ask again", self.path, error)
            return {}
        items = stored.items() if isinstance(stored, dict) else ()
        return {place: token for place, token in items if is_token(token)}

    def _write(self) -> None:
        if self.path is None:
            return
        new = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                json.dump(self._tokens, file)
            new.replace(self.path)
        except OSError as error:
            _log.warning("%s cannot be written (%s): VTube Studio will ask again next time", self.path, error)


def is_token(token: object) -> bool:
    """Whether this is 1 to 64 printable ASCII letters, as VTube Studio's tokens are."""
    return isinstance(token, str) and bool(_TOKEN.match(token))


def default_parameters(params: Params) -> dict[str, float]:
    """VTube Studio's own parameters, for the face that the portrait shows."""
    weights = params.portrait_weights

    def of(*names: str) -> float:
        return float(np.mean([weights[arkit.INDEX[name]] for name in names]))

    yaw, pitch, roll = np.degrees(angles_from_rotation(params.neck_pose))
    x, y, z = 100.0 * np.asarray(params.translation, np.float64)
    brows = {
        side: _REST + (of("browInnerUp", f"browOuterUp{side}") - of(f"browDown{side}")) / 2
        for side in ("Left", "Right")
    }
    smile = of("mouthSmileLeft", "mouthSmileRight") - of("mouthFrownLeft", "mouthFrownRight") - of("mouthPucker") / 2
    values = {
        "FaceAngleX": _clamp(-yaw, _MAX_DEG),
        "FaceAngleY": _clamp(-pitch, _MAX_DEG),
        "FaceAngleZ": _clamp(roll, _MAX_DEG),
        "FacePositionX": _clamp(-x, _MAX_CM),
        "FacePositionY": _clamp(y, _MAX_CM),
        "FacePositionZ": _clamp(z, _MAX_CM),
        "MouthOpen": _unit(of("jawOpen") - of("mouthClose")),
        "MouthSmile": _unit(_REST + smile / 2),
        "EyeOpenLeft": _unit(1.0 - of("eyeBlinkLeft")),
        "EyeOpenRight": _unit(1.0 - of("eyeBlinkRight")),
        "EyeLeftX": _clamp(of("eyeLookInLeft") - of("eyeLookOutLeft"), 1.0),
        "EyeLeftY": _clamp(of("eyeLookUpLeft") - of("eyeLookDownLeft"), 1.0),
        "EyeRightX": _clamp(of("eyeLookOutRight") - of("eyeLookInRight"), 1.0),
        "EyeRightY": _clamp(of("eyeLookUpRight") - of("eyeLookDownRight"), 1.0),
        "Brows": _unit((brows["Left"] + brows["Right"]) / 2),
        "BrowLeftY": _unit(brows["Left"]),
        "BrowRightY": _unit(brows["Right"]),
        "TongueOut": _unit(of("tongueOut")),
        "CheekPuff": _unit(of("cheekPuff")),
    }
    return {name: round(value, 5) + 0.0 for name, value in values.items()}  # no -0.0


def custom_parameters(params: Params) -> dict[str, float]:
    """The 52 ARKit weights under our own names, as OmoteJawOpen."""
    weights = params.portrait_weights
    return {name: round(_unit(float(weights[arkit.INDEX[own]])), 5) for name, own in CUSTOM.items()}


def _unit(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)


def _clamp(value: float, most: float) -> float:
    return min(max(float(value), -most), most)
