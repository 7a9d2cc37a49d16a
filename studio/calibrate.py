"""`omote calibrate`: measures what Omote cannot know by itself, and keeps it for this user."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from omote.bridge import arkit, endpoint
from omote.calibration.actor_file import ActorError, actor_path, load_actor
from omote.calibration.flame_file import FlameFileError, read_flame
from omote.calibration.flame_map import WEAK, Fitted, fit, is_weak
from omote.calibration.measuring import CalibrationError
from omote.calibration.registration import RegistrationError
from omote.engine.capture import open_source
from omote.engine.photoreal.flame_map import FlameMapError, own_map_path

from . import calibrate_delay, calibrate_session
from .config import USUAL, load_config
from .settings import load_settings, settings_folder

__all__ = ["CalibrationError", "add_arguments", "report", "run"]

FLAME_MAP = "Find how FLAME makes each ARKit shape, from the FLAME file that you have; photoreal characters want it."
REPORT = "Write the page about somebody's last calibration."
DELAY = "Find how much later the sound must come to fit the lips: the Sync Offset in OBS."
SOURCE = "webcam"
KEPT = argparse.SUPPRESS  # what was typed before WHAT holds behind it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """With no WHAT, a guided session finds who performs."""
    parser.epilog = "Without WHAT: a guided session, which finds a person's rest, gains, noise and camera angle."
    _add_who(parser)
    parser.add_argument(
        "--out", type=Path, default=None, metavar="FILE.json", help="else where omote live looks for it"
    )
    parser.add_argument("--report", type=Path, default=None, metavar="FILE.html", help="write a page about it too")
    measures = parser.add_subparsers(dest="measure", required=False, metavar="[WHAT]")
    flame_map = measures.add_parser("flame-map", help=FLAME_MAP, description=FLAME_MAP, allow_abbrev=False)
    flame_map.set_defaults(parser=flame_map)
    flame_map.add_argument(
        "--flame",
        type=Path,
        required=True,
        metavar="FILE",
        help="generic_model.pkl of FLAME 2020; no code in it is run",
    )
    flame_map.add_argument("--out", type=Path, default=KEPT, metavar="FILE", help=f"else {own_map_path()}")
    report = measures.add_parser("report", help=REPORT, description=REPORT, allow_abbrev=False)
    report.set_defaults(parser=report)
    _add_who(report, source=KEPT, actor=KEPT)
    report.add_argument("--file", type=Path, default=None, metavar="FILE.json", help="of this actor file instead")
    report.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    delay = measures.add_parser("delay", help=DELAY, description=DELAY, allow_abbrev=False)
    delay.set_defaults(parser=delay)
    delay.add_argument(
        "--recording",
        type=Path,
        default=None,
        metavar="FILE.mkv",
        help='made by OBS while you say "pa" ten times; else the running Omote is asked',
    )
    delay.add_argument("--sound", type=Path, default=None, metavar="FILE.wav", help="of the recording, else its own")
    delay.add_argument("--control-endpoint", default=endpoint.CONTROL_ENDPOINT, metavar="ADDRESS", help="of omote live")


def _add_who(parser: argparse.ArgumentParser, source: str = SOURCE, actor: str | None = None) -> None:
    parser.add_argument("--source", default=source, help="webcam[:N], TAKE.csv, FILE.mp4 or any other of omote live")
    parser.add_argument("--actor", default=actor, metavar="NAME", help="who it is; else as in the settings")


def run(typed: argparse.Namespace) -> int:
    """Measures, prints what was found and where it is kept; CalibrationError where that cannot be."""
    match typed.measure:
        case "flame-map":
            return _run_flame_map(typed)
        case "report":
            return _run_report(typed)
        case "delay":
            asked = calibrate_delay.Listening(typed.recording, typed.sound, typed.control_endpoint)
            return calibrate_delay.run(asked)
        case _:
            sitting = calibrate_session.Sitting(typed.source, _who(typed), typed.out, typed.report)
            return calibrate_session.run(sitting)


def _who(typed: argparse.Namespace) -> str:
    """Who was named, else who would perform in `omote live`."""
    if typed.actor:
        return str(typed.actor)
    kept = load_settings(settings_folder()).actor
    return load_config(None, replace(USUAL, actor=kept or USUAL.actor)).actor


def _run_report(typed: argparse.Namespace) -> int:
    try:
        kept = load_actor(typed.file or actor_path(_who(typed), open_source(typed.source).name))
    except ActorError as error:
        raise CalibrationError(str(error)) from error
    calibrate_session.write_report(kept, typed.out)
    print(f"report in {typed.out}")
    return 0


def _run_flame_map(typed: argparse.Namespace) -> int:
    place = typed.out or own_map_path()
    try:
        fitted = fit(read_flame(typed.flame))
        fitted.map.save(place)
    except (FlameFileError, RegistrationError, FlameMapError) as error:
        raise CalibrationError(str(error)) from error
    print(report(fitted))
    print(f"\nkept in {place}")
    print("It is derived from your FLAME file, whose licence it is under: keep it to yourself.")
    return 0


def report(fitted: Fitted) -> str:
    """How near the heads came, what FLAME makes of each ARKit shape, and which shapes it hardly makes."""
    found = fitted.map
    near, far = found.apart_mm
    opened, left, right = np.rad2deg(found.jaw_rad)
    lines = [
        f"the open head lies on FLAME's to {near:.2f} mm in the middle, {far:.2f} mm for 95 of 100 points",
        f"the jaw opens by {opened:.1f} degrees, and goes aside by {left:.1f} and {right:.1f}",
        "",
        f"{'shape':<21}made of it",
        *(f"{name:<21}{_made(share, name)}" for name, share in zip(arkit.NAMES, found.explained, strict=True)),
        f"{'all that are solved':<21}{_made(fitted.total)}",
        "",
        _weakness(fitted),
    ]
    return "\n".join(lines)


def _made(share: float, name: str = "") -> str:
    if np.isnan(share):
        return "by nothing: FLAME has no tongue" if name == "tongueOut" else "by eye or lid"
    return f"{100.0 * share:6.1f} %" + ("  weak" if is_weak(share) else "")


def _weakness(fitted: Fitted) -> str:
    if not fitted.weak:
        return f"no shape is weak: FLAME makes {100.0 * WEAK:.0f} % or more of each"
    return f"weak, so hardly seen in photoreal characters: {', '.join(fitted.weak)}"
