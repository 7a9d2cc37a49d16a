"""The expression adapter: 55 numbers of a face become tokens, which cross-attention reads beside the identity's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from torch import Tensor, nn

from .attention import CrossAttention
from .tensors import listed, read_tensors
from .unet import UNet

VECTOR_SIZE = 55  # FLAME expression [50], eyelids [2], jaw [3]

_PROJECTION, _ATTENTION = "image_proj.", "ip_adapter."


@dataclass(frozen=True)
class ExpressionAdapterFile:
    """The tensors of a published adapter, by the names that they have in it."""

    name: str
    image_proj: Mapping[str, Tensor]  # what makes tokens: "proj.weight"
    ip_adapter: Mapping[str, Tensor]  # what reads them in each block: "1.to_k_ip.weight"


class ExpressionAdapter(nn.Module):
    """Tokens [B,n,D] of expression vectors [B,55], in whichever of the three published layouts.

    A vector of zeros says "any expression", not "at rest": it is what guidance compares with.
    """

    def __init__(self, proj: nn.Module, norm: nn.Module, tokens: int, cross: int) -> None:
        super().__init__()
        self.proj = proj
        self.norm = norm
        self.tokens = tokens  # n
        self.cross = cross  # D

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> Self:
        """The adapter whose parameters have these names; ValueError says what is known where it is another."""
        module = cls(*_layout(weights))
        found, wanted = set(weights), set(module.state_dict())
        if found != wanted:
            raise ValueError(f"the expression adapter must hold {sorted(wanted)}, got {sorted(found)}")
        for name, wanted_weight in module.state_dict().items():
            _check_weight(name, weights[name], wanted_weight)
        module.load_state_dict(dict(weights))
        return module

    def forward(self, vector: Tensor) -> Tensor:
        rows = self.proj(vector)
        out: Tensor = self.norm(rows.reshape(-1, self.tokens, self.cross))
        return out


def _layout(weights: Mapping[str, Tensor]) -> tuple[nn.Module, nn.Module, int, int]:
    """What makes rows of a vector, what brings them to like size, how many there are and how wide they are."""
    if {"proj.weight", "norm.weight"} <= set(weights):
        linear, cross = _linear(weights, "proj"), _size(weights, "norm.weight")
        return _from_vector(linear), nn.LayerNorm(cross), _tokens(linear, cross), cross
    if {"proj.0.weight", "proj.2.weight"} <= set(weights):
        first, last = _linear(weights, "proj.0"), _linear(weights, "proj.2")
        proj = nn.Sequential(_from_vector(first), nn.GELU(), last)
        if "proj.3.weight" in weights:
            cross = _size(weights, "proj.3.weight")
            return proj.append(nn.LayerNorm(cross)), nn.Identity(), _tokens(last, cross), cross
        if "norm.weight" in weights:
            cross = _size(weights, "norm.weight")
            return proj, nn.LayerNorm(cross), _tokens(last, cross), cross
    known = "proj and norm; proj.0, proj.2 and norm; or proj.0, proj.2 and proj.3"
    raise ValueError(f"the expression adapter makes its tokens with {sorted(weights)}; known layouts are {known}")


def _linear(weights: Mapping[str, Tensor], name: str) -> nn.Linear:
    weight = weights[f"{name}.weight"]
    if weight.ndim != 2:
        raise ValueError(f"{name}.weight of the expression adapter must be a matrix, got {list(weight.shape)}")
    return nn.Linear(weight.shape[1], weight.shape[0])


def _size(weights: Mapping[str, Tensor], name: str) -> int:
    if weights[name].numel() == 0 or weights[name].ndim != 1:
        raise ValueError(f"{name} of the expression adapter must be a row, got {list(weights[name].shape)}")
    return weights[name].numel()


def _check_weight(name: str, found: Tensor, wanted: Tensor) -> None:
    if found.shape != wanted.shape:
        raise ValueError(f"{name} of the expression adapter must be {list(wanted.shape)}, got {list(found.shape)}")


def _from_vector(linear: nn.Linear) -> nn.Linear:
    if linear.in_features != VECTOR_SIZE:
        cure = "is this the expression adapter, exp_adapter/exp_adapter.bin?"
        raise ValueError(f"the adapter reads {linear.in_features} numbers, an expression has {VECTOR_SIZE}; {cure}")
    return linear


def _tokens(linear: nn.Linear, cross: int) -> int:
    tokens, rest = divmod(linear.out_features, cross)
    if rest or not tokens:
        raise ValueError(f"the adapter's {linear.out_features} numbers do not make tokens of {cross}")
    return tokens


def read_expression_adapter(path: Path) -> ExpressionAdapterFile:
    """The published adapter, pickled by torch or as safetensors; ValueError where it is another kind of adapter."""
    tensors = read_tensors(path)
    strange = [name for name in tensors if not name.startswith((_PROJECTION, _ATTENTION))]
    if strange:
        raise ValueError(f"{path.name} is no adapter of cross-attention: it holds {listed(strange)}")
    file = ExpressionAdapterFile(path.name, _under(_PROJECTION, tensors), _under(_ATTENTION, tensors))
    low_rank = [name for name in file.ip_adapter if "_lora." in name]
    if low_rank:
        raise ValueError(f"{path.name} also changes attention by a LoRA, as FaceID does, which is not built here")
    return file


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def install(unet: UNet, file: ExpressionAdapterFile) -> ExpressionAdapter:
    """Puts the adapter into the UNet's cross-attention, and gives what makes tokens for it, like the UNet's weights.

    Key ids are odd and rise in block order. ValueError where a block lacks its pair, a pair has no block, or sizes
    differ; the UNet is then as it was.
    """
    attentions = [block.attn2 for block in unet.transformers]
    _check_names(file, len(attentions))
    pairs = [_pair(file, 2 * number + 1, attention) for number, attention in enumerate(attentions)]
    adapter = ExpressionAdapter.of(file.image_proj)
    _check_cross(file, adapter, unet)
    for attention, (key, value) in zip(attentions, pairs, strict=True):
        attention.to_k_ip, attention.to_v_ip = key, value
    return adapter.to(unet.conv_in.weight).eval().requires_grad_(False)


def _check_names(file: ExpressionAdapterFile, blocks: int) -> None:
    wanted = {f"{2 * n + 1}.to_{kind}_ip.weight" for n in range(blocks) for kind in "kv"}
    missing, strange = sorted(wanted - set(file.ip_adapter)), sorted(set(file.ip_adapter) - wanted)
    if missing or strange:
        told = f"it lacks {listed(missing)} and has too many by {listed(strange)}"
        raise ValueError(f"{file.name} is no adapter for a UNet of {blocks} blocks: {told}")


def _pair(file: ExpressionAdapterFile, key_id: int, attention: CrossAttention) -> tuple[nn.Linear, nn.Linear]:
    key, value = (_projection(file, f"{key_id}.to_{kind}_ip.weight", attention.to_k) for kind in "kv")
    return key, value


def _projection(file: ExpressionAdapterFile, name: str, beside: nn.Linear) -> nn.Linear:
    weight = file.ip_adapter[name]
    if weight.shape != beside.weight.shape:
        sizes = f"{list(weight.shape)}, wanted {list(beside.weight.shape)}"
        raise ValueError(f"{name} of {file.name} is {sizes}: the adapter was made for another UNet")
    linear = nn.Linear(beside.in_features, beside.out_features, bias=False, device="meta")
    linear.weight = nn.Parameter(weight.to(beside.weight, copy=True), requires_grad=False)
    return linear


def _check_cross(file: ExpressionAdapterFile, adapter: ExpressionAdapter, unet: UNet) -> None:
    if adapter.cross != unet.shape.cross:
        sizes = f"{adapter.cross} numbers, the UNet reads {unet.shape.cross}"
        raise ValueError(f"{file.name} makes tokens of {sizes}: the adapter was made for another UNet")
