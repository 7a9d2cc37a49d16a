"""Loads the published files into diffusers' and transformers' own modules.

A file must hold exactly the tensors of its model: a missing, unknown or misshapen tensor is an error.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from diffusers.loaders import StableDiffusionLoraLoaderMixin
from diffusers.models.embeddings import ImageProjection, IPAdapterFaceIDImageProjection, IPAdapterFullImageProjection
from diffusers.utils import convert_unet_state_dict_to_peft
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPTextModel
from transformers.utils import logging as transformers_logging

from ..face.flame_vectors import VECTOR_SIZE
from .processors import block_names, install

Tensors = dict[str, Tensor]
MODELS = {
    "unet": UNet2DConditionModel,
    "encoder": CLIPTextModel,
    "vae": AutoencoderKL,
    "taesd": AutoencoderTiny,
    "controlnet": ControlNetModel,
}
_IGNORED = ("position_ids",)  # 0 to 76; older versions of transformers saved them
_PEFT, _PEFT_CONFIG, _HEADER = "base_model.model.", "adapter_config.json", "lora_adapter_metadata"
_TEXT_ENCODER = ("text_encoder", "lora_te")


def load_unet(folder: Path) -> Any:
    """The UNet in a folder, in float32, with our attention processors.

    ValueError for a damaged file, and for a UNet that is not of Stable Diffusion 1.5's kind.
    """
    unet = load("unet", folder)
    config = unet.config
    if config.use_linear_projection or config.dual_cross_attention or config.class_embed_type or config.encoder_hid_dim:
        raise ValueError(
            f"{folder} holds another kind of UNet than Stable Diffusion 1.5's, according to its config.json"
        )
    install(unet)
    return unet


def load(what: str, folder: Path) -> Any:
    """One of `MODELS` from a folder, in float32; ValueError for a damaged or incomplete file."""
    kind: Any = MODELS[what]
    try:
        with _quiet():
            model, info = kind.from_pretrained(str(folder), local_files_only=True, output_loading_info=True)
    except Exception as error:  # a damaged file can raise anything
        raise ValueError(f"{folder} holds no {kind.__name__}: {_first_line(error)}") from error
    for word in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if found := sorted(map(str, (key for key in info[word] if not str(key).endswith(_IGNORED)))):
            raise ValueError(f"{folder} holds no complete {kind.__name__}: {word.replace('_', ' ')}: {listed(found)}")
    return placed(model, "cpu", torch.float32).eval().requires_grad_(False)


def placed(model: Any, device: torch.device | str, dtype: torch.dtype) -> Any:
    """The model on this device, in this precision."""
    with _quiet():
        return model.to(device=device, dtype=dtype)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences warnings of the libraries about problems that are errors here."""
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if bars:
            transformers_logging.enable_progress_bar()
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)


def listed(names: list[str]) -> str:
    """The first four names, and the number of the others."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def read_tensors(path: Path) -> dict[str, Any]:
    """The tensors in a .safetensors file or a pickle of torch. Pickles are read with `weights_only` and run no code."""
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # as above
        raise ValueError(f"{path} must hold nothing but tensors: {_first_line(error)}") from error
    if not isinstance(found, Mapping):
        raise ValueError(f"{path} must hold named tensors, got {type(found).__name__}")
    return dict(found)


# The expression adapter, in each of the three layouts with which diffusers can project 55 numbers.


@dataclass(frozen=True)
class AdapterFile:
    """The tensors of a published expression adapter, by their names in the file."""

    name: str
    image_proj: Tensors  # projects a vector to tokens: "proj.weight"
    ip_adapter: Tensors  # projects tokens to keys and values in each block: "1.to_k_ip.weight"

    @property
    def layout(self) -> str:
        """ "linear", "faceid" or "full"; ValueError for any other."""
        names = {name for name in self.image_proj if name.endswith("weight")}
        for layout, expected in _LAYOUTS.items():
            if names == expected:
                return layout
        known = "; ".join(", ".join(sorted(expected)) for expected in _LAYOUTS.values())
        raise ValueError(f"{self.name} projects with {', '.join(sorted(names))}; known layouts are {known}")


_LAYOUTS = {
    "linear": {"proj.weight", "norm.weight"},
    "faceid": {"proj.0.weight", "proj.2.weight", "norm.weight"},
    "full": {"proj.0.weight", "proj.2.weight", "proj.3.weight"},
}
_RENAMED = {"proj.0.": "ff.net.0.proj.", "proj.2.": "ff.net.2.", "proj.3.": "norm.", "proj.": "image_embeds."}


def read_adapter(path: Path) -> AdapterFile:
    """The published adapter, from a pickle or safetensors; ValueError for another kind of adapter."""
    tensors = read_tensors(path)
    parts: dict[str, Tensors] = {"image_proj": {}, "ip_adapter": {}}
    for name, value in _flat(tensors):
        part, _, rest = name.partition(".")
        if part not in parts:
            raise ValueError(f"{path.name} is no adapter for cross-attention: it holds {name}")
        parts[part][rest] = value
    if any("_lora." in name for name in parts["ip_adapter"]):
        raise ValueError(f"{path.name} also contains a LoRA, as FaceID does, which is not supported")
    return AdapterFile(path.name, **parts)


def _flat(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


class ExpressionTokens(nn.Module):
    """diffusers' projection of vectors [B,55] to tokens [B,n,D]. A vector of zeros means "unspecified"."""

    def __init__(self, projection: nn.Module, count: int, cross: int) -> None:
        super().__init__()
        self.projection, self.count, self.cross = projection, count, cross  # n and D

    def forward(self, vectors: Tensor) -> Tensor:
        tokens: Tensor = self.projection(vectors)
        return tokens.reshape(len(vectors), self.count, self.cross)


def adapter_of(file: AdapterFile) -> ExpressionTokens:
    """The projection to tokens, with the file's weights."""
    layout, tensors = file.layout, file.image_proj
    first = tensors["proj.weight" if layout == "linear" else "proj.0.weight"]
    norm = tensors["proj.3.weight" if layout == "full" else "norm.weight"]
    if first.ndim != 2 or first.shape[1] != VECTOR_SIZE:
        raise ValueError(f"{file.name} takes {list(first.shape)[1:]} numbers, an expression has {VECTOR_SIZE}")
    last, cross = tensors["proj.weight" if layout == "linear" else "proj.2.weight"].shape[0], norm.shape[0]
    module: nn.Module
    if layout == "linear":
        module = ImageProjection(VECTOR_SIZE, cross, last // cross)
    elif layout == "faceid":
        module = IPAdapterFaceIDImageProjection(VECTOR_SIZE, cross, first.shape[0] // VECTOR_SIZE, last // cross)
    else:
        module = IPAdapterFullImageProjection(VECTOR_SIZE, cross)
    renamed = {_renamed(name): value for name, value in tensors.items()}
    try:
        module.load_state_dict(renamed)
    except RuntimeError as error:
        raise ValueError(f"{file.name} is no expression adapter: {' '.join(str(error).split())}") from error
    return ExpressionTokens(module, last // cross, cross).eval().requires_grad_(False)


def _renamed(name: str) -> str:
    for old, new in _RENAMED.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def install_adapter(unet: Any, file: AdapterFile) -> ExpressionTokens:
    """Installs the adapter's keys and values in the UNet's cross-attention, and returns the projection to tokens.

    Key ids are odd and increase in block order. ValueError if blocks and keys do not match, or sizes differ.
    """
    names = block_names(unet)
    expected = {f"{2 * n + 1}.to_{kind}_ip.weight" for n in range(len(names)) for kind in "kv"}
    if strange := sorted(expected ^ set(file.ip_adapter)):
        raise ValueError(f"{file.name} does not fit a UNet of {len(names)} blocks: {listed(strange)} do not match")
    adapter = adapter_of(file)
    pairs = {}
    for number, name in enumerate(names):
        beside = unet.get_submodule(name).attn2.to_k
        key, value = (_linear(file, f"{2 * number + 1}.to_{kind}_ip.weight", beside) for kind in "kv")
        pairs[number] = (key, value)
    install(unet, pairs)
    return adapter


def _linear(file: AdapterFile, name: str, beside: nn.Linear) -> nn.Linear:
    weight = file.ip_adapter[name]
    if weight.shape != beside.weight.shape:
        sizes = f"{list(weight.shape)}, expected {list(beside.weight.shape)}"
        raise ValueError(f"{name} in {file.name} is {sizes}: the adapter was made for another UNet")
    linear = nn.Linear(beside.in_features, beside.out_features, bias=False)
    linear.weight = nn.Parameter(weight.to(beside.weight), requires_grad=False)
    return linear


# LoRAs. diffusers and peft read and fuse them; the choice of alphas is made here.


@dataclass(frozen=True)
class Lora:
    """A LoRA of a UNet with diffusers' names, and the alpha of each module."""

    name: str
    tensors: Tensors  # "unet.MODULE.lora_A.weight"
    alphas: Mapping[str, float]  # by module
    source: str  # where the alphas come from
    ranks: Mapping[str, int]  # by module

    @property
    def summary(self) -> str:
        """Rank, alphas and targets, as text."""
        ranks, alphas = (sorted(set(values.values())) for values in (self.ranks, self.alphas))
        targets = sorted({re.sub(r".*\.(?=[a-z])", "", module) for module in self.ranks})
        return (
            f"{len(self.ranks)} modules, rank {'/'.join(map(str, ranks))}, "
            f"alpha {'/'.join(f'{alpha:g}' for alpha in alphas)} ({self.source}), targets {', '.join(targets)}"
        )


def read_lora(path: Path) -> Lora:
    """A LoRA of a UNet with diffusers', PEFT's or kohya's names, from a pickle or safetensors.

    ValueError for unknown keys, and for a LoRA that also changes a text encoder.
    """
    found = read_tensors(path)
    if texts := [key for key in found if key.startswith(_TEXT_ENCODER)]:
        raise ValueError(f"{path} also changes a text encoder ({listed(texts)}); only LoRAs of a UNet are read")
    is_peft = any(key.startswith(_PEFT) for key in found)
    config = _peft_config(path) if is_peft else _header_config(path)
    if unsupported := [key for key in ("use_dora", "use_rslora", "lora_bias") if config.get(key)]:
        raise ValueError(f"{path} is a LoRA with {unsupported[0]}, which is not supported")
    try:
        state, network_alphas = StableDiffusionLoraLoaderMixin.lora_state_dict(
            {key.replace(_PEFT, "unet."): value for key, value in found.items()}
        )
    except Exception as error:
        raise ValueError(f"{path} is no LoRA of a UNet: {_first_line(error)}") from error
    alphas = {
        _parted(key)[0]: float(value)
        for key, value in {**(network_alphas or {}), **state}.items()
        if key.endswith(".alpha")
    }
    parts = [(*_parted(key), value) for key, value in state.items() if not key.endswith(".alpha")]
    ranks = _ranks(path, parts)
    tensors = {f"unet.{module}.lora_{part}.weight": value for module, part, value in parts}
    return Lora(str(path), tensors, *_alphas(alphas, config, ranks), ranks)


def _parted(key: str) -> tuple[str, str]:
    """The module of a LoRA's key, "down_blocks.0.attentions.0…attn1.to_q", and "A", "B" or ""."""
    (name,) = convert_unet_state_dict_to_peft({key.removeprefix("unet."): key})
    module, _, ending = name.removesuffix(".alpha").replace(".default.", ".").partition(".lora_")
    module = module.removesuffix(".lora")
    return (f"{module}.0" if module.endswith("to_out") else module), {"A.weight": "A", "B.weight": "B"}.get(ending, "")


def _ranks(path: Path, parts: list[tuple[str, str, Tensor]]) -> dict[str, int]:
    down = {module: int(value.shape[0]) for module, part, value in parts if part == "A" and value.ndim > 1}
    up = {module: int(value.shape[1]) for module, part, value in parts if part == "B" and value.ndim > 1}
    odd = [module for module, part, _ in parts if not part] or sorted(str(one) for one in down.items() ^ up.items())
    if odd or not down:
        raise ValueError(f"{path} must hold a down and an up matrix for each weight, got {listed(odd) or 'none'}")
    return down


def _header_config(path: Path) -> dict[str, Any]:
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, "pt") as file:
            return _unprefixed(path, (file.metadata() or {}).get(_HEADER, "{}"))
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _peft_config(path: Path) -> dict[str, Any]:
    config = path.with_name(_PEFT_CONFIG)
    if not config.is_file():
        raise ValueError(f"{path.name} was saved by PEFT: put its {_PEFT_CONFIG}, which holds the alpha, beside it")
    return _unprefixed(config, config.read_text(encoding="utf-8"))


def _unprefixed(path: Path, text: str) -> dict[str, Any]:
    try:
        return {key.removeprefix("unet."): value for key, value in json.loads(text).items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name} must describe its LoRA in a JSON object: {error}") from error


def _alphas(
    tensors: Mapping[str, float], config: Mapping[str, Any], ranks: Mapping[str, int]
) -> tuple[dict[str, float], str]:
    """The alpha of each module, from the file's tensors, its header, or the default of diffusers 0.29.2.

    The authors of Arc2Face run that version. It uses the rank of the first module as the alpha of all modules, so it
    scales modules of another rank. Newer versions do not.
    """
    first = float(next(iter(ranks.values())))
    by_module = dict(config.get("alpha_pattern") or {})
    everywhere = config.get("lora_alpha")
    source = "in the file" if tensors else "in its header" if everywhere is not None else "diffusers 0.29.2's default"
    alphas = {}
    for module in ranks:
        named = next(
            (value for name, value in by_module.items() if f".{module}".endswith(f".{name.lstrip('^')}")), everywhere
        )
        alpha = tensors.get(module, named if named is not None else first)
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not abs(alpha) < float("inf"):
            raise ValueError(f"the alpha of {module} must be a number, got {alpha!r}")
        alphas[module] = float(alpha)
    return alphas, source


def fuse(unet: Any, lora: Lora, scale: float) -> None:
    """Adds `scale` times the LoRA to the UNet's weights; ValueError if it was made for another network."""
    modules = dict(unet.named_modules())
    if strange := [name for name in lora.ranks if not hasattr(modules.get(name), "weight")]:
        raise ValueError(f"{lora.name} is a LoRA for another network: this UNet has no weights for {listed(strange)}")
    alphas = {f"unet.{module}.alpha": alpha for module, alpha in lora.alphas.items()}
    try:
        with _quiet():
            unet.load_lora_adapter(dict(lora.tensors), prefix="unet", network_alphas=alphas, adapter_name="fused")
            unet.fuse_lora(lora_scale=scale, adapter_names=["fused"])
            unet.unload_lora()
    except (RuntimeError, ValueError, KeyError) as error:
        raise ValueError(f"{lora.name} is a LoRA for another network: {_first_line(error)}") from error
    unet.requires_grad_(False)
