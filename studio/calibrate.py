"""`omote calibrate`: measures what Omote cannot know by itself, and keeps it for this user."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from omote.bridge import arkit
from omote.calibration.flame_file import FlameFileError, read_flame
from omote.calibration.flame_map import WEAK, Fitted, fit, is_weak
from omote.calibration.registration import RegistrationError
from omote.engine.photoreal.flame_map import FlameMapError, own_map_path

FLAME_MAP = "Find how FLAME makes each ARKit shape, from the FLAME file that you have; photoreal characters want it."


class CalibrationError(ValueError):
    """Nothing was measured, and nothing written; the message says why and the cure."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    measures = parser.add_subparsers(dest="measure", required=True, metavar="WHAT")
    flame_map = measures.add_parser("flame-map", help=FLAME_MAP, description=FLAME_MAP, allow_abbrev=False)
    flame_map.set_defaults(parser=flame_map)
    flame_map.add_argument(
        "--flame",
        type=Path,
        required=True,
        metavar="FILE",
        help="generic_model.pkl of FLAME 2020; no code in it is run",
    )
    flame_map.add_argument("--out", type=Path, default=None, metavar="FILE", help=f"else {own_map_path()}")


def run(typed: argparse.Namespace) -> int:
    """Measures, prints what was found and where it is kept; CalibrationError where that cannot be."""
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
