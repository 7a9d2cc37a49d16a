"""Stable Diffusion Turbo with its tiny decoder at 512x512 in one step: published configurations, random weights.

The U-Net is that of stabilityai/sd-turbo (Stable Diffusion 2.1's), the decoder TAESD's, which is what a user takes who
wants it fast. The text is encoded once and costs nothing here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from peers import torch_networks
from peers.measured import Count, Effort, Measured, shape_of, timed
from peers.torch_networks import count_network

SIZE = 512
_LATENT, _TEXT = (1, 4, SIZE // 8, SIZE // 8), (1, 77, 1024)
_SHAPES = (_LATENT, (1,), _TEXT)
# Counts of the published weights: https://huggingface.co/stabilityai/sd-turbo, https://huggingface.co/madebyollin/taesd
_UNET_M, _DECODER_M = 865.91, 1.22


class Unet(nn.Module):
    """The U-Net with plain tensors in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = _diffusers().UNet2DConditionModel(
            sample_size=64, cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True
        )

    def forward(self, latent: Tensor, t: Tensor, text: Tensor) -> Tensor:
        noise: Tensor = self.unet(latent, t, text, return_dict=False)[0]
        return noise


class Decoder(nn.Module):
    """TAESD's decoder, which diffusers' autoencoder holds without configuring."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = _diffusers().AutoencoderTiny().decoder

    def forward(self, latent: Tensor) -> Tensor:
        picture: Tensor = self.decoder(latent)
        return picture


def in_torch(arithmetic: str, effort: Effort) -> Measured:
    """Eager, in "f32" or "bf16"."""
    dtype = torch_networks.torch_dtype(arithmetic)
    torch.manual_seed(0)
    unet, decoder = Unet().to(dtype).eval(), Decoder().to(dtype).eval()
    latent, t, text = (torch.randn(shape).to(dtype) for shape in _SHAPES)
    with torch.inference_mode():
        took = timed({"unet": lambda: unet(latent, t, text), "decoder": lambda: decoder(latent)}, effort)
    return _measured(f"torch eager {arithmetic}", took)


def in_openvino(effort: Effort) -> Measured:
    """In OpenVINO, as ours."""
    torch.manual_seed(0)
    inputs = tuple(torch.randn(shape) for shape in _SHAPES)
    unet = torch_networks.compile_network(Unet(), inputs)
    decoder = torch_networks.compile_network(Decoder(), inputs[:1])
    arrays = [one.numpy() for one in inputs]
    calls: dict[str, Callable[[], object]] = {
        "unet": lambda: unet(arrays, share_inputs=True, share_outputs=True),
        "decoder": lambda: decoder(arrays[:1], share_inputs=True, share_outputs=True),
    }
    return _measured(torch_networks.name_of(unet), timed(calls, effort))


def _measured(runtime: str, took: Any) -> Measured:
    networks = _counts()
    return Measured(runtime, SIZE, 1, took, networks, shape_of(networks), "random weights; the text encoder apart")


def _counts() -> dict[str, Count]:
    return {"unet": count_network(Unet, _SHAPES, _UNET_M), "decoder": count_network(Decoder, _SHAPES[:1], _DECODER_M)}


def _diffusers() -> Any:
    return importlib.import_module("diffusers")
