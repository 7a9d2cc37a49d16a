"""Our UNet is the published one: its names, its sizes and its numbers, held against diffusers' own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel

from omote.engine.diffusion.arc2face.adapters import ExpressionAdapterFile, install
from omote.engine.diffusion.arc2face.bank import Bank, Share, bank_of
from omote.engine.diffusion.arc2face.unet import UNet
from omote.engine.diffusion.arc2face.unet_shape import Block, UNetShape
from tests.engine.arc2face.twins import TOLERANCE, Sizes, apart, blocks_of, ours, question, theirs

# config.json of Stable Diffusion 1.5, which Arc2Face's repeats: written by diffusers 0.6.
PUBLISHED: dict[str, object] = {
    "_class_name": "UNet2DConditionModel",
    "_diffusers_version": "0.6.0",
    "act_fn": "silu",
    "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280],
    "center_input_sample": False,
    "cross_attention_dim": 768,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-05,
    "norm_num_groups": 32,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
}
SIZES = (
    Sizes(),
    Sizes(channels=(8, 16), attends=(True, False), layers=1, heads=2, cross=20, groups=4),
    Sizes(channels=(16, 16, 32, 32), attends=(True, True, True, False), heads=8),
    Sizes(channels=(8, 16, 24), attends=(False, True, True), groups=8),
)


def full_size() -> tuple[Any, UNet]:
    with torch.device("meta"):
        return UNet2DConditionModel(**{k: v for k, v in PUBLISHED.items() if k[0] != "_"}), UNet(UNetShape())


def test_full_size_has_the_published_tensors_by_name_and_shape() -> None:
    published, unet = full_size()
    found = {name: weight.shape for name, weight in unet.state_dict().items()}
    assert found == {name: weight.shape for name, weight in published.state_dict().items()}
    assert (len(found), sum(shape.numel() for shape in found.values())) == (686, 859_520_964)


def test_sixteen_blocks_stand_in_the_order_of_the_adapters_keys() -> None:
    published, unet = full_size()
    names = [name.split(".transformer_blocks")[0] for name in published.attn_processors if ".attn1." in name]
    assert [block.name for block in unet.shape.blocks] == names
    assert len(names) == 16
    assert unet.shape.blocks[0] == Block("down_blocks.0.attentions.0", 320, 1)
    assert unet.shape.blocks[-1] == Block("mid_block.attentions.0", 1280, 8)
    for number, (block, module) in enumerate(zip(unet.shape.blocks, unet.transformers, strict=True)):
        assert module.number == number
        assert module is unet.get_submodule(block.name + ".transformer_blocks.0")
        assert module.norm1.weight.shape[0] == block.channels


def test_published_config_gives_the_default_sizes() -> None:
    assert UNetShape.of_config(PUBLISHED) == UNetShape()


def test_config_that_todays_diffusers_writes_gives_the_default_sizes() -> None:
    assert UNetShape.of_config(full_size()[0].config) == UNetShape()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("use_linear_projection", True),
        ("attention_head_dim", [5, 10, 20, 20]),
        ("attention_head_dim", 7),
        ("norm_num_groups", 31),
        ("time_cond_proj_dim", 256),
        ("freq_shift", 1),
        ("norm_eps", 1e-6),
        ("class_embed_type", "timestep"),
        ("transformer_layers_per_block", [1, 2, 10]),
        ("mid_block_type", None),
        ("in_channels", 9),
        ("layers_per_block", True),
        ("block_out_channels", [320, "640", 1280, 1280]),
        ("down_block_types", ["DownBlock2D"]),
        ("up_block_types", ["UpBlock2D"] * 4),
        ("something_of_next_year", 3),
    ],
)
def test_config_that_is_not_built_here_is_refused_by_its_key(key: str, value: object) -> None:
    wrong = "out_channels" if key == "in_channels" else key
    with pytest.raises(ValueError, match=wrong):
        UNetShape.of_config({**PUBLISHED, key: value})


def test_config_without_a_size_is_refused_by_its_key() -> None:
    with pytest.raises(ValueError, match="lacks cross_attention_dim"):
        UNetShape.of_config({key: value for key, value in PUBLISHED.items() if key != "cross_attention_dim"})


@pytest.mark.parametrize("sizes", SIZES)
def test_noise_is_that_of_diffusers(sizes: Sizes) -> None:
    peer, asked = theirs(sizes), question(3, sizes.cross)
    found = ours(peer)(asked.x, asked.t, asked.tokens)
    assert apart(found, peer(asked.x, asked.t, asked.tokens).sample) <= TOLERANCE


@pytest.mark.parametrize("sizes", SIZES)
def test_blocks_say_how_many_rows_of_how_many_channels_they_read(sizes: Sizes) -> None:
    unet, asked = ours(theirs(sizes)), question(2, sizes.cross)
    rows = unet.written(asked.x, asked.t, asked.tokens)
    wanted = [(2, (16 // block.scale) * (8 // block.scale), block.channels) for block in unet.shape.blocks]
    assert [tuple(row.shape) for row in rows] == wanted


def test_written_is_what_diffusers_self_attention_reads() -> None:
    peer, asked = theirs(Sizes()), question(2)
    read: dict[int, torch.Tensor] = {}
    for number, block in enumerate(blocks_of(peer)):
        block.norm1.register_forward_hook(lambda _m, _i, out, number=number: read.update({number: out}))
    peer(asked.x, asked.t, asked.tokens)
    written = ours(peer).written(asked.x, asked.t, asked.tokens)
    assert len(written) == len(read) == 11
    for number, rows in enumerate(written):
        assert apart(rows, read[number]) <= TOLERANCE


def test_timesteps_may_be_whole_or_broken_numbers() -> None:
    unet, asked = ours(theirs(Sizes())), question(2)
    assert torch.equal(unet(asked.x, asked.t, asked.tokens), unet(asked.x, asked.t.float(), asked.tokens))


def test_sides_that_cannot_be_halved_are_refused() -> None:
    unet, asked = ours(theirs(Sizes())), question(1)
    with pytest.raises(ValueError, match="multiples of 4, got 16 x 6"):
        unet(asked.x[..., :6], asked.t, asked.tokens)


def test_bank_of_another_network_is_refused() -> None:
    unet, asked = ours(theirs(Sizes())), question(1)
    with pytest.raises(ValueError, match="11"):
        unet(asked.x, asked.t, asked.tokens, bank=Bank((), ()))


def test_expression_without_an_adapter_is_refused() -> None:
    unet, asked = ours(theirs(Sizes())), question(1)
    with pytest.raises(ValueError, match="install"):
        unet(asked.x, asked.t, asked.tokens, asked.tokens[:, :4])


def adapted(unet: UNet) -> None:
    """Installs random weights of the linear layout."""
    wide = unet.shape.cross
    proj = {"proj.weight": torch.randn(4 * wide, 55), "proj.bias": torch.randn(4 * wide)}
    norm = {"norm.weight": torch.randn(wide), "norm.bias": torch.randn(wide)}
    pairs = {
        f"{2 * number + 1}.to_{kind}_ip.weight": torch.randn(block.channels, wide)
        for number, block in enumerate(unet.shape.blocks)
        for kind in "kv"
    }
    install(unet, ExpressionAdapterFile("random", {**proj, **norm}, pairs))


def test_everything_at_once_is_one_graph() -> None:
    """What is not traced whole can be neither compiled nor exported."""
    sizes = Sizes(channels=(8, 16), attends=(True, False), layers=1, groups=4)
    unet, asked = ours(theirs(sizes)), question(2)
    adapted(unet)
    rows = unet.written(asked.x, asked.t, asked.tokens)
    plain = bank_of(unet, [row[:1] for row in rows])
    bank = Bank(plain.keys, plain.values, tuple(key.new_zeros(2, key.shape[1]) for key in plain.keys))
    scale = torch.rand(len(unet.shape.blocks))
    said = (asked.x, asked.t, asked.tokens, asked.tokens[:, :4], scale, bank, Share(0.5, 1.0, 0.0))
    torch._dynamo.reset()
    compiled = torch.compile(unet, fullgraph=True, dynamic=False, backend="eager")
    assert apart(compiled(*said), unet(*said)) <= TOLERANCE


def test_gradients_reach_every_weight() -> None:
    """What is trained on top of it takes its gradient through the bank and both attentions."""
    unet, asked = ours(theirs(Sizes(channels=(8, 16), attends=(True, False), layers=1, groups=4))), question(2)
    adapted(unet)
    unet.requires_grad_(True)
    bank = bank_of(unet, unet.written(asked.x, asked.t, asked.tokens))
    unet(asked.x, asked.t, asked.tokens, asked.tokens[:, :4], bank=bank).square().mean().backward()
    without = [name for name, weight in unet.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert without == []
