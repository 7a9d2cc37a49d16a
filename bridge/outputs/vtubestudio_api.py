"""VTube Studio's plugin API: its requests and errors, the stored token, and a face as its tracking parameters."""

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
from numpy.typing import NDArray

from .. import arkit
from ..arkit import angles_from_rotation
from ..errors import OmoteError
from ..payload import Params

PORT = 8001
PLUGIN = {"pluginName": "Omote", "pluginDeveloper": "The Omote authors"}
ENABLE_HINT = "turn on its plugin API in its settings"  # what a person has to do there
_API = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0"}
_REPLY_S, _POLL_S = 5.0, 0.25

# https://github.com/DenchiSoft/VTubeStudio/blob/master/Files/ErrorID.cs
_API_DISABLED, _NOT_AUTHENTICATED, _DENIED, _REQUEST_PENDING = 1, 8, 50, 51

_log = logging.getLogger(__name__)


class VtsError(OmoteError):
    """VTube Studio did not do what was asked, in one line."""


class DeniedError(VtsError):
    """The person said no."""


class VtsErrorReply(VtsError):
    """An answer that is an error, with its number."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class VtsSocket(Protocol):
    """A WebSocket as `websockets.sync.client.connect` opens it."""

    def send(self, message: str, /) -> None: ...

    def recv(self, timeout: float | None = None) -> str | bytes: ...


class VtsSession:
    """One connection. `is_over` tells whether a person who is asked need not be waited for any longer.

    `say` hears in a line what that person is to do meanwhile.
    """

    def __init__(
        self,
        socket: VtsSocket,
        place: str,
        tokens: TokenStore,
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
        except VtsErrorReply as refusal:
            if refusal.number in (_NOT_AUTHENTICATED, _DENIED):
                raise VtsError("VTube Studio lets Omote in no longer") from refusal
            self._leave_out(params, refusal)

    def _set(self, params: Params, names: Collection[str]) -> None:
        said = {**default_parameters(params), **custom_parameters(params)}
        values = [{"id": name, "value": value} for name, value in said.items() if name in names]
        found = params.presence > 0.0
        self._ask("InjectParameterDataRequest", {"faceFound": found, "mode": "set", "parameterValues": values})

    def _leave_out(self, params: Params, refusal: VtsErrorReply) -> None:
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
            except VtsErrorReply:
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
        except VtsErrorReply as refusal:
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
            except VtsErrorReply as refusal:
                refusals.append(f"{refusal}")
        if refusals:
            _log.warning("VTube Studio made %d of %d parameters: %s", len(made), arkit.COUNT, refusals[0])
        return made

    def _ask(self, kind: str, data: Mapping[str, object], patience_s: float | None = _REPLY_S) -> Mapping[str, object]:
        """The data of the answer; Refusal where that is an error, VtsError where none comes or it makes no sense.

        Without `patience_s` it waits for a person, as long as the run lasts.
        """
        self._asked += 1
        number = f"omote-{self._asked}"
        self._socket.send(json.dumps({**_API, "requestID": number, "messageType": kind, "data": data}))
        until_s = None if patience_s is None else self._clock() + patience_s
        while not self._is_over() and (until_s is None or self._clock() < until_s):
            try:
                answer = _read(self._socket.recv(timeout=_POLL_S))
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
    cures = {_API_DISABLED: f" ({ENABLE_HINT})", _REQUEST_PENDING: " (answer what VTube Studio asks)"}
    raise VtsErrorReply(number, message + cures.get(number, ""))


TOKEN_FILE = "vtubestudio.json"
_MAX_FILE_BYTES = 16384
_TOKEN = re.compile(r"[\x21-\x7e]{1,64}\Z")


class TokenStore:
    """One token for each place; without a folder they are forgotten when Omote ends."""

    def __init__(self, folder: Path | None) -> None:
        self.path = folder / TOKEN_FILE if folder else None
        self._tokens: dict[str, str] = {}

    def load(self, place: str) -> str | None:
        """The token of `host:port`; None where there is none, or none that can be read."""
        if place not in self._tokens:
            self._tokens |= self._kept()
        return self._tokens.get(place)

    def keep(self, place: str, token: str) -> None:
        """Remembers it, in a file that only this user can read where the system has such files."""
        self._tokens = {**self._kept(), **self._tokens, place: token}
        self._write()

    def forget(self, place: str) -> None:
        self._tokens = {**self._kept(), **self._tokens}
        if self._tokens.pop(place, None) is not None:
            self._write()

    def _kept(self) -> dict[str, str]:
        if self.path is None or not self.path.is_file():
            return {}
        try:
            with self.path.open("rb") as file:
                said = json.loads(file.read(_MAX_FILE_BYTES))
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("%s cannot be read (%s): VTube Studio will ask anew", self.path, error)
            return {}
        found = said.items() if isinstance(said, dict) else ()
        return {place: token for place, token in found if is_token(token)}

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
    """As VTube Studio gives them: 1 to 64 letters of ASCII."""
    return isinstance(token, str) and bool(_TOKEN.match(token))


DEFAULTS = (
    *("FaceAngleX", "FaceAngleY", "FaceAngleZ", "FacePositionX", "FacePositionY", "FacePositionZ"),
    *("MouthOpen", "MouthSmile", "EyeOpenLeft", "EyeOpenRight", "EyeLeftX", "EyeLeftY", "EyeRightX", "EyeRightY"),
    *("Brows", "BrowLeftY", "BrowRightY", "TongueOut", "CheekPuff"),
)
_REST = 0.5  # of what has two directions in one number from 0 to 1: a mouth between sad and glad, brows
_MAX_DEG, _MAX_CM = 90.0, 15.0
PREFIX = "Omote"  # so that no parameter of VTube Studio's own, nor of another plugin, has the same name
CUSTOM: Mapping[str, str] = {PREFIX + name[:1].upper() + name[1:]: name for name in arkit.NAMES}


def default_parameters(params: Params) -> dict[str, float]:
    """What VTube Studio has by itself, of the face that the portrait shows."""
    weights = shown_weights(params)

    def of(*names: str) -> float:
        return float(np.mean([weights[arkit.INDEX[name]] for name in names]))

    yaw, pitch, roll = np.degrees(angles_from_rotation(params.neck_pose))
    x, y, z = 100.0 * np.asarray(params.translation, np.float64)
    brows = {
        side: _REST + (of("browInnerUp", f"browOuterUp{side}") - of(f"browDown{side}")) / 2
        for side in ("Left", "Right")
    }
    smile = of("mouthSmileLeft", "mouthSmileRight") - of("mouthFrownLeft", "mouthFrownRight") - of("mouthPucker") / 2
    said = {
        "FaceAngleX": _clamped(-yaw, _MAX_DEG),
        "FaceAngleY": _clamped(-pitch, _MAX_DEG),
        "FaceAngleZ": _clamped(roll, _MAX_DEG),
        "FacePositionX": _clamped(-x, _MAX_CM),
        "FacePositionY": _clamped(y, _MAX_CM),
        "FacePositionZ": _clamped(z, _MAX_CM),
        "MouthOpen": _share(of("jawOpen") - of("mouthClose")),
        "MouthSmile": _share(_REST + smile / 2),
        "EyeOpenLeft": _share(1.0 - of("eyeBlinkLeft")),
        "EyeOpenRight": _share(1.0 - of("eyeBlinkRight")),
        "EyeLeftX": _clamped(of("eyeLookInLeft") - of("eyeLookOutLeft"), 1.0),
        "EyeLeftY": _clamped(of("eyeLookUpLeft") - of("eyeLookDownLeft"), 1.0),
        "EyeRightX": _clamped(of("eyeLookOutRight") - of("eyeLookInRight"), 1.0),
        "EyeRightY": _clamped(of("eyeLookUpRight") - of("eyeLookDownRight"), 1.0),
        "Brows": _share((brows["Left"] + brows["Right"]) / 2),
        "BrowLeftY": _share(brows["Left"]),
        "BrowRightY": _share(brows["Right"]),
        "TongueOut": _share(of("tongueOut")),
        "CheekPuff": _share(of("cheekPuff")),
    }
    return {name: round(value, 5) + 0.0 for name, value in said.items()}  # no -0.0


def custom_parameters(params: Params) -> dict[str, float]:
    """The 52 ARKit weights under names of our own: OmoteJawOpen."""
    weights = shown_weights(params)
    return {name: round(_share(float(weights[arkit.INDEX[own]])), 5) for name, own in CUSTOM.items()}


def shown_weights(params: Params) -> NDArray[np.float32]:
    """[52] what the portrait shows; what was seen, where the sender does not say."""
    return params.weights if params.shown_weights is None else params.shown_weights


def _share(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)


def _clamped(value: float, most: float) -> float:
    return min(max(float(value), -most), most)
