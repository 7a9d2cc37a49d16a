"""The three networks that draw a photoreal picture, opened, whatever runs them."""

from __future__ import annotations

from dataclasses import dataclass

from ..runtime.session import Session, Shapes


@dataclass(frozen=True)
class Networks:
    """Used from one thread at a time. B pictures of S pixels on a side stand in the UNet at once; h is S / 8."""

    expression: Session  # vector [1,55] -> tokens [1,n,C]
    unet: Session  # x [B,4,h,h], t [B], tokens [B,77,C], expression [B,n,C], scale [16] and a bank -> eps [B,4,h,h]
    decoder: Session  # latents [1,4,h,h] -> pixels [1,S,S,3], levels of uint8
    shapes: Shapes  # of the UNet's inputs
    model: str  # digest of the weights, as characters name it

    @property
    def batch(self) -> int:
        """B, of the UNet alone."""
        return self.shapes["x"][0]

    @property
    def size(self) -> int:
        """S."""
        return 8 * self.shapes["x"][-1]

    @property
    def name(self) -> str:
        """What runs the one that takes the time."""
        return self.unet.name
