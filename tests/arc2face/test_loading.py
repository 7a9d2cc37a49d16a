"""Published files load completely, LoRAs fuse as they were trained, and damaged files are refused."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor

from omote.engine.arc2face.loading import (
    fuse,
    install_adapter,
    load,
    load_unet,
    read_adapter,
    read_lora,
    read_tensors,
)
from omote.engine.arc2face.processors import block_names
from tests.arc2face import tiny

WEIGHTS = "diffusion_pytorch_model.safetensors"
Weights = dict[str, Tensor]
Parts = dict[str, tuple[Tensor, Tensor]]  # down and up of each module


def test_models_are_ready_to_draw_and_files_of_2022_are_read(published: Path) -> None:
    unet = load_unet(published / "arc2face")
    for model in (unet, load("taesd", published / "taesd")):
        assert not model.training and not any(value.requires_grad for value in model.parameters())
    named_in_2022 = load_file(published / "vae" / WEIGHTS)["decoder.mid_block.attentions.0.query.weight"]
    assert torch.equal(load("vae", published / "vae").decoder.mid_block.attentions[0].to_q.weight, named_in_2022)
    assert load("encoder", published / "encoder").config.hidden_size == 32
    names = block_names(unet)
    assert len(names) == 16 and names[-1].startswith("mid_block")
    assert names[0].startswith("down_blocks.0") and names[6].startswith("up_blocks.1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("conv_in.bias"), "missing keys: conv_in.bias"),
        (lambda state: state.update(more=torch.zeros(1)), "unexpected keys: more"),
        (lambda state: state.update({"conv_in.bias": torch.zeros(3)}), "conv_in.bias"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_its_key(
    published: Path, tmp_path: Path, change: Callable[[Weights], object], message: str
) -> None:
    shutil.copy(published / "arc2face" / "config.json", tmp_path)
    state = load_file(published / "arc2face" / WEIGHTS)
    change(state)
    save_file(state, tmp_path / WEIGHTS, {"format": "pt"})
    with pytest.raises(ValueError, match=message) as error:
        load_unet(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_missing_damaged_and_other_models_are_refused_by_their_folder(published: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no UNet2DConditionModel"):
        load_unet(tmp_path / "nowhere")
    (tmp_path / WEIGHTS).write_bytes(b"noise")
    shutil.copy(published / "vae" / "config.json", tmp_path)
    with pytest.raises(ValueError, match="holds no AutoencoderKL"):
        load("vae", tmp_path)
    other = tiny.unet(use_linear_projection=True)
    other.save_config(tmp_path)
    state = {name: value for name, value in other.state_dict().items() if "processor" not in name}
    save_file(state, tmp_path / WEIGHTS, {"format": "pt"})
    with pytest.raises(ValueError, match="another kind of UNet"):
        load_unet(tmp_path)


class Bomb:
    """Calls this when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("code in a pickle was run",))


def test_a_pickle_is_read_as_tensors_alone(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "good.bin")
    assert torch.equal(read_tensors(tmp_path / "good.bin")["a"], torch.ones(2))
    (tmp_path / "bad.bin").write_bytes(pickle.dumps({"a": Bomb()}))
    torch.save([torch.ones(2)], tmp_path / "list.bin")
    for name in ("bad.bin", "list.bin"):
        with pytest.raises(ValueError, match=f"{name} must"):
            read_tensors(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda parts: parts["image_proj"].update({"latents": torch.zeros(1)}), "no expression adapter"),
        (lambda parts: parts["image_proj"].pop("proj.3.weight"), "known layouts are"),
        (
            lambda parts: parts["image_proj"].update({"proj.0.weight": torch.zeros(64, 64)}),
            r"takes \[64\] numbers, an expression has 55",
        ),
        (lambda parts: parts["ip_adapter"].pop("3.to_v_ip.weight"), "does not fit a UNet of 16 blocks: 3.to_v_ip"),
        (lambda parts: parts["ip_adapter"].update({"1.to_k_ip.weight": torch.zeros(3, 3)}), "made for another UNet"),
        (lambda parts: parts["ip_adapter"].update({"0.to_q_lora.down.weight": torch.zeros(1)}), "FaceID"),
        (lambda parts: parts.update(more={"a": torch.zeros(1)}), "no adapter for cross-attention: it holds more.a"),
    ],
)
def test_another_adapter_is_refused(
    published_unet: Any, published: Path, tmp_path: Path, change: Callable[[Any], object], message: str
) -> None:
    parts = torch.load(published / "exp_adapter" / "exp_adapter.bin", weights_only=True)
    change(parts)
    torch.save(parts, tmp_path / "exp_adapter.bin")
    with pytest.raises(ValueError, match=message):
        install_adapter(published_unet, read_adapter(tmp_path / "exp_adapter.bin"))


@pytest.fixture(scope="module")
def published_unet(published: Path) -> Any:
    return load_unet(published / "arc2face")


# LoRAs of the tiny UNet.

ENDS = ("attn1.to_q", "attn2.to_k", "attn1.to_out.0", "proj_in", "conv1", "conv_shortcut", "time_emb_proj", "ff.net.2")
LORA = "lora.safetensors"
DIFFUSERS = ("unet.", ".lora.down.weight", ".lora.up.weight")
PEFT_NAMES = ("unet.", ".lora_A.weight", ".lora_B.weight")


def pairs(rank: Callable[[int], int] = lambda number: 2) -> Parts:
    """Random down and up for modules of each kind, by their names."""
    source, found = torch.Generator().manual_seed(2), {}
    modules = [(name, one) for name, one in tiny.unet().named_modules() if name.endswith(ENDS)]
    for number, (name, module) in enumerate(modules):
        wide, inward, *kernel = module.weight.shape
        down = 0.3 * torch.randn(rank(number), inward, *kernel, generator=source)
        found[name] = down, 0.3 * torch.randn(wide, rank(number), *([1] * len(kernel)), generator=source)
    return found


def named(of: Parts, prefix: str, down: str, up: str) -> Weights:
    return {
        f"{prefix}{name}{end}": part for name, both in of.items() for end, part in zip((down, up), both, strict=True)
    }


def saved(path: Path, weights: Weights, words: dict[str, str] | None = None) -> Path:
    if path.suffix == ".safetensors":
        save_file({name: weight.contiguous() for name, weight in weights.items()}, path, words)
    else:
        torch.save(weights, path)
    return path


def assert_fused(path: Path, of: Parts, alpha: Callable[[str, int], float]) -> None:
    """Each weight W has become W + 0.7 alpha / rank up down, and no other has changed."""
    unet, before = tiny.unet(), tiny.unet().state_dict()
    fuse(unet, read_lora(path), 0.7)
    for key, weight in unet.state_dict().items():
        wanted, name = before[key], key.removesuffix(".weight")
        if name in of and key.endswith(".weight"):
            down, up = (part.flatten(1) for part in of[name])
            wanted = wanted + 0.7 * alpha(name, len(down)) / len(down) * (up @ down).reshape(wanted.shape)
        torch.testing.assert_close(weight, wanted, atol=1e-5, rtol=1e-5)
    assert list(unet.state_dict()) == list(before)


@pytest.mark.parametrize(
    ("names", "suffix"),
    [
        (DIFFUSERS, ".safetensors"),
        (DIFFUSERS, ".bin"),
        (PEFT_NAMES, ".safetensors"),
        (("", *PEFT_NAMES[1:]), ".safetensors"),
        (("unet.", ".lora_A.default.weight", ".lora_B.default.weight"), ".safetensors"),
    ],
)
def test_a_lora_is_fused_under_any_of_its_usual_names(tmp_path: Path, names: tuple[str, str, str], suffix: str) -> None:
    path = saved(tmp_path / f"lora{suffix}", named(pairs(), *names))
    assert_fused(path, pairs(), lambda name, rank: float(rank))


def test_alphas_of_kohya_s_tensors_count_for_each_module(tmp_path: Path) -> None:
    of, weights = pairs(lambda number: 1 + number % 3), Weights()

    def alpha(name: str, rank: int) -> float:
        return 0.5 + len(name) % 3

    for name, (down, up) in of.items():
        key = f"lora_unet_{name.replace('.', '_')}"
        weights |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
        weights[f"{key}.alpha"] = torch.tensor(alpha(name, 0))
    assert_fused(saved(tmp_path / LORA, weights), of, alpha)


def test_mixed_ranks_without_alphas_are_scaled_as_the_authors_diffusers_does(tmp_path: Path) -> None:
    """diffusers 0.29.2 takes the first module's rank for the alpha of all; newer ones take each module's own."""
    of = pairs(lambda number: 4 if number == 0 else 2)
    path = saved(tmp_path / LORA, named(of, *DIFFUSERS))
    assert_fused(path, of, lambda name, rank: 4.0)
    assert "rank 2/4, alpha 4 (diffusers 0.29.2's default)" in read_lora(path).summary


FIRST = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
CONFIG = LoraConfig(
    r=2, lora_alpha=8, alpha_pattern={FIRST: 3, "conv1": 5}, target_modules=["to_q", "to_k", "conv1", "proj_in"]
)


@pytest.mark.parametrize("is_in_header", [True, False])
def test_alphas_that_peft_writes_into_the_header_or_beside_the_file_count(tmp_path: Path, is_in_header: bool) -> None:
    def alpha(name: str, rank: int) -> float:
        return 3.0 if name == FIRST else 5.0 if name.endswith("conv1") else 8.0

    peer: Any = tiny.unet()
    if is_in_header:
        peer.add_adapter(CONFIG, "toy")
    else:
        peer = get_peft_model(peer, CONFIG)
    source, of = torch.Generator().manual_seed(4), Parts()
    for name, weight in peer.named_parameters():
        if "lora_" in name:
            weight.data = 0.3 * torch.randn(weight.shape, generator=source)
    for name, module in peer.named_modules():
        if hasattr(module, "lora_A") and module.lora_A:
            (key,) = module.lora_A
            both = module.lora_A[key].weight.detach(), module.lora_B[key].weight.detach()
            of[name.removeprefix("base_model.model.")] = both
    if is_in_header:
        peer.save_lora_adapter(tmp_path, adapter_name="toy", weight_name=LORA)
        assert_fused(tmp_path / LORA, of, alpha)
        assert "(in its header)" in read_lora(tmp_path / LORA).summary
        return
    peer.save_pretrained(tmp_path)
    assert_fused(tmp_path / "adapter_model.safetensors", of, alpha)
    (tmp_path / "adapter_config.json").unlink()
    with pytest.raises(ValueError, match=r"put its adapter_config\.json, which holds the alpha, beside it"):
        read_lora(tmp_path / "adapter_model.safetensors")


@pytest.mark.parametrize(("folder", "count"), [("ref_adapter", 64), ("lcm", 278), ("hyper-sd", 278)])
def test_published_loras_fit_and_leave_the_file_of_the_unet_as_it_is(published: Path, folder: str, count: int) -> None:
    file = published / "arc2face" / WEIGHTS
    before, unet, lora = file.read_bytes(), load_unet(file.parent), read_lora(next((published / folder).iterdir()))
    assert len(lora.ranks) == count
    fuse(unet, lora, 0.8)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"text_encoder.q.lora.down.weight": (2, 2)}, "also changes a text encoder"),
        ({"unet.conv_in.lora.down.weight": (2, 4, 3, 3)}, "a down and an up matrix for each weight, got.*conv_in"),
        ({"unet.conv_in.weight": (1,)}, "a down and an up matrix for each weight, got conv_in"),
        ({"unet.conv_in.lora.down.bias": (2,)}, "a down and an up matrix for each weight, got conv_in"),
        ({"unet.conv_in.hada_w1_a": (1,)}, "a down and an up matrix for each weight, got conv_in"),
        (
            {f"unet.down_blocks.7.resnets.0.conv1.lora.{part}.weight": shape
             for part, shape in (("down", (2, 8, 3, 3)), ("up", (8, 2, 1, 1)))},
            "is a LoRA for another network",
        ),
        (
            {f"unet.down_blocks.0.resnets.0.conv1.lora.{part}.weight": shape
             for part, shape in (("down", (2, 9, 3, 3)), ("up", (8, 2, 1, 1)))},
            "is a LoRA for another network",
        ),
    ],
)  # fmt: skip
def test_unknown_keys_and_a_lora_of_another_network_are_refused(
    tmp_path: Path, more: dict[str, tuple[int, ...]], message: str
) -> None:
    weights = named(pairs(), *DIFFUSERS) | {name: torch.ones(shape) for name, shape in more.items()}
    with pytest.raises(ValueError, match=message):
        fuse(tiny.unet(), read_lora(saved(tmp_path / "lora.bin", weights)), 1.0)


HEADERS = ("[]", "{", '{"lora_alpha": "8"}', '{"lora_alpha": NaN}', '{"unet.use_dora": true}', '{"use_rslora": true}')


@pytest.mark.parametrize("header", HEADERS)
def test_headers_that_would_be_drawn_wrongly_are_refused(tmp_path: Path, header: str) -> None:
    path = saved(tmp_path / LORA, named(pairs(), *PEFT_NAMES), {"lora_adapter_metadata": header})
    with pytest.raises(ValueError, match=r"must describe its LoRA|must be a number|which is not supported"):
        read_lora(path)
