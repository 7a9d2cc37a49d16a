"""What each way of drawing a photoreal picture costs on a processor, in seconds of its cores.

Each module of Arc2Face runs once at its published size, with random weights; the cost of a picture is the sum of its
calls. Core-seconds are used because other programs change them less than the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel
from peers.arc2face import PUBLISHED, fill, random_arc
from record import RESULTS, keep, origin
from torch import Tensor, nn

from omote.engine.arc2face.processors import Reading, bank_of, denoise

RESULT = RESULTS / "photoreal_cost.json"
SIDE, GUIDED_STEPS = 64, 25  # 512 x 512 pixels


@torch.no_grad()
def measured() -> dict[str, float]:
    """Core-seconds of one call of each module."""
    arc, found = random_arc(PUBLISHED), dict[str, float]()
    x, tokens = torch.randn(1, 4, SIDE, SIDE), torch.randn(1, 77, 768)
    t, expression = torch.tensor([999.0]), arc.adapter(torch.randn(1, 55))
    rows: dict[int, Tensor] = {}
    found["UNet"] = _cores_s(lambda: denoise(arc.unet, x, t, tokens, Reading(expression, recorded=rows)))
    bank = bank_of(arc.unet, [rows[number] for number in sorted(rows)])
    found["UNet with a bank"] = _cores_s(lambda: denoise(arc.unet, x, t, tokens, Reading(expression, bank=bank)))
    found["TAESD's decoder"] = _cores_s(lambda: arc.tiny.decode(x))
    arc = None  # type: ignore[assignment]  # frees 3.4 GB
    channels = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2}
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    vae = _random(lambda: AutoencoderKL(**channels, **kinds))
    found["VAE's decoder"] = _cores_s(lambda: vae.decode(x))
    found["VAE's encoder"] = _cores_s(lambda: vae.encode(torch.zeros(1, 3, 8 * SIDE, 8 * SIDE)))
    control = _random(lambda: ControlNetModel(**PUBLISHED))
    hint = torch.zeros(1, 3, 8 * SIDE, 8 * SIDE)
    found["ControlNet"] = _cores_s(lambda: control(x, t, tokens, controlnet_cond=hint))
    return {name: round(value, 2) for name, value in found.items()}


def _cores_s(run: Callable[[], object]) -> float:
    began_s = time.process_time()
    run()
    return time.process_time() - began_s


def _random(build: Callable[[], nn.Module]) -> Any:
    with torch.device("meta"):
        model = build()
    fill(model, torch.Generator().manual_seed(0))
    return model


def paths(cost: dict[str, float]) -> dict[str, float]:
    """Core-seconds of a picture of 512x512 by each path."""
    full, few = cost["VAE's decoder"], cost["TAESD's decoder"]
    guided = GUIDED_STEPS * (cost["UNet with a bank"] + cost["UNet"])
    found = {
        "25 guided steps, reference": guided + full,
        "25 guided steps, no reference": 2 * GUIDED_STEPS * cost["UNet"] + full,
        "25 guided steps, reference, ControlNet": guided + 2 * GUIDED_STEPS * cost["ControlNet"] + full,
        "a draft drawn over, strength 0.5": cost["VAE's encoder"] + 12 / GUIDED_STEPS * guided + full,
        **{
            f"{steps} few step{'s' * (steps > 1)}, reference": steps * cost["UNet with a bank"] + few
            for steps in (1, 2, 4)
        },
        "1 few step, guidance, reference": cost["UNet with a bank"] + cost["UNet"] + few,
    }
    found["a character with --live copied"] = (
        4 * found["25 guided steps, reference"] + 8 * found["a draft drawn over, strength 0.5"]
    )
    return {name: round(value, 1) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--save", type=Path, default=RESULT)
    chosen = parser.parse_args()
    modules = measured()
    keep(
        {**origin(), "size": 8 * SIDE, "torch": torch.__version__, "modules": modules, "paths": paths(modules)},
        chosen.save,
    )
    for name, value in {**modules, **paths(modules)}.items():
        print(f"{name:50}{value:9.2f} s of cores")


if __name__ == "__main__":
    main()
