"""What a network drew becomes levels of 255, with alpha made definite and the light's colour put on."""

from __future__ import annotations

import numpy as np

from omote.engine.face.tone import relit
from omote.engine.packing import Packer

WHITE = np.ones(3, np.float32)


def test_nearly_transparent_is_transparent_and_nearly_opaque_is_opaque() -> None:
    drawn = np.zeros((4, 3, 3), np.float32)
    drawn[3, 0] = [-0.9, 0.2, 0.9]
    packed = Packer(3).pack(drawn, WHITE)
    assert packed[0, :, 3].tolist() == [0, 157, 255]  # (153 - 16) * 255 / 223
    assert packed[0, :, 0].tolist() == [128, 128, 128]


def test_coloured_light_falls_on_the_picture_as_on_one_that_is_finished() -> None:
    drawn = np.random.default_rng(0).uniform(-1.4, 1.4, (4, 16, 16)).astype(np.float32)
    warm = np.array([1.3, 1.0, 0.6], np.float32)
    packed = Packer(16).pack(drawn, warm)
    levels = np.clip(drawn.transpose(1, 2, 0) * 127.5 + 128.0, 0.0, 255.0).astype(np.uint8)
    assert (packed[..., :3] == relit(levels, warm)[..., :3]).all()
    assert packed.min() == 0
    assert packed.max() == 255


def test_a_picture_is_not_written_to_by_the_next() -> None:
    packer = Packer(8)
    first = packer.pack(np.zeros((4, 8, 8), np.float32), WHITE)
    kept = first.copy()
    packer.pack(np.ones((4, 8, 8), np.float32), WHITE)
    assert (first == kept).all()
