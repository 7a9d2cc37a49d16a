"""What a student learns: low-rank changes of a published UNet's matrices, in a file of the form that LoRAs have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ...storage import atomic_write

# Not attn1's to_k and to_v: by them the rows of a bank are projected, once, before anything is learned.
TARGETS = (
    *("attn1.to_q", "attn1.to_out.0"),
    *("attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"),
    *("ff.net.0.proj", "ff.net.2"),
)
_PREFIX = "unet."


class LowRank(nn.Module):
    """Changes of so many matrices, zero at the beginning; attached, they count whenever the UNet is run."""

    def __init__(self, unet: nn.Module, rank: int) -> None:
        super().__init__()
        self.names = tuple(name for name, _ in _targets(unet))
        if not self.names:
            raise ValueError("this UNet has none of the matrices that a student changes")
        self.down = nn.ParameterList(torch.empty(rank, linear.in_features) for _, linear in _targets(unet))
        self.up = nn.ParameterList(torch.zeros(linear.out_features, rank) for _, linear in _targets(unet))
        for down in self.down:
            nn.init.normal_(down, std=1.0 / rank)

    def attached(self, unet: nn.Module) -> list[RemovableHandle]:
        """Lets this UNet draw with the changes, until the handles are removed."""
        return [
            linear.register_forward_hook(_added(down, up))
            for (_, linear), down, up in zip(_targets(unet), self.down, self.up, strict=True)
        ]

    def save(self, path: Path, words: Mapping[str, str]) -> None:
        """As diffusers names them, so that whatever reads a LoRA reads this; an unfinished file replaces nothing."""
        tensors: dict[str, Tensor] = {}
        for name, down, up in zip(self.names, self.down, self.up, strict=True):
            tensors[f"{_PREFIX}{name}.lora_A.weight"] = down.detach().cpu().contiguous()
            tensors[f"{_PREFIX}{name}.lora_B.weight"] = up.detach().cpu().contiguous()
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            save_file(tensors, partial, dict(words))


def _targets(unet: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    for name, module in unet.named_modules():
        if isinstance(module, nn.Linear) and name.endswith(TARGETS):
            yield name, module


def _added(down: Tensor, up: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def hook(linear: nn.Module, given: tuple[Tensor, ...], drawn: Tensor) -> Tensor:
        return drawn + given[0] @ down.T.to(drawn.dtype) @ up.T.to(drawn.dtype)

    return hook
