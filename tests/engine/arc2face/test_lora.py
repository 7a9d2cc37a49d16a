"""LoRAs under each of their usual names, held against diffusers' and PEFT's own on equal random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import Tensor

from omote.engine.diffusion.arc2face.loading import load_unet
from omote.engine.diffusion.arc2face.lora import Lora, fuse, read_lora
from omote.engine.diffusion.arc2face.unet import UNet
from omote.engine.diffusion.arc2face.unet_shape import UNetShape
from tests.engine.arc2face.twins import TOLERANCE, Sizes, apart, ours, question, theirs

Weights = dict[str, Tensor]

SIZES = Sizes(channels=(8, 16), attends=(True, False), layers=1, groups=4)
SCALE = 0.8
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
EVERYTHING = (
    *ATTENTION,
    *("proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"),
    *("conv1", "conv2", "conv_shortcut", "time_emb_proj", "downsamplers.0.conv", "upsamplers.0.conv"),
    *("conv_in", "conv_out", "linear_1", "linear_2"),
)


@pytest.fixture(scope="module")
def bare() -> Any:
    return theirs(SIZES)


def changed(unet: Any, ends: tuple[str, ...]) -> Weights:
    """The weights of the modules whose names end so."""
    modules = dict(unet.named_modules())
    return {
        name: module.weight for name, module in modules.items() if name.endswith(ends) and hasattr(module, "weight")
    }


def pairs(unet: Any, ends: tuple[str, ...] = EVERYTHING, rank: Callable[[int], int] = lambda n: 2) -> Weights:
    """Random "NAME.down" and "NAME.up" for each module, of a rank that may depend on which it is."""
    source, found = torch.Generator().manual_seed(2), {}
    for number, (name, weight) in enumerate(changed(unet, ends).items()):
        wide, inward, *kernel = weight.shape
        kernel_up = [1] * len(kernel)
        found[f"{name}.down"] = 0.3 * torch.randn(rank(number), inward, *kernel, generator=source)
        found[f"{name}.up"] = 0.3 * torch.randn(wide, rank(number), *kernel_up, generator=source)
    return found


def renamed(weights: Mapping[str, Tensor], prefix: str, down: str, up: str) -> Weights:
    ends = {".down": down, ".up": up}
    return {f"{prefix}{name.rpartition('.')[0]}{ends['.' + name.rpartition('.')[2]]}": w for name, w in weights.items()}


def kohya(weights: Mapping[str, Tensor], alpha: Callable[[str], float]) -> Weights:
    flat = {name.rpartition(".")[0].replace(".", "_") + "." + name.rpartition(".")[2]: w for name, w in weights.items()}
    modules = dict.fromkeys(name.partition(".")[0] for name in flat)
    alphas = {f"lora_unet_{name}.alpha": torch.tensor(alpha(name)) for name in modules}
    return {**renamed(flat, "lora_unet_", ".lora_down.weight", ".lora_up.weight"), **alphas}


def old(weights: Mapping[str, Tensor]) -> Weights:
    """diffusers of 2023 hung them on attention's processors."""
    plain = renamed(weights, "unet.", "_lora.down.weight", "_lora.up.weight")
    return {
        name.replace(".to_out.0_lora", ".to_out_lora").replace(".to_", ".processor.to_"): w for name, w in plain.items()
    }


def peer_says(weights: Weights, scale: float = SCALE) -> Tensor:
    """What diffusers' UNet says with the LoRA loaded by diffusers and PEFT."""
    unet, asked = theirs(SIZES), question(2)
    state, alphas = StableDiffusionPipeline.lora_state_dict(dict(weights))
    unet.load_lora_adapter(state, prefix="unet", network_alphas=alphas)
    unet.set_adapters("default_0", scale)
    unet.requires_grad_(False)
    said: Tensor = unet(asked.x, asked.t, asked.tokens).sample
    return said


def we_say(bare: Any, path: Path, scale: float = SCALE) -> Tensor:
    unet, asked = ours(bare), question(2)
    fuse(unet, read_lora(path), scale)
    said: Tensor = unet(asked.x, asked.t, asked.tokens)
    return said


def saved(path: Path, weights: Weights) -> Path:
    if path.suffix == ".safetensors":
        save_file({name: weight.contiguous() for name, weight in weights.items()}, path)
    else:
        torch.save(weights, path)
    return path


def plain(bare: Any) -> Tensor:
    asked = question(2)
    said: Tensor = bare(asked.x, asked.t, asked.tokens).sample
    return said


def alpha_of(module: str) -> float:
    """Its own for each kind of module but attention, whose own diffusers 0.42 passes over for the commonest."""
    return 1.0 if "_attn" in module else 0.5 + len(module) % 3


NAMED: dict[str, Callable[[Any], Weights]] = {
    "diffusers": lambda unet: renamed(pairs(unet), "unet.", ".lora.down.weight", ".lora.up.weight"),
    "diffusers on processors": lambda unet: old(pairs(unet, ATTENTION)),
    "peft": lambda unet: renamed(pairs(unet), "unet.", ".lora_A.weight", ".lora_B.weight"),
    "kohya": lambda unet: kohya(pairs(unet), lambda name: 1.0),
    "kohya, alphas apart": lambda unet: kohya(pairs(unet), alpha_of),
    "ranks apart": lambda unet: renamed(
        pairs(unet, rank=lambda number: 1 + number % 4), "unet.", ".lora.down.weight", ".lora.up.weight"
    ),
    "kohya, ranks and alphas apart": lambda unet: kohya(pairs(unet, rank=lambda number: 1 + number % 4), alpha_of),
}


@pytest.mark.parametrize("name", NAMED)
def test_fused_lora_says_what_diffusers_says(bare: Any, tmp_path: Path, name: str) -> None:
    weights = NAMED[name](bare)
    found = we_say(bare, saved(tmp_path / "lora.safetensors", weights))
    # A sum that is fused first and multiplied then is rounded in another order than two products added up.
    assert apart(found, peer_says(weights)) <= 3 * TOLERANCE
    assert apart(found, plain(bare)) > 0.05


@pytest.mark.parametrize(("prefix", "end"), [("", ".weight"), ("unet.", ""), ("unet.", ".default.weight")])
def test_other_writings_of_the_same_names_are_read_as_one(bare: Any, tmp_path: Path, prefix: str, end: str) -> None:
    usual = saved(tmp_path / "usual.bin", NAMED["peft"](bare))
    other = saved(tmp_path / "other.bin", renamed(pairs(bare), prefix, f".lora_A{end}", f".lora_B{end}"))
    assert torch.equal(we_say(bare, other), we_say(bare, usual))


@pytest.mark.parametrize("scale", [0.0, 0.5, -1.0])
def test_scale_weighs_the_change(bare: Any, tmp_path: Path, scale: float) -> None:
    weights = NAMED["kohya"](bare)
    found = we_say(bare, saved(tmp_path / "lora.safetensors", weights), scale)
    assert apart(found, peer_says(weights, scale)) <= 3 * TOLERANCE


def test_alphas_of_attention_count_too(bare: Any, tmp_path: Path) -> None:
    """The same change written as alphas, and multiplied into the tensors."""
    weights = pairs(bare, ATTENTION)
    scaled = {name: w * (0.5 + len(name) % 3) / 2 if name.endswith(".up") else w for name, w in weights.items()}
    ends = (".lora.down.weight", ".lora.up.weight")
    told = kohya(weights, lambda name: 0.5 + (len(name) + len(".up")) % 3)
    found = we_say(bare, saved(tmp_path / "told.bin", told))
    assert apart(found, peer_says(renamed(scaled, "unet.", *ends))) <= 3 * TOLERANCE
    assert apart(found, peer_says(renamed(weights, "unet.", *ends))) > 0.05


def test_no_scale_changes_nothing_to_the_last_bit(bare: Any, tmp_path: Path) -> None:
    unet = ours(bare)
    fuse(unet, read_lora(saved(tmp_path / "lora.safetensors", NAMED["peft"](bare))), 0.0)
    assert all(torch.equal(weight, bare.state_dict()[name]) for name, weight in unet.state_dict().items())


# A quarter, and less, of what it is by its rank, which would be taken where the alphas are not found.
PEFT = LoraConfig(
    r=2,
    lora_alpha=8,
    alpha_pattern={"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q": 3, "conv1": 5},
    target_modules=["to_q", "to_k", "conv1", "proj_in"],
)


def made_random(peer: Any) -> Any:
    source = torch.Generator().manual_seed(4)
    for name, weight in peer.named_parameters():
        if "lora_" in name:
            weight.data = 0.3 * torch.randn(weight.shape, generator=source)
    return peer.requires_grad_(False)


def test_alpha_that_peft_writes_into_the_header_counts(bare: Any, tmp_path: Path) -> None:
    peer, asked = theirs(SIZES), question(2)
    peer.add_adapter(PEFT, "toy")
    made_random(peer).save_lora_adapter(tmp_path, adapter_name="toy", weight_name="lora.safetensors")
    found = we_say(bare, tmp_path / "lora.safetensors", 1.0)
    assert apart(found, peer(asked.x, asked.t, asked.tokens).sample) <= 3 * TOLERANCE
    assert apart(found, plain(bare)) > 0.05


def test_alpha_that_peft_saves_beside_the_file_counts(bare: Any, tmp_path: Path) -> None:
    peer, asked = made_random(get_peft_model(theirs(SIZES), PEFT)), question(2)
    peer.save_pretrained(tmp_path)
    found = we_say(bare, tmp_path / "adapter_model.safetensors", 1.0)
    assert apart(found, peer(asked.x, asked.t, asked.tokens).sample) <= 3 * TOLERANCE
    assert apart(found, plain(bare)) > 0.05


def test_file_of_peft_without_what_tells_its_alpha_is_refused(bare: Any, tmp_path: Path) -> None:
    weights = renamed(pairs(bare), "base_model.model.", ".lora_A.weight", ".lora_B.weight")
    path = saved(tmp_path / "adapter_model.bin", weights)
    with pytest.raises(ValueError, match=r"put its adapter_config\.json beside it"):
        read_lora(path)


NO_NUMBERS = ('{"lora_alpha": NaN}', '{"alpha_pattern": {"to_q": null}}', '{"alpha_pattern": {"to_q": Infinity}}')


@pytest.mark.parametrize("told", ["[]", "{", '{"lora_alpha": "8"}', '{"alpha_pattern": 3}', *NO_NUMBERS])
def test_alphas_that_cannot_be_understood_are_refused(bare: Any, tmp_path: Path, told: str) -> None:
    path = tmp_path / "lora.safetensors"
    save_file(NAMED["peft"](bare), path, {"lora_adapter_metadata": told})
    with pytest.raises(ValueError, match=r"lora\.safetensors (must describe|says its alphas)"):
        read_lora(path)


def test_fuse_says_how_many_weights_it_changed(bare: Any, tmp_path: Path) -> None:
    path = saved(tmp_path / "lora.safetensors", NAMED["peft"](bare))
    assert fuse(ours(bare), read_lora(path), 1.0) == len(changed(bare, EVERYTHING)) == 83


@pytest.mark.parametrize(("folder", "count"), [("ref_adapter", 64), ("lcm", 278), ("hyper-sd", 278)])
def test_published_loras_fit_a_loaded_unet_and_leave_its_file_as_it_is(
    published: Path, folder: str, count: int
) -> None:
    """The weights are mapped from the file: what is added to them must not be written to it."""
    file = published / "arc2face" / "diffusion_pytorch_model.safetensors"
    before, unet = file.read_bytes(), load_unet(published / "arc2face")
    assert fuse(unet, read_lora(next((published / folder).iterdir())), SCALE) == count
    assert unet.state_dict()["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.weight"].isfinite().all()
    assert file.read_bytes() == before


def test_fusing_twice_adds_twice(bare: Any, tmp_path: Path) -> None:
    lora, once, twice = read_lora(saved(tmp_path / "lora.bin", NAMED["peft"](bare))), ours(bare), ours(bare)
    fuse(once, lora, 1.0)
    fuse(twice, lora, 0.25)
    fuse(twice, lora, 0.75)
    for one, other in zip(once.parameters(), twice.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_half_precision_is_changed_as_if_it_were_full(bare: Any, tmp_path: Path) -> None:
    """Rounded once, at the end: half a step of bfloat16 at the size of a number is 2^-9 of it."""
    lora, full, half = read_lora(saved(tmp_path / "lora.bin", NAMED["peft"](bare))), ours(bare), ours(bare)
    half.to(torch.bfloat16)
    full.load_state_dict(half.state_dict())
    fuse(full, lora, SCALE)
    fuse(half, lora, SCALE)
    for one, other in zip(full.parameters(), half.parameters(), strict=True):
        assert torch.equal(one.to(torch.bfloat16), other)


def refused(bare: Any, path: Path, lora: Callable[[], Lora], wanted: str) -> None:
    """The sentence, and a UNet that is as it was."""
    unet = ours(bare)
    with pytest.raises(ValueError, match=wanted):
        fuse(unet, lora(), 1.0)
    assert all(torch.equal(weight, bare.state_dict()[name]) for name, weight in unet.state_dict().items())


@pytest.mark.parametrize(
    ("key", "shape", "wanted"),
    [
        ("unet.down_blocks.7.resnets.0.conv1", [8], "no weight that fits down_blocks_7_resnets_0_conv1"),
        ("lora_unet_input_blocks_1_1_proj_in", [8], "no weight that fits input_blocks_1_1_proj_in"),
        ("unet.down_blocks.0.resnets.0.norm1", [8], "no weight that fits down_blocks_0_resnets_0_norm1"),
        ("unet.down_blocks.0.resnets.0.conv1", [9, 3, 3], "no weight that fits down_blocks_0_resnets_0_conv1"),
        ("unet.time_embedding.linear_1", [320], "no weight that fits time_embedding_linear_1"),
    ],
)
def test_keys_that_fit_no_weight_are_named(bare: Any, tmp_path: Path, key: str, shape: list[int], wanted: str) -> None:
    more = {f"{key}.lora.down.weight": torch.ones(2, *shape), f"{key}.lora.up.weight": torch.ones(8, 2)}
    path = saved(tmp_path / "lora.bin", {**NAMED["diffusers"](bare), **more})
    refused(bare, path, lambda: read_lora(path), wanted)


@pytest.mark.parametrize(
    "key",
    [
        "unet.conv_in.hada_w1_a",
        "lora_unet_conv_in.dora_scale",
        "unet.conv_in.lora_magnitude_vector",
        "lora_unet_conv_in.lora_mid.weight",
        "unet.conv_in.lora_B.bias",
        "unet.conv_in.weight",
    ],
)
def test_keys_that_are_no_part_of_a_lora_are_named(bare: Any, tmp_path: Path, key: str) -> None:
    path = saved(tmp_path / "lora.bin", {**NAMED["diffusers"](bare), key: torch.ones(1)})
    with pytest.raises(ValueError, match=key):
        read_lora(path)


@pytest.mark.parametrize("key", ["text_encoder.text_model.encoder.layers.0.q.lora.down.weight", "lora_te_x.alpha"])
def test_lora_that_also_changes_the_text_encoder_is_refused_whole(bare: Any, tmp_path: Path, key: str) -> None:
    path = saved(tmp_path / "lora.bin", {**NAMED["diffusers"](bare), key: torch.ones(2, 2)})
    with pytest.raises(ValueError, match="also changes a text encoder"):
        read_lora(path)


def test_half_a_pair_is_refused_by_name(bare: Any, tmp_path: Path) -> None:
    weights = NAMED["diffusers"](bare)
    del weights["unet.conv_in.lora.up.weight"]
    path = saved(tmp_path / "lora.bin", weights)
    with pytest.raises(ValueError, match="got half for conv_in"):
        read_lora(path)


@pytest.mark.parametrize(
    ("part", "value", "wanted"),
    [
        ("down.weight", torch.ones(8), "conv_in must be two matrices, got"),
        ("down.weight", torch.ones(0, 8), "conv_in must be two matrices, got"),
        ("alpha", torch.ones(2), "alpha of the LoRA of conv_in must be a number"),
        ("alpha", torch.tensor(torch.nan), "alpha of the LoRA of conv_in must be a number"),
    ],
)
def test_numbers_that_make_no_change_are_refused(
    bare: Any, tmp_path: Path, part: str, value: Tensor, wanted: str
) -> None:
    path = saved(tmp_path / "lora.bin", {**NAMED["diffusers"](bare), f"unet.conv_in.lora.{part}": value})
    with pytest.raises(ValueError, match=wanted):
        read_lora(path)


def test_empty_file_is_no_lora(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold a lora down and up"):
        read_lora(saved(tmp_path / "lora.bin", {}))


@pytest.mark.parametrize("kind", ["use_dora", "use_rslora", "lora_bias"])
def test_kinds_that_would_be_drawn_wrongly_are_refused(bare: Any, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "lora.safetensors"
    save_file(NAMED["peft"](bare), path, {"lora_adapter_metadata": f'{{"unet.{kind}": true, "unet.r": 2}}'})
    with pytest.raises(ValueError, match=kind):
        read_lora(path)


def test_full_size_names_are_unique_with_underscores_for_dots() -> None:
    """Otherwise a LoRA might change another weight than the one it names."""
    with torch.device("meta"):
        names = [name for name, _ in UNet(UNetShape()).named_modules()]
    assert len({name.replace(".", "_") for name in names}) == len(names)
