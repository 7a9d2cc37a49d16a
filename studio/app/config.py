"""The settings of a run: command line over config.toml over the defaults."""

from __future__ import annotations

import difflib
import math
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from omote.bridge import endpoint
from omote.bridge.errors import OmoteError
from omote.engine.model.character_file import DEFAULT_CHARACTER
from omote.engine.model.kinds import Settings
from omote.engine.storage import config_folder, user_path

DEFAULT_PAGE_PORT = 8765

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text in quotes"),
    "int": ((int,), "a whole number"),
    "int | None": ((int,), "a whole number"),
    "str | None": ((str,), "a text in quotes"),
    "float": ((int, float), "a number"),
    "float | None": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "Path | None": ((str,), "a path in quotes"),
    "tuple[str, ...]": ((list, tuple), "a list of texts in quotes"),
}
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]{1,255}\Z", re.ASCII)  # as browsers send it; "null" is no site
_ABOVE_ZERO = ("size", "steps", "fps", "speed", "seconds", "budget_ms")


class ConfigError(OmoteError, ValueError):
    """A setting is unknown or invalid; the message names the file, what was expected, and the nearest name."""


@dataclass(frozen=True)
class Config:
    """Every setting of config.toml, by its name there. `omote live` has a flag for each but four: `photoreal`,
    `flame_map`, `allow_noncommercial` and `pose`.
    """

    source: str = "demo"  # what performs: a camera, a phone, a file; see docs/sources.md
    character: str = DEFAULT_CHARACTER  # its name, or the path of its file
    size: int | None = None  # pixels on a side: 256, 384, 512, 768 or 1024; none: 512, or a photoreal character's own
    steps: int = 1  # of the network for each picture: 1, 2 or 4; more cost time and add a little texture
    runtime: str = "auto"  # what runs the network; "auto": the fastest here, found by a trial at the first start
    fps: float | None = None  # pictures a second of a file, instead of its own, or to ask a webcam for
    speed: float | None = None  # of a file: 2 plays it twice as fast
    start_s: float | None = None  # where a take or a video begins, in its own seconds
    end_s: float | None = None  # where a take or a video ends
    loop: bool = False  # start a file again at its end; the demo does so unless offline
    offline: bool = False  # draw every picture of a file, as fast as possible
    seconds: float | None = None  # end after this time; none: when the source ends, or by Ctrl-C
    budget_ms: float | None = None  # hold this latency, from capture to sent, for 95 of 100 pictures; quality gives way
    actor: str = "default"  # the performer, whose calibration is used
    voice: str | None = None  # a microphone: "default", a number or a part of its name; or FILE.wav
    record: Path | None = None  # the take to write: FILE.csv
    report: Path | None = None  # write the figures of the run into this file: FILE.json
    page: bool = True  # serve the control page and the clean page
    page_port: int = DEFAULT_PAGE_PORT  # of both pages; 0: any free port
    page_origin: tuple[str, ...] = ()  # sites whose pages may receive pictures and faces: http://127.0.0.1:8080
    open: bool = False  # open the page in a browser
    params_endpoint: str = endpoint.PARAMS_ENDPOINT  # where games receive faces, by ZeroMQ
    video_endpoint: str = endpoint.VIDEO_ENDPOINT  # where games receive pictures
    control_endpoint: str = endpoint.CONTROL_ENDPOINT  # where games ask for something
    curve: bool = False  # encrypt, and admit only clients with a key
    announce: bool = False  # with curve: announce this sender in the local network by mDNS
    open_local: bool = False  # without curve: admit programs of every user of this machine
    out: tuple[str, ...] = ()  # further outputs: vmc://HOST, ndi; see docs/outputs.md
    label: bool = False  # a small mark "AI" in the corner of every output; hotkey L
    photoreal: Path | None = None  # the folder of the published Arc2Face files; none: as `omote models` lists
    flame_map: Path | None = None  # written by `omote calibrate flame-map`; none: its default path
    allow_noncommercial: bool = False  # allow weights that are not for commercial use
    guidance: float = 1.0  # of photoreal characters; 1 is none, above it each step runs the network twice
    expression_scale: float = 1.0  # how strongly photoreal characters show an expression, 0 to 1.5
    pose: str = "warp"  # what turns the head of photoreal characters in many steps; or "controlnet"

    def for_kinds(self, *, is_live: bool = False) -> Settings:
        """The settings for optional kinds of characters."""
        drawing = ("size", "steps", "runtime", "guidance", "expression_scale", "pose")
        names = ("flame_map", "allow_noncommercial", *drawing)
        return Settings(files=self.photoreal, is_live=is_live, **{name: getattr(self, name) for name in names})


DEFAULTS = Config()


def load_config(path: Path | None = None, defaults: Config = DEFAULTS) -> Config:
    """Reads the settings of this file, or of the user's own if it exists, over the defaults."""
    if path is None:
        path = user_config_path()
        if not path.is_file():
            return defaults
    try:
        changes = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a byte order mark
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}: --config takes a TOML file") from error
    except (OSError, ValueError, RecursionError) as error:  # ValueError also for a number of 5000 digits
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from error
    return with_changes(defaults, changes, where=f"{path}: ")


def with_changes(config: Config, changes: Mapping[str, object], where: str = "") -> Config:
    """Returns a copy with these settings changed; ConfigError, which begins with `where`, if one is invalid."""
    kinds = {field.name: str(field.type) for field in fields(Config)}
    values: dict[str, object] = {}
    for name, value in changes.items():
        if name not in kinds:
            raise ConfigError(f"{where}{_unknown(name, list(kinds))}")
        values[name] = _checked(name, value, kinds[name], where)
    return replace(config, **values)  # type: ignore[arg-type]  # each was checked against its field's type


def without_trials(config: Config) -> Config:
    """Returns a copy in which no trial chooses the runtime, so that pictures are reproducible."""
    return replace(config, runtime="openvino") if config.runtime == "auto" else config


def user_config_path() -> Path:
    """The path of the user's own settings, whether the file exists or not."""
    return config_folder() / "config.toml"


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(known)}"
    return f'no setting is called "{name}"; {hint}'


def _checked(name: str, value: object, kind: str, where: str) -> object:
    if value is None and kind.endswith("| None"):  # only a command sets None
        return None
    types, expected = _KINDS[kind]
    low, high = 0.0, sys.float_info.max
    if name in _ABOVE_ZERO:
        low, expected = math.ulp(0.0), f"{expected} above 0"
    if name == "page_port":
        high, expected = 65535.0, "a port from 0 (any that is free) to 65535"
    is_valid = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    if is_valid and isinstance(value, int | float):
        is_valid = low <= value <= high
    if isinstance(value, list | tuple):
        is_valid = is_valid and all(isinstance(one, str) for one in value)
    if name == "page_origin" and isinstance(value, list | tuple):
        expected = f"{expected} such as http://127.0.0.1:8080, without a path"
        is_valid = is_valid and all(_ORIGIN.match(one) for one in value)
    if not is_valid:
        raise ConfigError(f"{where}{name} must be {expected}, got {value!r}")
    if kind == "Path | None":
        return user_path(str(value))
    if isinstance(value, list):
        return tuple(value)
    return float(value) if kind.startswith("float") and isinstance(value, int) else value


def keys_folder() -> Path:
    """The folder of this machine's keys: $OMOTE_KEYS, else beside the user's settings."""
    changes = os.environ.get("OMOTE_KEYS")
    return user_path(changes) if changes else user_config_path().with_name("keys")
