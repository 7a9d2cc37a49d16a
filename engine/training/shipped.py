"""Reads the shipped ONNX networks and characters back into weights that training can go on from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from omote.engine.character import SUFFIX, load_character
from omote.engine.diffusion.shipped import network

_CAST = json.loads(Path(__file__).with_name("cast.json").read_text(encoding="utf-8"))


def weights(folder: Path) -> dict[str, Tensor]:
    """The weights under the names that training knows: the networks, and the cast in the order of person numbers."""
    listed = json.loads((folder / "networks.json").read_text(encoding="utf-8"))
    state = network(folder / listed["denoisers"][-1]["file"])
    for part in ("encoder", "completion"):
        state |= {f"{part}.{name}": value for name, value in network(folder / listed[part]["file"]).items()}
    names = [name for name, _ in sorted(_CAST.items(), key=lambda item: item[1])]
    cast = [load_character(str(folder / "characters" / f"{name}{SUFFIX}")) for name in names]
    state["cast.texture"] = torch.from_numpy(np.stack([one.texture for one in cast]))
    state["cast.identity"] = torch.from_numpy(np.stack([one.identity for one in cast]))
    return state
