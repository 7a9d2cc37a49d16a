"""The fixture against what is known of the real files, byte for byte where their headers are known."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping

import pytest

from tests.arc2face.published import DIMENSIONS, as_of_2022, kohya_shapes, published_unet, published_vae

FULL = DIMENSIONS["full"]
Shapes = Mapping[str, tuple[int, ...]]


def header(shapes: Shapes, dtype: str, size: int, words: Mapping[str, str]) -> bytes:
    """What safetensors writes before the numbers, which then follow one another in the order of their names."""
    header: dict[str, object] = {"__metadata__": words} if words else {}
    end = 0
    for name in sorted(shapes):
        begin, end = end, end + math.prod(shapes[name]) * size
        header[name] = {"dtype": dtype, "shape": shapes[name], "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    return kohya_shapes(published_unet(FULL), FULL.distilled_rank)


def test_the_lcm_lora_has_the_very_header_of_the_published_file(shapes: Shapes) -> None:
    found = hashlib.sha256(header(shapes, "F16", 2, {"format": "pt"})).hexdigest()
    assert found == "3ca15dde66470e73c8d68dbb9ab64d6e7ad014f525b58193a9a3b161eb6cc263"


def bytes_of(shapes: Shapes, dtype: str, size: int, words: Mapping[str, str]) -> int:
    numbers = sum(math.prod(shape) for shape in shapes.values())
    return 8 + len(header(shapes, dtype, size, words)) + size * numbers


def test_the_hyper_sd_lora_has_as_many_bytes_as_the_published_file(shapes: Shapes) -> None:
    assert bytes_of(shapes, "F32", 4, {}) == 269_127_064


def test_the_unet_has_as_many_bytes_as_that_of_stable_diffusion() -> None:
    shapes = {name: tuple(value.shape) for name, value in published_unet(FULL).state_dict().items()}
    assert (len(shapes), sum(map(math.prod, shapes.values()))) == (686, 859_520_964)
    assert bytes_of(shapes, "F32", 4, {"format": "pt"}) == 3_438_167_536


def test_the_vae_has_as_many_bytes_as_the_published_file() -> None:
    """Only under the names of 2022: today's are eight bytes shorter."""
    state = published_vae(FULL).state_dict()
    shapes = {as_of_2022(name): tuple(value.shape) for name, value in state.items()}
    assert bytes_of(shapes, "F32", 4, {"format": "pt"}) == 334_643_276
