"""Omote's own network and compositing, by the runtime that shows pictures live."""

from __future__ import annotations

from itertools import cycle

from network import CHARACTER, frame_requests, layers_of

from omote.engine.model.character_file import load_character
from omote.engine.model.compositing import compose
from omote.engine.model.networks import Networks, denoiser_shapes
from omote.engine.model.renderer import Renderer
from omote.engine.models import WEIGHTS_FOLDER
from omote.engine.runtime.session import Build, RuntimeUnavailable
from peers.measured import EXACT, Count, Effort, Measured, Refused, timed


def measured(size: int, precision: str, effort: Effort) -> Measured:
    """One picture of a shipped character; `precision` "" is the best that keeps the picture."""
    renderer = Renderer(Networks(WEIGHTS_FOLDER, Build("openvino", precision)))
    try:
        look = renderer.prepare(load_character(CHARACTER))
    except RuntimeUnavailable as error:
        raise Refused(str(error)) from error
    runtime = renderer.networks.name
    if not runtime.endswith(precision):
        raise Refused(f"asked for {precision}, found {runtime}")
    pictures = frame_requests(renderer, look)
    inputs = cycle([one.inputs for one in pictures])
    kept = layers_of(renderer, pictures)
    given = cycle([(layers, one.references(look, size)) for layers, one in zip(kept, pictures, strict=True)])
    calls = {"denoiser": lambda: renderer.networks.layers(next(inputs)), "compositing": lambda: compose(*next(given))}
    note = f"{look.at_once} references, one step; tracking and correspondence apart"
    took = timed(calls, effort)
    return Measured(runtime, size, 1, took, {"denoiser": count(look.at_once)}, EXACT, note)


def count(references: int) -> Count:
    """Of the network in torch."""
    # Only now, so that torch is not there while OpenVINO is measured: both keep threads of their own.
    from omote.engine.model.denoiser import Denoiser, FlatDenoiser
    from peers.torch_networks import count_network

    return count_network(lambda: FlatDenoiser(Denoiser()), tuple(denoiser_shapes(references).values()))
