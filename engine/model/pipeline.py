"""Draws characters in PyTorch, with diffusers' scheduler: for research; the live path runs the exported networks."""

from __future__ import annotations

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray
from torch import Tensor

from ..data import Character, FlameParams
from ..face.correspondence import GRID, expression_similarity
from ..face.light import checked_light
from ..face.retarget import to_weights
from .compositing import premultiplied, straight
from .denoiser import STATE, Denoiser, References, WantedView, compose, lit_normals, log_irradiance
from .networks import face_row
from .renderer import STYLES, viewer_of

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]


class OmotePipeline(DiffusionPipeline):  # type: ignore[misc]
    """A denoiser and a flow-matching scheduler; all references of a character are used at once.

    >>> pipeline = OmotePipeline(Denoiser.from_pretrained("weights"), FlowMatchEulerDiscreteScheduler())
    >>> pipeline(character, FlameParams.neutral(), studio_light(), num_inference_steps=8).shape
    (512, 512, 4)
    """

    def __init__(self, denoiser: Denoiser, scheduler: FlowMatchEulerDiscreteScheduler) -> None:
        super().__init__()
        self.register_modules(denoiser=denoiser, scheduler=scheduler)

    @torch.no_grad()
    def __call__(
        self,
        character: Character,
        params: FlameParams,
        light: Array,
        size: int = 512,
        num_inference_steps: int = 1,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Rgba:
        """[S,S,4] straight RGBA of this face in this light [27]; `noise` [1,4,256,256] is drawn if it is not given."""
        net, device = self.denoiser, self.denoiser.device
        wanted, references = self._conditions(character, params, checked_light(light))
        pictures = self._pictures(character, size)
        small = pictures if size == STATE else self._pictures(character, STATE)
        shape = (1, 4, STATE, STATE)
        x = torch.randn(shape, generator=generator) if noise is None else noise
        x = x.to(device)
        self.scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / num_inference_steps, num_inference_steps))
        layers = None
        for timestep, sigma in zip(self.scheduler.timesteps, self.scheduler.sigmas, strict=False):
            layers = net(x, sigma.to(device)[None], wanted, references)
            clean = compose(layers, small) * 2.0 - 1.0
            x = self.scheduler.step((x - clean) / sigma, timestep, x).prev_sample
        assert layers is not None
        drawn = (compose(layers, pictures)[0].permute(1, 2, 0) * 255.0).round().clamp(0.0, 255.0)
        return straight(drawn.to(torch.uint8).cpu().numpy())

    def _conditions(self, character: Character, params: FlameParams, light: Array) -> tuple[WantedView, References]:
        viewer, device = viewer_of(character), self.denoiser.device
        view, views = viewer.view(params), [viewer.view(one.params) for one in character.references]
        shown = np.stack([to_weights(one.params) for one in character.references])
        found = viewer.correspondence(view, views, expression_similarity(to_weights(params), shown))

        def tensor(array: Array) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)[None]

        style = tensor(np.array(STYLES[character.head]))
        geometry = tensor(np.stack([one.geometry for one in views]))
        lights = tensor(np.stack([one.light for one in character.references]))
        lit = log_irradiance(lights[0], lit_normals(geometry[0], style.expand(len(views), -1)))
        picture = torch.cat([self._pictures(character, GRID)[0], lit, torch.ones_like(lit[:, :1])], 1)[None]
        fine, coarse, identity = self.denoiser.encode(picture, geometry)
        present = torch.ones(1, len(views), device=device)
        references = References(picture, (fine, coarse), identity, tensor(found.place), tensor(found.trust), present)
        return WantedView(tensor(view.geometry), tensor(face_row(params)), tensor(light), style), references

    def _pictures(self, character: Character, size: int) -> Tensor:
        """[1,K,4,S,S] premultiplied, 0 to 1."""
        rows = np.stack([premultiplied(one.rgba, size) for one in character.references])
        return (torch.from_numpy(rows).permute(0, 3, 1, 2).float() / 255.0)[None].to(self.denoiser.device)
