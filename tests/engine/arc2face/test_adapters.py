"""The expression adapter in each published layout, held against diffusers' IP-Adapter on equal random weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from omote.engine.diffusion.arc2face.adapters import (
    ExpressionAdapter,
    ExpressionAdapterFile,
    install,
    read_expression_adapter,
)
from omote.engine.diffusion.arc2face.unet import UNet
from omote.engine.diffusion.arc2face.unet_shape import UNetShape
from tests.engine.arc2face.twins import TOLERANCE, Sizes, apart, ours, question, theirs

Weights = dict[str, Tensor]

CROSS = 12
LAYOUTS = ("linear", "faceid", "full")


def random(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> Weights:
    source = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=source) for name, shape in shapes.items()}


def image_proj(layout: str, cross: int = CROSS, inward: int = 55) -> Weights:
    """What makes the tokens: 4 by one matrix, 3 by two, or 1 by two."""
    norm = {"norm.weight": (cross,), "norm.bias": (cross,)}
    if layout == "linear":
        return random({"proj.weight": (4 * cross, inward), "proj.bias": (4 * cross,), **norm})
    hidden, tokens = (inward, 1) if layout == "full" else (2 * inward, 3)
    first = {"proj.0.weight": (hidden, inward), "proj.0.bias": (hidden,)}
    last = {"proj.2.weight": (tokens * cross, hidden), "proj.2.bias": (tokens * cross,)}
    third = {name.replace("norm", "proj.3"): shape for name, shape in norm.items()}
    return random({**first, **last, **(third if layout == "full" else norm)})


def ip_adapter(shape: UNetShape) -> Weights:
    """What reads the tokens; key ids are odd and rise in block order."""
    pairs = [(2 * number + 1, kind, block) for number, block in enumerate(shape.blocks) for kind in "kv"]
    return random({f"{key_id}.to_{kind}_ip.weight": (block.channels, shape.cross) for key_id, kind, block in pairs})


@pytest.fixture(scope="module")
def bare() -> Any:
    return theirs(Sizes())


def file_of(unet: UNet, layout: str) -> ExpressionAdapterFile:
    return ExpressionAdapterFile("exp_adapter.bin", image_proj(layout), ip_adapter(unet.shape))


def adapted(bare: Any, layout: str) -> tuple[Any, UNet, ExpressionAdapter]:
    """diffusers' UNet and ours with the same adapter in them."""
    unet, peer = ours(bare), theirs(Sizes())
    file = file_of(unet, layout)
    peer._load_ip_adapter_weights([{"image_proj": dict(file.image_proj), "ip_adapter": dict(file.ip_adapter)}])
    return peer, unet, install(unet, file)


def set_scales(peer: Any, scales: Tensor) -> None:
    processors = [processor for processor in peer.attn_processors.values() if hasattr(processor, "scale")]
    for processor, scale in zip(processors, scales.tolist(), strict=True):
        processor.scale = [scale]


VECTORS = torch.randn(2, 55, generator=torch.Generator().manual_seed(5))


def said(peer: Any) -> Tensor:
    asked = question(2)
    noise: Tensor = peer(asked.x, asked.t, asked.tokens, added_cond_kwargs={"image_embeds": [VECTORS[:, None]]}).sample
    return noise


@pytest.mark.parametrize(("layout", "tokens"), [("linear", 4), ("faceid", 3), ("full", 1)])
def test_tokens_are_those_of_diffusers(bare: Any, layout: str, tokens: int) -> None:
    peer, _, adapter = adapted(bare, layout)
    found = adapter(VECTORS)
    assert adapter.tokens == tokens
    assert found.shape == (2, tokens, CROSS)
    assert apart(found, peer.encoder_hid_proj([VECTORS[:, None]])[0].flatten(0, -3)) <= TOLERANCE


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_noise_is_that_of_diffusers_with_the_adapter_in_it(bare: Any, layout: str, scale: float) -> None:
    peer, unet, adapter = adapted(bare, layout)
    asked, scales = question(2), torch.full((11,), scale)
    set_scales(peer, scales)
    found = unet(asked.x, asked.t, asked.tokens, adapter(VECTORS), scales)
    assert apart(found, said(peer)) <= TOLERANCE
    # An adapter that is installed without being read would pass the line above at scale 0 alone.
    assert (apart(found, unet(asked.x, asked.t, asked.tokens)) > 0.01) is (scale > 0.0)


def test_each_block_reads_the_expression_by_a_scale_of_its_own(bare: Any) -> None:
    peer, unet, adapter = adapted(bare, "linear")
    asked, scales = question(2), torch.linspace(0.0, 1.5, 11)
    set_scales(peer, scales)
    assert apart(unet(asked.x, asked.t, asked.tokens, adapter(VECTORS), scales), said(peer)) <= TOLERANCE


def test_no_scale_is_a_scale_of_one(bare: Any) -> None:
    _, unet, adapter = adapted(bare, "full")
    asked, tokens = question(2), adapter(VECTORS)
    one = unet(asked.x, asked.t, asked.tokens, tokens, torch.ones(11))
    assert torch.equal(unet(asked.x, asked.t, asked.tokens, tokens), one)


@pytest.mark.parametrize(("layout", "parameters"), [("linear", 173_568), ("faceid", 348_688), ("full", 47_624)])
def test_published_layouts_have_their_number_of_parameters(layout: str, parameters: int) -> None:
    weights = image_proj(layout, cross=768)
    if layout == "faceid":
        weights |= random({"proj.2.weight": (4 * 768, 110), "proj.2.bias": (4 * 768,)})
    adapter = ExpressionAdapter.of(weights)
    assert sum(weight.numel() for weight in adapter.parameters()) == parameters


def test_full_size_takes_the_published_thirty_two_tensors() -> None:
    weights = ip_adapter(UNetShape())
    assert (len(weights), sum(weight.numel() for weight in weights.values())) == (32, 19_169_280)
    with torch.device("meta"):
        unet = UNet(UNetShape())
    install(unet, ExpressionAdapterFile("exp_adapter.bin", image_proj("full", cross=768), weights))
    installed = [name for name in unet.state_dict() if "_ip." in name]
    assert len(installed) == 32


def saved(path: Path, file: ExpressionAdapterFile) -> Path:
    """As upstream pickles it where the path ends in .bin, else as safetensors."""
    if path.suffix == ".bin":
        torch.save({"image_proj": dict(file.image_proj), "ip_adapter": dict(file.ip_adapter)}, path)
        return path
    flat = {f"image_proj.{name}": weight for name, weight in file.image_proj.items()}
    save_file({**flat, **{f"ip_adapter.{name}": weight for name, weight in file.ip_adapter.items()}}, path)
    return path


@pytest.mark.parametrize("name", ["exp_adapter.bin", "exp_adapter.safetensors"])
def test_file_is_read_in_both_kinds(bare: Any, tmp_path: Path, name: str) -> None:
    written = file_of(ours(bare), "faceid")
    read = read_expression_adapter(saved(tmp_path / name, written))
    for found, wanted in ((read.image_proj, written.image_proj), (read.ip_adapter, written.ip_adapter)):
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_adapter_is_like_the_unet_it_is_installed_in(bare: Any) -> None:
    unet = ours(bare).to(torch.bfloat16)
    adapter = install(unet, file_of(unet, "linear"))
    asked = question(2)
    tokens = adapter(VECTORS.to(torch.bfloat16))
    found = unet(asked.x.to(torch.bfloat16), asked.t, asked.tokens.to(torch.bfloat16), tokens)
    assert (tokens.dtype, found.dtype) == (torch.bfloat16, torch.bfloat16)


class Harm:
    """What a pickle may hold: something that is run by whoever reads it freely."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.made),)


def test_pickle_that_would_run_something_is_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "exp_adapter.bin"
    torch.save({"image_proj": Harm(tmp_path / "harm"), "ip_adapter": {}}, path)
    with pytest.raises(ValueError, match=r"exp_adapter\.bin must be a file of tensors alone"):
        read_expression_adapter(path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("name", ["exp_adapter.bin", "exp_adapter.safetensors"])
def test_file_that_is_cut_off_is_refused_by_name(bare: Any, tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, file_of(ours(bare), "full"))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match=name):
        read_expression_adapter(path)


def test_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "exp_adapter.bin"
    torch.save({"conv_in.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="conv_in"):
        read_expression_adapter(path)
    torch.save({"image_proj": {"proj.weight": [1, 2]}}, path)
    with pytest.raises(ValueError, match="got list at image_proj"):
        read_expression_adapter(path)


def test_lora_of_a_face_adapter_is_refused(bare: Any, tmp_path: Path) -> None:
    file = file_of(ours(bare), "faceid")
    more = {"1.to_k_lora.down.weight": torch.zeros(2, 16), **file.ip_adapter}
    path = saved(tmp_path / "face.bin", ExpressionAdapterFile("face.bin", file.image_proj, more))
    with pytest.raises(ValueError, match="FaceID"):
        read_expression_adapter(path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_adapter_of_images_is_refused_because_it_reads_no_expression(layout: str) -> None:
    with pytest.raises(ValueError, match="reads 512 numbers, an expression has 55"):
        ExpressionAdapter.of(image_proj(layout, inward=512))


def test_layout_that_is_not_known_is_told_from_its_keys() -> None:
    with pytest.raises(ValueError, match=r"known layouts are .* or proj\.0, proj\.2 and proj\.3"):
        ExpressionAdapter.of(random({"latents": (1, 16, 8), "proj_in.weight": (8, 55)}))


def test_key_too_many_is_refused() -> None:
    with pytest.raises(ValueError, match="surprise"):
        ExpressionAdapter.of({**image_proj("full"), "surprise": torch.zeros(1)})


@pytest.mark.parametrize(
    ("name", "shape"), [("proj.bias", (1,)), ("norm.bias", (3,)), ("norm.weight", ()), ("norm.weight", (0,))]
)
def test_weight_of_another_size_is_refused_by_name(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"{name} of the expression adapter must be"):
        ExpressionAdapter.of({**image_proj("linear"), name: torch.zeros(shape)})


def test_tokens_that_do_not_come_out_even_are_refused() -> None:
    with pytest.raises(ValueError, match="50 numbers do not make tokens of 12"):
        ExpressionAdapter.of({**image_proj("linear"), "proj.weight": torch.zeros(50, 55)})


def changed(unet: UNet, **how: Tensor | None) -> ExpressionAdapterFile:
    file = file_of(unet, "full")
    pairs = {name.replace("__", "."): weight for name, weight in how.items()}
    kept = {name: weight for name, weight in {**file.ip_adapter, **pairs}.items() if weight is not None}
    return ExpressionAdapterFile(file.name, file.image_proj, kept)


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({"7__to_v_ip__weight": None}, r"lacks 7\.to_v_ip\.weight"),
        ({"23__to_k_ip__weight": torch.zeros(16, CROSS)}, r"too many by 23\.to_k_ip\.weight"),
        ({"9__to_k_ip__weight": torch.zeros(24, 768)}, r"9\.to_k_ip\.weight of exp_adapter\.bin is \[24, 768\]"),
    ],
)
def test_adapter_for_another_unet_is_refused_and_leaves_it_as_it_was(
    bare: Any, how: dict[str, Tensor | None], wanted: str
) -> None:
    unet = ours(bare)
    with pytest.raises(ValueError, match=wanted):
        install(unet, changed(unet, **how))
    assert unet.state_dict().keys() == bare.state_dict().keys()


def test_tokens_of_another_width_than_the_unet_reads_are_refused(bare: Any) -> None:
    unet = ours(bare)
    file = ExpressionAdapterFile("exp_adapter.bin", image_proj("full", cross=768), ip_adapter(unet.shape))
    with pytest.raises(ValueError, match="makes tokens of 768 numbers, the UNet reads 12"):
        install(unet, file)
    assert unet.state_dict().keys() == bare.state_dict().keys()
