"""Low-rank changes of a UNet's weights: read under any of their usual names, and added to the weights for good."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .alphas import Alphas
from .tensors import listed, read_tensors
from .unet import UNet

_PEFT = "base_model.model."
_PREFIXES = (_PEFT, "unet.", "lora_unet_")
_TEXT_ENCODER = ("text_encoder", "lora_te")
_OLD = re.compile(r"\.processor(?=\.)|(?<=\.to_[qkv])_(?=lora\.)")
_WEIGHT = re.compile(r"(?P<module>.+?)\.lora[._](?P<part>down|up|A|B)(?:\.default)?(?:\.weight)?")
_ALPHA = re.compile(r"(?P<module>.+?)(?:\.lora)?\.alpha")
_PART = {"down": "down", "A": "down", "up": "up", "B": "up"}


@dataclass(frozen=True)
class Pair:
    """The change of one weight: alpha / rank * up @ down."""

    down: Tensor  # [r,in] or [r,in,k,k]
    up: Tensor  # [out,r] or [out,r,1,1]
    alpha: float

    def change(self, like: Tensor) -> Tensor:
        """The change at full strength, float32 in the shape and on the device of a weight that it fits."""
        down, up = (part.to(like.device, torch.float32).flatten(1) for part in (self.down, self.up))
        return (self.alpha / down.shape[0] * (up @ down)).reshape(like.shape)

    def fits(self, weight: Tensor) -> bool:
        down, up = self.down.flatten(1), self.up.flatten(1)
        return (up.shape[0], up.shape[1], down[0].numel()) == (weight.shape[0], down.shape[0], weight[0].numel())


@dataclass(frozen=True)
class Lora:
    """The changes that a file holds, by the module that each belongs to, its dots written as underscores."""

    name: str
    pairs: Mapping[str, Pair]


def read_lora(path: Path) -> Lora:
    """A LoRA of a UNet under diffusers', PEFT's or kohya's names, pickled by torch or as safetensors.

    ValueError names keys that are no part of one. A file that also changes a text encoder is refused whole: half of
    it would be another LoRA than the one that was trained.
    """
    tensors = read_tensors(path)
    texts = [key for key in tensors if key.startswith(_TEXT_ENCODER)]
    if texts:
        raise ValueError(f"{path} also changes a text encoder ({listed(texts)}); only LoRAs of a UNet are read")
    parts = _parts(str(path), tensors)
    halves = [name for name, pair in parts.items() if not {"down", "up"} <= set(pair)]
    if halves or not parts:
        raise ValueError(f"{path} must hold a lora down and up for each weight, got half for {listed(halves)}")
    alphas = Alphas.beside(path) if any(key.startswith(_PEFT) for key in tensors) else Alphas.in_header(path)
    return Lora(str(path), {name: _pair(name, pair, alphas) for name, pair in parts.items()})


def _parts(name: str, tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {}
    strange = []
    for key, tensor in tensors.items():
        plain = _plain(key)
        weight, alpha = _WEIGHT.fullmatch(plain), _ALPHA.fullmatch(plain)
        if weight is not None:
            parts.setdefault(_flat(weight["module"]), {})[_PART[weight["part"]]] = tensor
        elif alpha is not None:
            parts.setdefault(_flat(alpha["module"]), {})["alpha"] = tensor
        else:
            strange.append(key)
    if strange:
        raise ValueError(f"{name} holds keys that are no part of a LoRA that is known here: {listed(strange)}")
    return parts


def _plain(key: str) -> str:
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return _OLD.sub(lambda found: "." if found[0] == "_" else "", key).replace("to_out_lora.", "to_out.0.lora.")


def _flat(module: str) -> str:
    return module.replace(".", "_")


def _pair(name: str, parts: Mapping[str, Tensor], alphas: Alphas) -> Pair:
    down, up = parts["down"], parts["up"]
    if min(down.ndim, up.ndim) < 2 or not down.numel() or not up.numel():
        raise ValueError(f"the LoRA of {name} must be two matrices, got {list(down.shape)} and {list(up.shape)}")
    return Pair(down, up, _alpha(name, parts["alpha"]) if "alpha" in parts else alphas.alpha(name, down.shape[0]))


def _alpha(name: str, told: Tensor) -> float:
    if told.numel() != 1 or not torch.isfinite(told).all():
        raise ValueError(f"the alpha of the LoRA of {name} must be a number, got {told.flatten()[:4].tolist()}")
    return float(told.item())


def fuse(unet: UNet, lora: Lora, scale: float) -> int:
    """Adds `scale` times the LoRA to the UNet's weights, and says how many weights that were.

    Only loading the UNet anew takes it out again. ValueError names the keys that fit no weight of this UNet, and
    leaves the UNet as it was.
    """
    weights = {_flat(name): module.weight for name, module in unet.named_modules() if _has_matrix(module)}
    strange = [name for name, pair in lora.pairs.items() if name not in weights or not pair.fits(weights[name])]
    if strange:
        raise ValueError(
            f"{lora.name} is a LoRA of another network: this UNet has no weight that fits {listed(strange)}"
        )
    with torch.no_grad():
        for name, pair in lora.pairs.items():
            weights[name].copy_(weights[name].float() + scale * pair.change(weights[name]))
    return len(lora.pairs)


def _has_matrix(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear | nn.Conv2d)
