"""Whether a compiled denoiser still draws the reference's pictures of a small character.

`python -m omote.engine.training.release` writes them, after each export.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.engine.face.light import studio_light
from omote.engine.nouns import Character, FlameParams
from omote.engine.runtime.kept import Kept, machine_facts
from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.weights import FOLDER, WeightsError, digest

from .character import load
from .compositing import premultiplied
from .networks import Networks
from .renderer import Renderer

CHARACTER, PICTURE = "parity/character.omote", "parity/picture.png"
SIZE = 256
SAME_DB = 120.0  # of the same picture: an error of 1e-12
# By precision: how near at least, in dB, and how far one level of one pixel may be off, of 255. Rounding to a level may
# fall differently wherever two sums differ in their last bit, so even f32 is allowed a few; an edge that moves by a
# part of a pixel changes it by many levels.
BOUNDS: dict[str, tuple[float, int]] = {"f32": (60.0, 16), "f16": (42.0, 96), "bf16": (36.0, 160)}
_TURN, _OPEN = np.array((0.1, 0.0, 0.05), np.float32), np.array((0.1, 0.0, 0.0), np.float32)  # radians


@dataclass(frozen=True)
class Parity:
    """How pictures differ from the reference's, in premultiplied colour and alpha."""

    max_abs: int  # levels of 255
    psnr_db: float

    def fits(self, precision: str) -> bool:
        least_db, most = BOUNDS[precision]
        return self.psnr_db >= least_db and self.max_abs <= most


@cache
def reference_character(folder: Path = FOLDER) -> Character:
    """The character that is drawn; WeightsError where it is missing or damaged."""
    try:
        return load(folder / CHARACTER)
    except ValueError as error:
        raise WeightsError(f"the parity reference cannot be read ({error}): install Omote again") from error


def drawn(networks: Networks, character: Character) -> NDArray[np.uint8]:
    """[S,S,4] premultiplied: a face between those of all references, from which it is copied."""
    renderer = Renderer(networks)
    middle = np.stack([one.params.vector() for one in character.references]).mean(0)
    face = FlameParams.from_vector(np.asarray(middle, np.float32))
    face = replace(face, neck_pose=face.neck_pose + _TURN, jaw_pose=face.jaw_pose + _OPEN)
    return premultiplied(renderer.draw(renderer.look(character), face, studio_light(), SIZE), SIZE)


def check(networks: Networks, folder: Path = FOLDER) -> Parity:
    """The difference from the reference's picture."""
    with Image.open(folder / PICTURE) as image:
        wanted = np.asarray(image)
    off = drawn(networks, reference_character(folder)).astype(np.float64) - wanted
    error = float(np.square(off / 255.0).mean())
    return Parity(int(np.abs(off).max()), float(-10.0 * np.log10(error + 10.0 ** (-SAME_DB / 10.0))))


def require(networks: Networks, kept: Kept | None = None) -> Parity | None:
    """What `check` finds, remembered; None of networks that have no reference; RuntimeUnavailable beyond the bound.

    A denoiser must be open, so that it is known what runs.
    """
    folder = networks.files.denoiser.path.parent
    if not (folder / CHARACTER).is_file():
        return None
    kept = kept or Kept()
    facts = _facts(networks, folder)
    parity = _read(kept.get(facts))
    if parity is None:
        parity = check(networks, folder)
        kept.put(facts, vars(parity))
    precision = precision_of(networks.name)
    if not parity.fits(precision):
        least_db, most = BOUNDS[precision]
        raise RuntimeUnavailable(
            f"{networks.name} draws another picture than the reference: {parity.psnr_db:.1f} dB and {parity.max_abs} "
            f"levels off, wanted {least_db:g} dB and {most} levels; choose --runtime openvino-f32"
        )
    return parity


def precision_of(name: str) -> str:
    """As a session's name says it, "openvino cpu bf16"."""
    return next((word for word in reversed(name.split()) if word in BOUNDS), "f32")


def _read(answer: dict[str, object] | None) -> Parity | None:
    """What was kept; None where that is nothing, or no likeness."""
    match answer:
        case {"max_abs": int(max_abs), "psnr_db": float(psnr_db)}:
            return Parity(max_abs, psnr_db)
        case _:
            return None


def _facts(networks: Networks, folder: Path) -> dict[str, object]:
    return {
        "question": "parity",
        "networks": [file.sha256 for file in networks.files.networks],
        "reference": digest(folder / CHARACTER),
        "name": networks.name,
        "build": networks.build.name,
        **machine_facts(),
    }
