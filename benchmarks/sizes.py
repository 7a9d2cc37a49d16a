"""How good the network's pictures are at each size it draws, against the renderer's, though it was trained at one."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.engine.animator import Animator
from omote.engine.training.evaluation import quality, scenes, subjects
from omote.engine.training.evaluation.drawing import Animated, Rendered
from omote.engine.training.faces import kit as kits
from omote.engine.training.provenance import provenance
from omote.engine.weights import networks

CHARACTERS = ("hana", "noah", "amara", "kenji")
Pictures = NDArray[np.uint8]


def main() -> None:
    """Draws the same faces at every size and prints the PSNR on the head, medians over all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--pictures", type=int, default=8, help="of each character (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/sizes.json")
    chosen = parser.parse_args()
    kit, file = kits.load(chosen.kit), networks()[-1]
    scene = scenes.varied(chosen.pictures)
    trained = Animated("trained", Animator(file.size))
    rows = {}
    for size in file.sizes:
        drawer = Animated(str(size), Animator(size))
        native, scaled = [], []
        for subject in subjects.characters(CHARACTERS, kit):
            seed = subjects.person_seed(subject.character)
            assert seed is not None  # every preset says whom it was made from
            truth, head = Rendered(kit, seed, size).draw(scene), subject.heads(scene, size)
            native += on_head(drawer.draw(subject.character, scene), truth, head)
            scaled += on_head(resized(trained.draw(subject.character, scene), size), truth, head)
        rows[str(size)] = {"psnr_db": median(native), f"scaled_from_{file.size}_db": median(scaled)}
        print(size, rows[str(size)], flush=True)
    measured = {**provenance(), "trained_at": file.size, "characters": CHARACTERS, "pictures": chosen.pictures}
    if chosen.save:
        chosen.save.write_text(json.dumps({**measured, "sizes": rows}, indent=2) + "\n", encoding="utf-8")


def on_head(ours: Pictures, truth: Pictures, head: NDArray[np.bool_]) -> list[float]:
    """PSNR in dB of each picture over grey, where the head is."""
    pairs = zip(ours, truth, head, strict=True)
    return [quality.psnr_db(quality.over_grey(one), quality.over_grey(true), mask) for one, true, mask in pairs]


def resized(pictures: Pictures, size: int) -> Pictures:
    """[n,S,S,4] the same pictures, scaled with their colours multiplied by alpha."""
    scaled = [Image.fromarray(one).convert("RGBa").resize((size, size), Image.Resampling.LANCZOS) for one in pictures]
    return np.stack([np.asarray(one.convert("RGBA")) for one in scaled])


def median(values: list[float]) -> float:
    return round(float(np.median(values)), 2)


if __name__ == "__main__":
    main()
