"""The settings of a run: command line over config.toml over the defaults."""

from __future__ import annotations

import difflib
import math
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from omote.bridge import endpoint
from omote.bridge.errors import OmoteError
from omote.engine.model.character_file import DEFAULT_CHARACTER
from omote.engine.storage import config_folder

from .ports import DEFAULT_PAGE_PORT


class ConfigError(OmoteError, ValueError):
    """A setting is unknown or cannot be; the message says where it stands, what was wanted, and the nearest name."""


@dataclass(frozen=True)
class Config:
    """Every setting that a file may hold, under these names; `omote live` has a flag for each but the last three."""

    source: str = "demo"  # as `engine.open_source` takes it
    character: str = DEFAULT_CHARACTER  # a shipped name, or a file's path
    size: int | None = None  # pixels; None: 512, or a photoreal character's own
    steps: int = 1
    runtime: str = "auto"  # the fastest of this machine, found by a trial at the first start
    fps: float | None = None  # of a file, instead of its own; of a webcam, what it is asked for
    speed: float | None = None  # of a file: 2 plays it twice as fast; None: as it was recorded
    start_s: float | None = None  # of a take or a video, where it begins, in its own seconds
    end_s: float | None = None  # and where it ends
    loop: bool = False  # a file begins again at its end; the demo always does, but offline
    offline: bool = False  # a file is drawn picture by picture, as fast as that goes
    seconds: float | None = None  # None: until the source ends, or Ctrl-C
    budget_ms: float | None = None  # for the p95 of capture to sent: below it quality is given up; None: no budget
    actor: str = "default"  # whose calibration is used: one for each person, kept for each of their cameras
    record: Path | None = None  # a take of what is performed
    report: Path | None = None
    page: bool = True
    page_port: int = DEFAULT_PAGE_PORT
    open: bool = False  # the page, in a browser
    params_endpoint: str = endpoint.PARAMS_ENDPOINT
    video_endpoint: str = endpoint.VIDEO_ENDPOINT
    control_endpoint: str = endpoint.CONTROL_ENDPOINT
    curve: bool = False  # encrypted, and only for clients that are let in
    open_local: bool = False  # without curve: for programs of every user of this machine
    out: tuple[str, ...] = ()  # where faces and pictures go besides: vmc://HOST, ndi; see docs/outputs.md
    photoreal: Path | None = None  # the folder of the published Arc2Face files; None: where `omote models` says
    flame_map: Path | None = None  # of `omote calibrate flame-map`; None: where that keeps it
    allow_noncommercial: bool = False  # weights that nobody may earn money with


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text in quotes"),
    "int": ((int,), "a whole number"),
    "int | None": ((int,), "a whole number"),
    "float | None": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "Path | None": ((str,), "a path in quotes"),
    "tuple[str, ...]": ((list, tuple), "a list of texts in quotes"),
}
_ABOVE_ZERO = ("size", "steps", "fps", "speed", "seconds", "budget_ms")


DEFAULTS = Config()


def load_config(path: Path | None = None, usual: Config = DEFAULTS) -> Config:
    """The settings in this file, or in the user's own where that is there; the usual ones for what they do not say."""
    if path is None:
        path = user_config_path()
        if not path.is_file():
            return usual
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows may put a mark before it
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}: --config wants a TOML file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from error
    return with_changes(usual, said, where=f"{path}: ")


def with_changes(config: Config, said: Mapping[str, object], where: str = "") -> Config:
    """The same settings but for what is `said`; ConfigError, which begins with `where`, if that makes no sense."""
    kinds = {field.name: str(field.type) for field in fields(Config)}
    values: dict[str, object] = {}
    for name, value in said.items():
        if name not in kinds:
            raise ConfigError(f"{where}{_unknown(name, list(kinds))}")
        values[name] = _checked(name, value, kinds[name], where)
    return replace(config, **values)  # type: ignore[arg-type]  # each was checked against its field's type


def without_trials(config: Config) -> Config:
    """The same, but no trial decides what draws: for pictures that are to be the same each time."""
    return replace(config, runtime="openvino") if config.runtime == "auto" else config


def user_config_path() -> Path:
    """Where the user's own settings stand, if anywhere."""
    return config_folder() / "config.toml"


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(known)}"
    return f'no setting is called "{name}"; {hint}'


def _checked(name: str, value: object, kind: str, where: str) -> object:
    if value is None and kind.endswith("| None"):  # which no file says, but a command may
        return None
    types, wanted = _KINDS[kind]
    least, most = 0.0, sys.float_info.max
    if name in _ABOVE_ZERO:
        least, wanted = math.ulp(0.0), f"{wanted} above 0"
    if name == "page_port":
        most, wanted = 65535.0, "a port from 0 (any that is free) to 65535"
    is_fit = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    if is_fit and isinstance(value, int | float):
        is_fit = least <= value <= most
    if isinstance(value, list | tuple):
        is_fit = is_fit and all(isinstance(one, str) for one in value)
    if not is_fit:
        raise ConfigError(f"{where}{name} must be {wanted}, got {value!r}")
    if kind == "Path | None":
        return Path(str(value)).expanduser()
    if isinstance(value, list):
        return tuple(value)
    return float(value) if kind == "float | None" and isinstance(value, int) else value


def keys_folder() -> Path:
    """Where this machine's keys stand: beside the user's settings, or where OMOTE_KEYS says."""
    said = os.environ.get("OMOTE_KEYS")
    return Path(said).expanduser() if said else user_config_path().with_name("keys")
