"""Copies an export to the shipped weights, with the list of files and the parity reference that ONNX Runtime draws.

`python -m omote.engine.training.release --export DIR`; without `--export` only the reference is drawn anew, which every
change of what is drawn needs.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..data import REFERENCE_SIDES, Character, Reference
from ..model import autotune
from ..model.character_file import DEFAULT_CHARACTER, load_character, save_character
from ..model.denoiser import WEIGHTS
from ..model.networks import Networks, face_row
from ..model.renderer import MOST_AT_ONCE
from ..models import WEIGHTS_FOLDER, write_network_list
from ..runtime.session import Build

MODEL = "copy-5"


def release(export: Path, folder: Path, character: Character, model: str = MODEL) -> None:
    """Copies the networks of an export into the folder, lists them, and draws the reference with them."""
    for name in ("denoiser.onnx", "encoder.onnx"):
        shutil.copyfile(export / name, folder / name)
    shutil.copytree(export / WEIGHTS, folder / WEIGHTS, dirs_exist_ok=True)
    write_network_list(folder, model)
    write_reference(folder, character)


def write_reference(folder: Path, character: Character) -> None:
    """Writes a small copy of this character, and a picture of it by the networks in this folder in single precision."""
    path = folder / autotune.CHARACTER
    path.parent.mkdir(exist_ok=True)
    save_character(replace(character, name="parity", references=_nearest(character.references)), path)
    autotune.reference_character.cache_clear()
    picture = autotune.drawn_for_parity(
        Networks(folder, Build("onnxruntime", "f32")), autotune.reference_character(folder)
    )
    # The colours in this file are premultiplied, though viewers expect straight alpha.
    Image.fromarray(picture, "RGBA").save(folder / autotune.PICTURE, optimize=True)


def _nearest(references: Sequence[Reference]) -> tuple[Reference, ...]:
    """Small copies of the first reference and of those with the nearest faces, as many as one picture uses."""
    rows = [face_row(one.params) for one in references]
    order = np.argsort([np.linalg.norm(row - rows[0]) for row in rows], kind="stable")[:MOST_AT_ONCE]
    return tuple(_small(references[k]) for k in order)


def _small(reference: Reference) -> Reference:
    side = (REFERENCE_SIDES[0], REFERENCE_SIDES[0])
    return replace(reference, rgba=np.asarray(cv2.resize(reference.rgba, side, interpolation=cv2.INTER_AREA)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--export", type=Path, help="the folder that the stage `export` wrote; none draws the reference"
    )
    args = parser.parse_args()
    character = load_character(DEFAULT_CHARACTER)
    if args.export:
        release(args.export, WEIGHTS_FOLDER, character)
    else:
        write_reference(WEIGHTS_FOLDER, character)


if __name__ == "__main__":
    main()
