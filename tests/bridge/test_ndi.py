"""Real NDI, where its package is installed: what is sent arrives, with its colours and its alpha."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge.outputs import PictureSender, picture_sender

LISTENER = Path(__file__).with_name("ndi_listener.py")
SIDE = 64

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("cyndilib") is None, reason="not installed here: pip install 'omote[ndi]'"
)


def quarters(side: int = SIDE) -> NDArray[np.uint8]:
    """Red, green, blue and white, of four alphas; as a portrait's, not to be written to."""
    pixels = np.zeros((side, side, 4), np.uint8)
    half = side // 2
    pixels[:half, :half] = (220, 30, 30, 255)
    pixels[:half, half:] = (30, 220, 30, 170)
    pixels[half:, :half] = (30, 30, 220, 85)
    pixels[half:, half:] = (220, 220, 220, 0)
    pixels.flags.writeable = False
    return pixels


def arrived(sender: PictureSender, name: str, picture: NDArray[np.uint8], side: int, folder: Path) -> NDArray[np.uint8]:
    """What a receiver gets of this picture, which is offered until it came."""
    (folder / "ndi-config.v1.json").write_text('{"ndi": {"networks": {"ips": "127.0.0.1"}}}', "utf-8")
    command = [sys.executable, str(LISTENER), name, str(side), str(folder / "got.npy")]
    with subprocess.Popen(
        command, env={**os.environ, "NDI_CONFIG_DIR": str(folder)}, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None:
            sender.offer(picture)
            time.sleep(0.02)
        assert process.stderr
        assert process.returncode == 0, f"{process.stderr.read()!r}; {sender.sent} sent, trouble: {sender.trouble!r}"
    pixels: NDArray[np.uint8] = np.load(folder / "got.npy")
    return pixels


def test_colours_and_alpha_arrive_over_ndi(tmp_path: Path) -> None:
    with picture_sender("ndi://Omote%20test") as sender:
        pixels = arrived(sender, "Omote test", quarters(), SIDE, tmp_path).astype(int)
        middle = SIDE // 4
        for down in (middle, 3 * middle):
            for right in (middle, 3 * middle):
                wanted = quarters().astype(int)[down, right]
                got = pixels[down, right]
                assert abs(got[3] - wanted[3]) <= 2  # alpha is straight, and hardly loses anything
                if wanted[3]:
                    assert np.abs(got[:3] - wanted[:3]).max() <= 16  # compressed, and as YUV; multiplied it were 70 off
        assert sender.trouble == ""


def test_a_picture_of_another_size_keeps_that_of_the_first(tmp_path: Path) -> None:
    with picture_sender("ndi://Omote%20size?size=96") as sender:
        assert arrived(sender, "Omote size", quarters(64), 96, tmp_path).shape == (96, 96, 4)
        assert arrived(sender, "Omote size", quarters(128), 96, tmp_path).shape == (96, 96, 4)
        assert (sender.failed, sender.trouble) == (0, "")
