"""CLIP's text encoder, which Arc2Face has taught to read a face's embedding where a prompt would say who it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import Config

TOKENS = 77
_BEGIN, _END = 49406, 49407
_PHOTO_OF_A_ID_PERSON = (1125, 539, 320, 1014, 2533)
_SLOT = 4  # where "id" stands, after the beginning
_UNIT_WITHIN = 1e-2  # half precision rounds a unit vector's length by less


@dataclass(frozen=True)
class TextShape:
    """The sizes of a text encoder."""

    width: int = 768
    inner: int = 3072
    layers: int = 12
    heads: int = 12
    vocabulary: int = 49408
    epsilon: float = 1e-5

    @classmethod
    def of_config(cls, config: Config) -> TextShape:
        """The sizes that a published config.json tells; ValueError names a key whose value is not built here."""
        config.only({"model_type": "clip_text_model", "hidden_act": "quick_gelu", "max_position_embeddings": TOKENS})
        shape = cls(
            width=config.number("hidden_size"),
            inner=config.number("intermediate_size"),
            layers=config.number("num_hidden_layers"),
            heads=config.number("num_attention_heads"),
            vocabulary=config.number("vocab_size"),
            epsilon=config.positive("layer_norm_eps", 1e-5),
        )
        if shape.vocabulary <= _END:
            raise config.unbuilt("vocab_size", f"CLIP's own, {_END + 1}")
        if shape.width % shape.heads:
            raise config.unbuilt("num_attention_heads", f"a divisor of hidden_size, {shape.width}")
        return shape


class TextEncoder(nn.Module):
    """Parameters are called as in transformers' CLIPTextModel, without "text_model." before them."""

    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = _Embeddings(shape)
        self.encoder = _Layers(shape)
        self.final_layer_norm = nn.LayerNorm(shape.width, eps=shape.epsilon)

    def embed(self, ids: Tensor) -> Tensor:
        """[B,77,D] what the vocabulary has for tokens [B,77], before any position is added."""
        found: Tensor = self.embeddings.token_embedding(ids)
        return found

    def forward(self, embeds: Tensor) -> Tensor:
        """[B,77,D] what the UNet reads, of embeddings [B,77,D] in which each token sees itself and those before."""
        h = embeds + self.embeddings.position_embedding.weight
        for layer in self.encoder.layers:
            h = layer(h)
        out: Tensor = self.final_layer_norm(h)
        return out


def identity_tokens(encoder: TextEncoder, embedding: Tensor) -> Tensor:
    """[B,77,D] the prompt "photo of a id person" with face embeddings [B,E] in the place of "id".

    Arc2Face pads them with zeros and learned on unit vectors: ValueError where E is more than D, or a length is not 1.
    """
    width = encoder.shape.width
    if embedding.ndim != 2 or embedding.shape[1] > width:
        raise ValueError(f"face embeddings must be [B,E] with E at most {width}, got {list(embedding.shape)}")
    length = embedding.float().norm(dim=1)
    if not bool(((length - 1.0).abs() <= _UNIT_WITHIN).all()):
        raise ValueError(f"face embeddings must have length 1, got {length.tolist()}: divide each by its length")
    prompt = _embedded(encoder, _PHOTO_OF_A_ID_PERSON).expand(len(embedding), -1, -1).clone()
    prompt[:, _SLOT] = F.pad(embedding.to(prompt), (0, width - embedding.shape[1]))
    out: Tensor = encoder(prompt)
    return out


def unconditional_tokens(encoder: TextEncoder) -> Tensor:
    """[1,77,D] the empty prompt, which guidance leads away from."""
    out: Tensor = encoder(_embedded(encoder, ()))
    return out


def _embedded(encoder: TextEncoder, words: tuple[int, ...]) -> Tensor:
    """[1,77,D] words between the beginning and the end; what is left over is filled with ends, as SD 1.5 does."""
    ids = (_BEGIN, *words, *[_END] * (TOKENS - 1 - len(words)))
    return encoder.embed(torch.tensor([ids], device=encoder.final_layer_norm.weight.device))


class _Embeddings(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.position_embedding = nn.Embedding(TOKENS, shape.width)


class _Layers(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Layer(shape) for _ in range(shape.layers)])


class _Layer(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.self_attn = _Attention(shape)
        self.layer_norm1 = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.mlp = _Mlp(shape)
        self.layer_norm2 = nn.LayerNorm(shape.width, eps=shape.epsilon)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        out: Tensor = x + self.mlp(self.layer_norm2(x))
        return out


class _Attention(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q_proj = nn.Linear(shape.width, shape.width)
        self.k_proj = nn.Linear(shape.width, shape.width)
        self.v_proj = nn.Linear(shape.width, shape.width)
        self.out_proj = nn.Linear(shape.width, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self._by_head(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.out_proj(h.transpose(1, 2).flatten(2))
        return out

    def _by_head(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


class _Mlp(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.fc1 = nn.Linear(shape.width, shape.inner)
        self.fc2 = nn.Linear(shape.inner, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc1(x)
        out: Tensor = self.fc2(h * torch.sigmoid(1.702 * h))  # "quick GELU", an approximation of 2021
        return out
