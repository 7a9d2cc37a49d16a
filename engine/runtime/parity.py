"""Whether a compiled network still draws the reference's picture: stored inputs, and what PyTorch made of them in f32.

`python -m omote.engine.training.parity_reference` writes both, after each export.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open

from omote.engine.character import load_character
from omote.engine.diffusion import sampler
from omote.engine.weights import NetworkFile

from .build import Build
from .int8 import digest
from .kept import Kept, machine_facts
from .network import Array, Inputs, Network, RuntimeUnavailable

FOLDER = Path(__file__).parents[1] / "weights" / "parity"
INPUTS = "inputs.safetensors"
SAME_DB = 120.0  # of the same picture: an error of 1e-12
# By precision: how near at least, in dB, and how far one level of one pixel may be off, of 255. Rounding to a level may
# fall differently wherever two sums differ in their last bit, so even f32 is allowed a level. At 512, of which the
# network was trained on none, int8 moves a hundred pixels at edges by up to 78.
BOUNDS: dict[str, tuple[float, int]] = {"f32": (70.0, 2), "f16": (44.0, 24), "bf16": (44.0, 24), "int8": (38.0, 112)}


@dataclass(frozen=True)
class Parity:
    """How a network's picture differs from the reference's, in premultiplied colour and alpha."""

    max_abs: int  # levels of 255
    psnr_db: float

    def fits(self, precision: str) -> bool:
        least_db, most = BOUNDS[precision]
        return self.psnr_db >= least_db and self.max_abs <= most


@dataclass(frozen=True)
class Reference:
    """Stored inputs for pictures of the size that the network was trained on; those of other sizes come from them."""

    network: str  # sha256
    inputs: Inputs

    def at(self, size: int, batch: int) -> Inputs:
        """So many times the same picture, its maps resampled."""
        one, grid = self.inputs, size // 2
        parts = vars(one) | {
            "x": sampler.fixed_noise(size),
            "geometry": resampled(one.geometry[0], grid)[None],
            "uv": resampled(one.uv[0].transpose(2, 0, 1), grid).transpose(1, 2, 0)[None],
        }
        return Inputs(**{name: np.ascontiguousarray(np.repeat(part, batch, 0)) for name, part in parts.items()})


def check(network: Network, build: Build, reference: Reference) -> Parity:
    """The difference over all pictures that the build draws at once."""
    drawn = levels(network.run(reference.at(build.size, build.batch)))
    wanted = picture_at(build.size)
    off = drawn.astype(np.float64) - wanted
    error = float(np.square(off / 255.0).mean())
    return Parity(int(np.abs(off).max()), float(-10.0 * np.log10(error + 10.0 ** (-SAME_DB / 10.0))))


def require(network: Network, file: NetworkFile, build: Build, kept: Kept | None = None) -> Parity | None:
    """What `check` finds, remembered; RuntimeUnavailable beyond the bound; None of a network without a reference."""
    reference = stored_reference()
    if file.sha256 != reference.network:
        return None
    kept = kept or Kept()
    facts = _facts(network, file, build)
    parity = _read(kept.get(facts))
    if parity is None:
        parity = check(network, build, reference)
        kept.put(facts, vars(parity))
    precision = precision_of(network)
    if not parity.fits(precision):
        least_db, most = BOUNDS[precision]
        raise RuntimeUnavailable(
            f"{network.name} draws another picture than the reference: {parity.psnr_db:.1f} dB and {parity.max_abs} "
            f"levels off, wanted {least_db:g} dB and {most} levels; choose --runtime openvino-f32"
        )
    return parity


def precision_of(network: Network) -> str:
    """As its name says it, "openvino cpu bf16"."""
    return next((word for word in reversed(network.name.split()) if word in BOUNDS), "f32")


def levels(drawn: Array) -> NDArray[np.uint8]:
    """[B,S,S,4] premultiplied colour and alpha of [B,4,S,S] straight RGBA in -1..1."""
    rounded = np.round((sampler.premultiplied(drawn) * 0.5 + 0.5) * 255.0)
    return np.asarray(rounded.astype(np.uint8).transpose(0, 2, 3, 1))


def resampled(planes: Array, side: int) -> Array:
    """[C,side,side] of [C,G,G], bilinear between the centres of pixels."""
    old = planes.shape[1]
    at = np.clip((np.arange(side) + 0.5) * old / side - 0.5, 0.0, old - 1.0)
    low = np.minimum(at.astype(np.intp), old - 2)
    share = (at - low).astype(np.float32)
    rows = planes[:, low] * (1.0 - share[:, None]) + planes[:, low + 1] * share[:, None]
    return np.asarray(rows[:, :, low] * (1.0 - share) + rows[:, :, low + 1] * share, np.float32)


def picture_at(size: int, folder: Path = FOLDER) -> NDArray[np.uint8]:
    """[S,S,4] what the reference drew."""
    with Image.open(folder / f"{size}.png") as image:
        return np.asarray(image)


@cache
def stored_reference() -> Reference:
    """What is shipped."""
    return read_reference(FOLDER)


def read_reference(folder: Path) -> Reference:
    """What was written to this folder."""
    with safe_open(folder / INPUTS, framework="numpy") as stored:
        words = stored.metadata()
        arrays = {name: stored.get_tensor(name).astype(np.float32) for name in stored.keys()}  # noqa: SIM118
    who = load_character(words["character"])
    told = Inputs(
        x=np.zeros((1, 4, 0, 0), np.float32),
        t=np.ones(1, np.float32),
        texture=who.texture[None],
        identity=who.identity[None],
        bank=who.bank[None],
        present=np.ones((1, 1), np.float32),
        **arrays,
    )
    return Reference(words["network"], told)


def _read(answer: dict[str, object] | None) -> Parity | None:
    """What was kept; None where that is nothing, or no likeness."""
    match answer:
        case {"max_abs": int(max_abs), "psnr_db": float(psnr_db)}:
            return Parity(max_abs, psnr_db)
        case _:
            return None


def _facts(network: Network, file: NetworkFile, build: Build) -> dict[str, object]:
    return {
        "question": "parity",
        "network": file.sha256,
        "name": network.name,
        "build": [build.name, build.size, build.batch],
        "int8": digest() if precision_of(network) == "int8" else "",
        **machine_facts(),
    }
