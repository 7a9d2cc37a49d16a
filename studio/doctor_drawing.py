"""What `omote doctor` looks at of drawing: the shipped files by their bytes, a portrait, and what draws it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import util

from omote.bridge import arkit
from omote.engine.animator import Animator
from omote.engine.character import DEFAULT_CHARACTER, CharacterError, character_names, load_character
from omote.engine.errors import AnimatorError
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.choice import chosen
from omote.engine.model.renderer import references_at_once
from omote.engine.nouns import Character
from omote.engine.runtime.build import AUTO, Build
from omote.engine.runtime.kept import Kept
from omote.engine.weights import WeightsError, shipped

from .check import Check
from .config import Config

_CURE = "install Omote again"
_PICTURES = 5
_GPU_RUNTIMES = (("TensorRT-RTX", "tensorrt_rtx"), ("TensorRT", "tensorrt"))


def is_installed(module: str) -> bool:
    """Whether Python finds a module of this name; nothing is loaded."""
    return util.find_spec(module) is not None


def weights() -> Iterator[Check]:
    """Each network and character that is shipped, held against what was recorded of its bytes."""
    try:
        files = shipped()
        files.check()
    except WeightsError as error:
        yield Check("weights", False, str(error), is_needed=True)
    else:
        yield Check("weights", True, f"{', '.join(file.path.name for file in files.networks)}, sha256 as recorded")
    damaged = []
    for name in character_names():
        try:
            load_character(name)
        except CharacterError as error:
            damaged.append(str(error))
    found = "; ".join(damaged) or f"{len(character_names())} are shipped, all whole"
    yield Check("characters", not damaged, found, _CURE)


def gpu_runtime(gpus: tuple[str, ...], is_there: Callable[[str], bool] = is_installed) -> Iterator[Check]:
    """What executes networks on these NVIDIA GPUs; nothing of none."""
    if not gpus:
        return
    found = [name for name, module in _GPU_RUNTIMES if is_there(module)]
    lacks = [] if is_there("cuda") else ["no bindings of CUDA"]
    said = ", ".join([*found, *lacks]) or "none, so that the processor draws"
    yield Check("GPU runtime", bool(found) and not lacks, said, "pip install 'omote[nvidia]'")


def drawing(config: Config, character: Character | None) -> Check:
    """Draws this one, or the default one, as `omote live` would; by OpenVINO where what is fastest is not yet known."""
    name = "portrait"
    try:
        character = character or load_character(DEFAULT_CHARACTER)
        animator = Animator(config.size, runtime=_known(config), references=references_at_once(character))
        # A face that does not move is not drawn again.
        warm_up, *faces = (from_weights(arkit.weights({"jawOpen": k / _PICTURES})) for k in range(_PICTURES + 1))
        animator.draw(warm_up, character, studio_light())
        start = time.perf_counter()
        for face in faces:
            animator.draw(face, character, studio_light())
    except (AnimatorError, CharacterError, WeightsError) as error:
        return Check(name, False, str(error), _CURE, is_needed=True)
    took_ms = (time.perf_counter() - start) / _PICTURES * 1000.0
    found = f"{character.name}, {animator.size}x{animator.size}, {animator.runtime}: {took_ms:.0f} ms a picture"
    return Check(name, True, found, is_needed=True)


def _known(config: Config) -> str:
    if config.runtime != AUTO:
        return config.runtime
    found = chosen(shipped(), Kept())
    return found.build.name if found else Build().name


def runtime(config: Config) -> Iterator[Check]:
    """What draws, as an earlier start chose it; nothing is tried here, because that takes a while."""
    if config.runtime != AUTO:
        yield Check("runtime", True, f"{config.runtime}, as it was set")
        return
    try:
        found = chosen(shipped(), Kept())
    except WeightsError as error:
        yield Check("runtime", False, str(error))
        return
    if found is None:
        yield Check("runtime", True, "not tried yet: the first `omote live` does it, or omote compile")
        return
    yield Check("runtime", True, f"{found.build.name} was the fastest; to try again: omote compile --again")
    for refusal in found.refusals:
        yield Check("runtime", True, f"not chosen: {refusal}")
