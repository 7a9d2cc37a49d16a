"""Writes the folder of published files with random weights, named by the libraries that wrote the real ones.

Which tensors there are comes from diffusers' and transformers' own modules (on torch's meta device, so nothing is
built twice), never from our code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

Size = Literal["small", "full"]
Layout = Literal["linear", "faceid", "full"]
State = dict[str, Tensor]

EXPRESSION = 55
_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
_WEIGHTS = "diffusion_pytorch_model.safetensors"
_VAE_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
_VAE_KEYS = (
    "act_fn",
    "block_out_channels",
    "down_block_types",
    "in_channels",
    "latent_channels",
    "layers_per_block",
    "norm_num_groups",
    "out_channels",
    "sample_size",
    "up_block_types",
)
_LORA = "pytorch_lora_weights.safetensors"
# The 278 modules that latent-consistency/lcm-lora-sdv1-5 and Hyper-SD15 change.
_DISTILLED = (
    *_ATTENTION,
    "proj_in",
    "proj_out",
    "ff.net.0.proj",
    "ff.net.2",
    "conv1",
    "conv2",
    "conv_shortcut",
    "downsamplers.0.conv",
    "upsamplers.0.conv",
    "time_emb_proj",
)


@dataclass(frozen=True)
class Dimensions:
    """Sizes of the random models."""

    channels: tuple[int, ...]
    groups: int
    cross: int
    text_layers: int
    text_heads: int
    embedding: int  # length
    vae_channels: tuple[int, ...]
    tiny_channels: int
    reference_rank: int
    distilled_rank: int


DIMENSIONS: dict[Size, Dimensions] = {
    "small": Dimensions((16, 32, 48, 48), 8, 32, 2, 4, 24, (8, 8, 16, 16), 8, 2, 2),
    "full": Dimensions((320, 640, 1280, 1280), 32, 768, 12, 12, 512, (128, 256, 512, 512), 64, 64, 64),
}


def write_published(folder: Path, *, size: Size = "small", adapter_layout: Layout = "full", seed: int = 0) -> Path:
    """Writes every published file and returns `folder`. The same seed gives the same weights."""
    of, source = DIMENSIONS[size], torch.Generator().manual_seed(seed)
    unet = published_unet(of)
    _write_model(folder / "arc2face", unet, source)
    _write_text_encoder(folder / "encoder", of, source)
    write_adapter(folder, adapter_layout, size, seed)
    _write_tensors(folder / "ref_adapter" / _LORA, _diffusers_lora(unet, of.reference_rank, source))
    lcm, hyper = (_kohya_lora(unet, of.distilled_rank, dtype, source) for dtype in (torch.float16, torch.float32))
    _write_tensors(folder / "lcm" / _LORA, lcm)
    _write_tensors(folder / "hyper-sd" / "Hyper-SD15-1step-lora.safetensors", hyper)
    _write_vae(folder / "vae", of, source)
    _write_model(folder / "taesd", published_tiny(of), source)
    write_recogniser(folder / "arcface.onnx", of.embedding, seed)
    _write_model(folder / "controlnet", published_controlnet(of), source)
    return folder


def published_unet(of: Dimensions) -> Any:
    """diffusers' UNet2DConditionModel of these sizes, on the meta device."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=64,
            block_out_channels=of.channels,
            norm_num_groups=of.groups,
            cross_attention_dim=of.cross,
            attention_head_dim=8,
        )


def published_controlnet(of: Dimensions) -> Any:
    """diffusers' ControlNetModel for that UNet, on the meta device."""
    hint = (8, 8, 16, 16) if of.channels[0] < 320 else (16, 32, 96, 256)
    with torch.device("meta"):
        return ControlNetModel(
            block_out_channels=of.channels,
            norm_num_groups=of.groups,
            cross_attention_dim=of.cross,
            attention_head_dim=8,
            conditioning_embedding_out_channels=hint,
        )


def published_vae(of: Dimensions) -> Any:
    """diffusers' AutoencoderKL of these sizes, on the meta device."""
    with torch.device("meta"):
        return AutoencoderKL(
            sample_size=512,
            block_out_channels=of.vae_channels,
            norm_num_groups=min(of.groups, of.vae_channels[0]),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        )


def published_tiny(of: Dimensions) -> Any:
    """diffusers' AutoencoderTiny of these sizes, on the meta device."""
    channels = (of.tiny_channels,) * 4
    with torch.device("meta"):
        return AutoencoderTiny(encoder_block_out_channels=channels, decoder_block_out_channels=channels)


def published_text_encoder(of: Dimensions) -> Any:
    """transformers' CLIPTextModel of these sizes, on the meta device; the vocabulary is CLIP's own."""
    config = CLIPTextConfig(
        hidden_size=of.cross,
        intermediate_size=4 * of.cross,
        num_hidden_layers=of.text_layers,
        num_attention_heads=of.text_heads,
        bos_token_id=0,  # so in CLIP's published file, although its tokens are 49406 and 49407
        eos_token_id=2,
    )
    with torch.device("meta"):
        return CLIPTextModel(config)


def random_state(model: nn.Module, source: torch.Generator) -> State:
    """Random tensors for a model. Every layer roughly preserves the spread of its input."""
    return {name: random_tensor(name, tuple(value.shape), source) for name, value in model.state_dict().items()}


def random_tensor(name: str, shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """A matrix or a kernel, a norm's weight about 1, an embedding or a bias about 0."""
    values = torch.empty(shape).normal_(generator=source)
    if "embedding.weight" in name:
        return values.mul_(0.5)
    if len(shape) == 1:
        return values.mul_(0.05).add_(1.0 if name.endswith("weight") else 0.0)
    return values.mul_(values[0].numel() ** -0.5)


def _write_model(folder: Path, model: Any, source: torch.Generator) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_config(folder)
    save_file(random_state(model, source), folder / _WEIGHTS, {"format": "pt"})


def _write_vae(folder: Path, of: Dimensions, source: torch.Generator) -> None:
    """As published in 2022: with fewer keys in its config, and other names for its attention."""
    model = published_vae(of)
    _write_json(
        folder / "config.json", {key: model.config[key] for key in _VAE_KEYS} | {"_class_name": "AutoencoderKL"}
    )
    state = random_state(model, source)
    _write_tensors(folder / _WEIGHTS, {as_of_2022(name): value for name, value in state.items()})


def as_of_2022(name: str) -> str:
    """The name of a tensor of the autoencoder in 2022."""
    for new, old in _VAE_NAMES.items():
        name = name.replace(f".attentions.0.{new}.", f".attentions.0.{old}.")
    return name


def _write_text_encoder(folder: Path, of: Dimensions, source: torch.Generator) -> None:
    model = published_text_encoder(of)
    _write_json(folder / "config.json", {**model.config.to_dict(), "architectures": ["CLIPTextModel"]})
    torch.save(_as_transformers_4(random_state(model, source)), folder / "pytorch_model.bin")


def _as_transformers_4(state: State) -> State:
    """Upstream's file was written by transformers 4, whose names begin with "text_model."."""
    return {f"text_model.{name.removeprefix('text_model.')}": value for name, value in state.items()}


def write_adapter(folder: Path, layout: Layout, size: Size = "small", seed: int = 0) -> None:
    """Writes the expression adapter alone, in this layout."""
    of, source = DIMENSIONS[size], torch.Generator().manual_seed(seed)
    shapes = dict(_projected(layout, of.cross))
    image_proj = {name: random_tensor(name, shape, source) for name, shape in shapes.items()}
    (folder / "exp_adapter").mkdir(parents=True, exist_ok=True)
    parts = {"image_proj": image_proj, "ip_adapter": _ip_adapter(published_unet(of), of, source)}
    torch.save(parts, folder / "exp_adapter" / "exp_adapter.bin")


def _projected(layout: Layout, cross: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the three projections that diffusers would accept 55 floats for."""
    match layout:
        case "linear":
            layers = {"proj": (4 * cross, EXPRESSION)}
            norm = "norm"
        case "faceid":
            layers = {"proj.0": (2 * EXPRESSION, EXPRESSION), "proj.2": (4 * cross, 2 * EXPRESSION)}
            norm = "norm"
        case "full":
            layers = {"proj.0": (EXPRESSION, EXPRESSION), "proj.2": (cross, EXPRESSION)}
            norm = "proj.3"
    for name, shape in {**layers, norm: (cross,)}.items():
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]


def _ip_adapter(unet: Any, of: Dimensions, source: torch.Generator) -> State:
    """Numbered as diffusers numbers attention processors: the odd ones are the cross-attentions'."""
    state: State = {}
    for number, name in enumerate(unet.attn_processors):
        if "attn2" in name:
            width = unet.get_submodule(name.removesuffix(".processor")).to_q.out_features
            for key in (f"{number}.to_k_ip.weight", f"{number}.to_v_ip.weight"):
                state[key] = random_tensor(key, (width, of.cross), source)
    return state


def _write_json(path: Path, values: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2))


def _write_tensors(path: Path, state: State) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, {"format": "pt"})


def _diffusers_lora(unet: Any, rank: int, source: torch.Generator) -> State:
    """On the self-attentions, named as diffusers' `save_lora_weights` names them; no alpha."""
    state: State = {}
    for module, down, up in low_rank(unet, tuple(f"attn1.{end}" for end in _ATTENTION), rank):
        state[f"unet.{module}.lora.down.weight"] = random_tensor(module, down, source)
        state[f"unet.{module}.lora.up.weight"] = random_tensor(module, up, source) * 0.2
    return state


def _kohya_lora(unet: Any, rank: int, dtype: torch.dtype, source: torch.Generator) -> State:
    """A LoRA for few steps, with alphas."""
    state: State = {}
    for name, shape in kohya_shapes(unet, rank).items():
        value = random_tensor(name, shape, source) if shape else torch.tensor(rank / 8)
        state[name] = (value * 0.2 if "lora_up" in name else value).to(dtype)
    return state


def kohya_shapes(unet: Any, rank: int) -> dict[str, tuple[int, ...]]:
    """What is in the published LoRAs for few steps, named as kohya's scripts do."""
    shapes: dict[str, tuple[int, ...]] = {}
    for module, down, up in low_rank(unet, _DISTILLED, rank):
        key = f"lora_unet_{module.replace('.', '_')}"
        shapes |= {f"{key}.alpha": (), f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
    return shapes


def low_rank(unet: Any, ends: tuple[str, ...], rank: int) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """Name, and shapes of down and up, of each layer whose name ends so; a convolution's up is 1 by 1."""
    for name, module in unet.named_modules():
        if name.endswith(tuple(f".{end}" for end in ends)):
            out, *read = module.weight.shape
            yield name, (rank, *read), (out, rank, *(1 for _ in read[1:]))


def write_recogniser(path: Path, embedding: int, seed: int = 0) -> None:
    """An ONNX network with the interface of `arcface.onnx`: pictures [N,3,112,112] to embeddings, not normalised."""
    rng = np.random.default_rng(seed)
    weights = {
        "kernel": rng.standard_normal((8, 3, 16, 16)).astype(np.float32) / 28.0,
        "matrix": rng.standard_normal((8 * 7 * 7, embedding)).astype(np.float32) / 20.0,
    }
    nodes = [
        helper.make_node("Conv", ["input.1", "kernel"], ["features"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Relu", ["features"], ["positive"]),
        helper.make_node("Flatten", ["positive"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["683"]),
    ]
    graph = helper.make_graph(
        nodes,
        "recogniser",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, ["None", 3, 112, 112])],
        [helper.make_tensor_value_info("683", TensorProto.FLOAT, ["None", embedding])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
