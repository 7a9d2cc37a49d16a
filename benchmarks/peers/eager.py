"""The shipped denoiser as a plain torch module with the shipped weights, as a user of diffusers would have it."""

from __future__ import annotations

from omote.engine.diffusion import shipped
from omote.engine.diffusion.denoiser import Denoiser, Shape
from omote.engine.diffusion.flat import Flat
from omote.engine.weights import NetworkFile


def eager() -> Flat:
    """The denoiser, untrained."""
    return Flat(Denoiser(Shape()))


def loaded(file: NetworkFile) -> Flat:
    """With the shipped weights; ValueError where the file lacks more than what the export never calls."""
    network = eager()
    told = network.load_state_dict(shipped.network(file.path), strict=False)
    lacking = [name for name in told.missing_keys if not name.startswith("denoiser.remember.")]
    if lacking or told.unexpected_keys:
        raise ValueError(f"{file.file} lacks {len(lacking)} weights of the denoiser: {lacking[:3]}")
    return network.eval()
