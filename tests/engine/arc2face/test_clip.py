"""Our text encoder against transformers' own, on the same random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from omote.engine.diffusion.arc2face.clip import TextEncoder, TextShape, identity_tokens, unconditional_tokens
from omote.engine.diffusion.arc2face.config import Config
from omote.engine.diffusion.arc2face.loading import load_text_encoder

torch.set_num_threads(1)

ID = 1014
PROMPT = [49406, 1125, 539, 320, ID, 2533, *[49407] * 71]  # "photo of a id person", by CLIP's own tokenizer
EMPTY = [49406, *[49407] * 76]


@pytest.fixture(scope="module")
def encoder(published: Path) -> TextEncoder:
    return load_text_encoder(published / "encoder")


@pytest.fixture
def theirs(published: Path) -> Any:
    """transformers' CLIPTextModel with the same weights."""
    folder = published / "encoder"
    model = CLIPTextModel(CLIPTextConfig(**Config.read(folder / "config.json").values)).eval()
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    begins = next(iter(model.state_dict())).startswith("text_model.")
    model.load_state_dict(state if begins else {name.removeprefix("text_model."): v for name, v in state.items()})
    return model


def read_by(model: Any, ids: list[int]) -> Tensor:
    with torch.no_grad():
        hidden: Tensor = model(input_ids=torch.tensor([ids])).last_hidden_state
    return hidden


def faces(count: int, size: int = 24) -> Tensor:
    return F.normalize(torch.randn(count, size, generator=torch.Generator().manual_seed(1)), dim=1)


def test_identity_tokens_are_those_of_transformers_with_the_face_in_place_of_id(
    encoder: TextEncoder, theirs: Any
) -> None:
    (face,) = faces(1)
    table = theirs.get_input_embeddings().weight.data
    table[ID] = F.pad(face, (0, table.shape[1] - len(face)))  # no other token of the prompt is "id"
    torch.testing.assert_close(identity_tokens(encoder, face[None]), read_by(theirs, PROMPT), atol=1e-5, rtol=0.0)


def test_unconditional_tokens_are_those_of_transformers_for_the_empty_prompt(encoder: TextEncoder, theirs: Any) -> None:
    torch.testing.assert_close(unconditional_tokens(encoder), read_by(theirs, EMPTY), atol=1e-5, rtol=0.0)


def test_the_causal_mask_keeps_a_face_out_of_the_tokens_before_it(encoder: TextEncoder) -> None:
    first, second = identity_tokens(encoder, faces(2))
    assert torch.equal(first[:4], second[:4])
    assert not torch.isclose(first[4:], second[4:]).all(1).any()


def test_each_face_of_a_batch_gets_the_tokens_that_it_gets_alone(encoder: TextEncoder) -> None:
    pair = faces(2)
    alone = torch.cat([identity_tokens(encoder, face[None]) for face in pair])
    torch.testing.assert_close(identity_tokens(encoder, pair), alone, atol=1e-6, rtol=0.0)


def test_an_embedding_as_wide_as_the_encoder_fits(encoder: TextEncoder) -> None:
    assert identity_tokens(encoder, faces(1, 32)).shape == (1, 77, 32)


def test_an_embedding_wider_than_the_encoder_is_refused(encoder: TextEncoder) -> None:
    with pytest.raises(ValueError, match=r"E at most 32, got \[1, 33\]"):
        identity_tokens(encoder, faces(1, 33))


def test_an_embedding_that_nobody_normalised_is_refused(encoder: TextEncoder) -> None:
    with pytest.raises(ValueError, match="must have length 1"):
        identity_tokens(encoder, 20.0 * faces(1))


def test_half_precision_is_no_reason_to_refuse_an_embedding(encoder: TextEncoder) -> None:
    assert identity_tokens(encoder, faces(1).half()).dtype == torch.float32


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden_act", "gelu"),
        ("max_position_embeddings", 64),
        ("model_type", "clip_vision_model"),
        ("num_attention_heads", 5),
        ("vocab_size", 1000),
        ("hidden_size", "768"),
        ("layer_norm_eps", 0),
    ],
)
def test_an_encoder_that_is_not_built_here_is_refused_by_the_key(published: Path, key: str, value: object) -> None:
    config = Config.read(published / "encoder" / "config.json")
    with pytest.raises(ValueError, match=rf"config\.json has {key} = "):
        TextShape.of_config(Config(config.path, {**config.values, key: value}))


def test_a_folder_of_newer_transformers_loads_as_well(published: Path, tmp_path: Path, theirs: Any) -> None:
    theirs.save_pretrained(tmp_path)
    assert "model.safetensors" in {path.name for path in tmp_path.iterdir()}
    assert load_file(tmp_path / "model.safetensors").keys()
    again, before = load_text_encoder(tmp_path), load_text_encoder(published / "encoder")
    assert torch.equal(unconditional_tokens(again), unconditional_tokens(before))
