"""Writes engine/weights/parity: one face's inputs, and the pictures that PyTorch eager draws of it in single precision.

Run it after each export: `python -m omote.engine.training.parity_reference`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from omote.bridge import arkit
from omote.engine.character import DEFAULT_CHARACTER, load_character
from omote.engine.look import Look
from omote.engine.runtime import parity
from omote.engine.runtime.build import Build
from omote.engine.runtime.pytorch import PyTorchNetwork
from omote.engine.weights import NetworkFile, networks

from .evaluation.scenes import Shot
from .faces.light import studio
from .posing import posed

_STORED = ("geometry", "uv", "face", "light")  # the rest is the character's, or the same for everybody
# Much of the face moves, and the head is turned: what a runtime gets wrong shows.
_FACE = {"jawOpen": 0.5, "mouthSmileLeft": 0.8, "mouthSmileRight": 0.6, "browInnerUp": 0.7, "eyeBlinkLeft": 0.9}
_TURN = (0.1, -0.3, 0.05)


def write_inputs(file: NetworkFile, folder: Path) -> None:
    """The default character, laughing with one eye closed, at the size that the network was trained on."""
    shot = Shot(arkit.weights(_FACE), np.array(_TURN, np.float32), studio(0.5, 0.3))
    inputs = vars(posed(Look.of(load_character(DEFAULT_CHARACTER), file), shot, file.size))
    arrays = {name: inputs[name].astype(np.float16) for name in _STORED}
    words = {"network": file.sha256, "character": DEFAULT_CHARACTER}
    save_file(arrays, folder / parity.INPUTS, words)


def write_pictures(file: NetworkFile, folder: Path) -> None:
    """One picture of each size that the network draws, from what was stored."""
    reference = parity.read_reference(folder)
    for size in file.sizes:
        network = PyTorchNetwork(file, Build("pytorch", "f32", size))
        picture = parity.levels(network.run(reference.at(size, 1)))[0]
        # Four channels as they are: this file's colours are premultiplied, whatever a viewer thinks of them.
        Image.fromarray(picture, "RGBA").save(folder / f"{size}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=parity.FOLDER)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    file = networks()[-1]
    write_inputs(file, out)
    write_pictures(file, out)
    print(f"{sum(path.stat().st_size for path in out.iterdir()) / 1e6:.2f} MB in {out}")


if __name__ == "__main__":
    main()
