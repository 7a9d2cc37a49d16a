"""`omote compile --character me`: exports what draws a photoreal character, and compiles it for this GPU or another."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from omote.engine.data import PhotorealCharacter
from omote.engine.errors import AnimatorError
from omote.engine.photoreal import graph_parity
from omote.engine.photoreal.exported_model import DECODER, UNET, ExportedModel
from omote.engine.photoreal.exporting import candidates, exported_folder, first_networks
from omote.engine.photoreal.files import published
from omote.engine.photoreal.networks import Networks
from omote.engine.photoreal.opening import require_same
from omote.engine.photoreal.recipe import Recipe
from omote.engine.runtime.session import AUTO, Build, RuntimeUnavailable

from ..app.config import Config
from .photoreal import model_of

_RUNS = 3


def run(config: Config, character: PhotorealCharacter, runtime: str) -> int:
    """Prints what draws it, how long a step and a picture's decoding take, and why others were not taken."""
    model = model_of(config, character)
    builds = candidates() if runtime == AUTO else (Build.named(runtime),)
    try:
        networks, refusals = first_networks(model, builds)
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
    print("\n".join([*refusals, line(networks, model)]))
    return 0


def ahead(config: Config, character: PhotorealCharacter, targets: Sequence[str], out: Path) -> int:
    """Prints where the engines lie: of the UNet for one picture and for the steps of a stream, and of the decoder."""
    from omote.engine.runtime.tensorrt_rtx import compile_ahead

    model = model_of(config, character)
    wanted = [(UNET, batch) for batch in sorted({1, config.steps})] + [(DECODER, 1)]
    try:
        for name, batch in wanted:
            print(compile_ahead(model.graph(name, batch), targets, out), flush=True)
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
    return 0


def forget(config: Config, character: PhotorealCharacter) -> None:
    """What was exported for characters of this kind is made again; not lost where the weights for that are missing."""
    require_same(character, published(config.photoreal))
    shutil.rmtree(exported_folder() / Recipe.of(character).digest, ignore_errors=True)


def line(networks: Networks, model: ExportedModel) -> str:
    """What draws, and the milliseconds of its parts."""
    unet = graph_parity.inputs(networks.shapes)
    decoder = graph_parity.inputs(model.graph(DECODER).shapes)
    step_ms = _median_ms(lambda: networks.unet.run(unet))
    decode_ms = _median_ms(lambda: networks.decoder.run(decoder))
    return f"{networks.name}: {step_ms:.1f} ms a step, {decode_ms:.1f} ms to decode a picture"


def _median_ms(work: Callable[[], object]) -> float:
    took_ns = []
    for _ in range(_RUNS):
        began_ns = time.perf_counter_ns()
        work()
        took_ns.append(time.perf_counter_ns() - began_ns)
    return statistics.median(took_ns) / 1e6
