"""LivePortrait's networks, as it runs them for each picture of a driver: motion, warping, generator; random weights.

What it does once a character (the appearance) and its small stitching networks (0.23 M) are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from . import precision
from .counting import counted
from .liveportrait.generator import FEATURES, Generator
from .liveportrait.motion import KEYPOINTS, Motion
from .liveportrait.warping import VOLUME, Warping
from .measured import Measured, shape_of
from .timing import Effort, Timing, timed

SIZE = 512
_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "motion": ((1, 3, 256, 256),),
    "warping": ((1, *VOLUME), (KEYPOINTS, 3), (KEYPOINTS, 3)),
    "generator": ((1, FEATURES, 64, 64),),
}
_NETWORKS: dict[str, Callable[[], nn.Module]] = {"motion": Motion, "warping": Warping, "generator": Generator}
# https://github.com/KwaiVGI/LivePortrait/blob/main/assets/docs/speed.md
_PUBLISHED_M = {"motion": 28.12, "warping": 45.53, "generator": 55.37}


def in_torch(arithmetic: str, effort: Effort) -> Measured:
    """Eager, in "f32" or "bf16"."""
    dtype = precision.dtype(arithmetic)
    # Torch pools no bf16 in space on a CPU; autocast knows what it must do in f32.
    with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        took = timed({name: _eager(name, dtype) for name in _NETWORKS}, effort)
    return _measured(f"torch eager {arithmetic}", took, "random weights")


def in_openvino(effort: Effort) -> Measured:
    """In OpenVINO what OpenVINO can: it samples from no grid in space, so the warping stays in torch."""
    motion, generator = (precision.compiled(_NETWORKS[name](), _inputs(name)) for name in ("motion", "generator"))
    picture, features = (_inputs(name)[0].numpy() for name in ("motion", "generator"))
    with torch.inference_mode():
        calls = {
            "motion": lambda: motion([picture], share_inputs=True, share_outputs=True),
            "warping": _eager("warping", torch.float32),
            "generator": lambda: generator([features], share_inputs=True, share_outputs=True),
        }
        took = timed(calls, effort)
    return _measured(precision.name_of(generator), took, "random weights; warping in torch eager f32")


def _eager(name: str, dtype: torch.dtype) -> Callable[[], object]:
    network = _NETWORKS[name]().to(dtype).eval()
    inputs = [one.to(dtype) for one in _inputs(name)]
    return lambda: network(*inputs)


def _inputs(name: str) -> tuple[Tensor, ...]:
    return tuple(0.5 * torch.randn(shape) for shape in _SHAPES[name])


def _measured(runtime: str, took: Mapping[str, Timing], note: str) -> Measured:
    networks = {name: counted(build, _SHAPES[name], _PUBLISHED_M[name]) for name, build in _NETWORKS.items()}
    return Measured(runtime, SIZE, 1, took, networks, shape_of(networks), note)
