"""Arc2Face's three networks as modules of plain tensors, in the order of their inputs' names: what is exported."""

from __future__ import annotations

from torch import Tensor, nn

from .adapters import VECTOR_SIZE, ExpressionAdapter
from .bank import Bank
from .taesd import TinyDecoder
from .unet import UNet

TOKENS = 77
Sizes = dict[str, tuple[int, ...]]


def unet_shapes(unet: UNet, expressions: int, side: int, batch: int, bank: tuple[int, ...], biased: bool) -> Sizes:
    """The UNet's inputs by name, in their order, for latents of so many a side and `expressions` tokens.

    `bank` is how many rows each block reads of a bank, () where there is none; `biased` adds their biases.
    """
    shape, blocks = unet.shape, unet.shape.blocks
    shapes: Sizes = {
        "x": (batch, shape.latent, side, side),
        "t": (batch,),
        "tokens": (batch, TOKENS, shape.cross),
        "expression": (batch, expressions, shape.cross),
        "scale": (len(blocks),),
    }
    rows = [(1, length, block.channels) for length, block in zip(bank, blocks, strict=True)] if bank else []
    shapes |= {f"key_{number:02}": row for number, row in enumerate(rows)}
    shapes |= {f"value_{number:02}": row for number, row in enumerate(rows)}
    return shapes | ({f"bias_{number:02}": row[:2] for number, row in enumerate(rows)} if biased else {})


def expression_shapes() -> Sizes:
    """Of one face."""
    return {"vector": (1, VECTOR_SIZE)}


def decoder_shapes(unet: UNet, side: int) -> Sizes:
    """Of one picture."""
    return {"latents": (1, unet.shape.latent, side, side)}


class FlatUNet(nn.Module):
    """One call of the UNet; rows are the bank's keys of all blocks, then their values, then their biases."""

    def __init__(self, unet: UNet) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor, expression: Tensor, scale: Tensor, *rows: Tensor) -> Tensor:
        blocks = len(self.unet.shape.blocks)
        bank = Bank(rows[:blocks], rows[blocks : 2 * blocks], rows[2 * blocks :]) if rows else None
        out: Tensor = self.unet(x, t, tokens, expression, scale, bank)
        return out


class FlatExpression(nn.Module):
    """Tokens [1,n,D] of a vector [1,55]."""

    def __init__(self, adapter: ExpressionAdapter) -> None:
        super().__init__()
        self.adapter = adapter

    def forward(self, vector: Tensor) -> Tensor:
        out: Tensor = self.adapter(vector)
        return out


class FlatDecoder(nn.Module):
    """The picture as it is shown, [1,S,S,3] levels of uint8: a quarter of the bytes, and nothing left to do."""

    def __init__(self, decoder: TinyDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latents: Tensor) -> Tensor:
        levels = ((self.decoder(latents) + 1.0) * 127.5).round().clamp(0.0, 255.0)
        picture: Tensor = levels.permute(0, 2, 3, 1).byte()
        return picture
