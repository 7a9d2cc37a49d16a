"""The sizes of a UNet of Stable Diffusion 1.5's kind, and how they are read from a published config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

# The one value of each that is built here; where a config lacks the key, its writer meant this value.
_BUILT: Mapping[str, object] = {
    "act_fn": "silu",
    "center_input_sample": False,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "mid_block_scale_factor": 1,
    "only_cross_attention": False,
    "downsample_padding": 1,
    "norm_eps": 1e-5,
    "transformer_layers_per_block": 1,
    "reverse_transformer_layers_per_block": None,
    "encoder_hid_dim": None,
    "encoder_hid_dim_type": None,
    "num_attention_heads": None,
    "dual_cross_attention": False,
    "use_linear_projection": False,
    "class_embed_type": None,
    "addition_embed_type": None,
    "num_class_embeds": None,
    "resnet_time_scale_shift": "default",
    "resnet_skip_time_act": False,
    "resnet_out_scale_factor": 1.0,
    "time_embedding_type": "positional",
    "time_embedding_dim": None,
    "time_embedding_act_fn": None,
    "timestep_post_act": None,
    "time_cond_proj_dim": None,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "attention_type": "default",
    "cross_attention_norm": None,
    "mid_block_only_cross_attention": None,
}
# Training only, a suggestion, a precision that attention here has anyway, or asked for only by others refused above.
_WITHOUT_EFFECT = frozenset(
    {
        "dropout",
        "sample_size",
        "upcast_attention",
        "addition_time_embed_dim",
        "addition_embed_type_num_heads",
        "projection_class_embeddings_input_dim",
        "class_embeddings_concat",
    }
)
_SIZES = (
    "block_out_channels",
    "layers_per_block",
    "attention_head_dim",
    "cross_attention_dim",
    "norm_num_groups",
    "in_channels",
    "out_channels",
    "down_block_types",
    "up_block_types",
)
_ATTENDS = {"CrossAttnDownBlock2D": True, "DownBlock2D": False}


@dataclass(frozen=True)
class Block:
    """One transformer block: where it stands, and the rows [T,C] that its self-attention reads."""

    name: str  # of the module that holds it: "down_blocks.0.attentions.0"
    channels: int
    scale: int  # T = (h / scale) * (w / scale) for latents [4,h,w]


@dataclass(frozen=True)
class UNetShape:
    """The sizes of one UNet; those of Stable Diffusion 1.5 unless told otherwise."""

    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    layers: int = 2
    heads: int = 8
    cross: int = 768
    groups: int = 32
    latent: int = 4
    attends: tuple[bool, ...] = (True, True, True, False)

    @classmethod
    def of_config(cls, config: Mapping[str, object]) -> Self:
        """The sizes that a published config.json tells; ValueError names a key whose value is not built here."""
        _check_built(config)
        channels = _numbers(config, "block_out_channels")
        latent, out = _number(config, "in_channels"), _number(config, "out_channels")
        if out != latent:
            raise _unbuilt("out_channels", out, latent)
        return cls(
            channels=channels,
            layers=_number(config, "layers_per_block"),
            heads=_divisor(config, "attention_head_dim", channels),
            cross=_number(config, "cross_attention_dim"),
            groups=_divisor(config, "norm_num_groups", channels),
            latent=latent,
            attends=_attends(config, len(channels)),
        )

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All transformer blocks in the order of the published adapters' keys: down, up, middle."""
        levels = range(len(self.channels))
        down = [self._block("down", level, level, n) for level in levels for n in range(self.layers)]
        up = [self._block("up", level, len(levels) - 1 - level, n) for level in levels for n in range(self.layers + 1)]
        middle = Block("mid_block.attentions.0", self.channels[-1], 2 ** (len(levels) - 1))
        return (*(block for block in (*down, *up) if block is not None), middle)

    def _block(self, side: str, place: int, level: int, number: int) -> Block | None:
        if not self.attends[level]:
            return None
        return Block(f"{side}_blocks.{place}.attentions.{number}", self.channels[level], 2**level)

    @property
    def multiple(self) -> int:
        """Latents' sides must be multiples of this."""
        return 1 << (len(self.channels) - 1)


def _check_built(config: Mapping[str, object]) -> None:
    for key, value in config.items():
        if key.startswith("_") or key in _SIZES or key in _WITHOUT_EFFECT:
            continue
        if key not in _BUILT:
            raise ValueError(f"the UNet's config has {key} = {value!r}, which is not known here")
        if value != _BUILT[key]:
            raise _unbuilt(key, value, _BUILT[key])
    missing = [key for key in _SIZES if key not in config]
    if missing:
        raise ValueError(f"the UNet's config lacks {', '.join(missing)}: is this the config.json of a UNet?")


def _unbuilt(key: str, found: object, wanted: object) -> ValueError:
    return ValueError(f"the UNet's config has {key} = {found!r}; only {wanted!r} is built here")


def _number(config: Mapping[str, object], key: str) -> int:
    value = config[key]
    if type(value) is int and value > 0:
        return value
    raise _unbuilt(key, value, "one number from 1")


def _divisor(config: Mapping[str, object], key: str, channels: tuple[int, ...]) -> int:
    value = _number(config, key)
    if any(width % value for width in channels):
        raise _unbuilt(key, value, f"a divisor of all block_out_channels, {', '.join(map(str, channels))},")
    return value


def _numbers(config: Mapping[str, object], key: str) -> tuple[int, ...]:
    value = config[key]
    if not isinstance(value, list | tuple) or not value or not all(type(n) is int and n > 0 for n in value):
        raise _unbuilt(key, value, "a list of numbers from 1")
    return tuple(value)


def _attends(config: Mapping[str, object], levels: int) -> tuple[bool, ...]:
    down, up = config["down_block_types"], config["up_block_types"]
    if not isinstance(down, list | tuple) or len(down) != levels or not all(kind in _ATTENDS for kind in down):
        raise _unbuilt("down_block_types", down, f"{levels} of {', '.join(_ATTENDS)}")
    mirrored = [kind.replace("Down", "Up") for kind in reversed(down)]
    if not isinstance(up, list | tuple) or list(up) != mirrored:
        raise _unbuilt("up_block_types", up, mirrored)
    return tuple(_ATTENDS[kind] for kind in down)
