"""Writes engine/weights/int8.json: the ranges that NNCF finds on takes and sweeps, accepted only by what is drawn.

Two figures decide: how near the head's pixels in int8 are to those in f32, and whether a tracker reads the same face
off both. Run it after each export: `python -m omote.engine.training.quantise`.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from omote.bridge import arkit
from omote.engine.capture import DEMO
from omote.engine.capture.photo import Finder, face_finder
from omote.engine.capture.take import read_take
from omote.engine.character import character_names, load_character
from omote.engine.look import Look
from omote.engine.nouns import Character
from omote.engine.painter import Painter, Sitting
from omote.engine.runtime.build import Build
from omote.engine.runtime.int8 import FILE
from omote.engine.runtime.openvino import loaded
from omote.engine.weights import NetworkFile, networks

from .evaluation import scenes
from .evaluation.drawing import Masks, Pictures, head_masks
from .evaluation.looking import look as seen_in
from .evaluation.quality import over_grey, psnr_db
from .posing import posed
from .provenance import provenance

# Noise comes in through the one, the picture goes out through the other: both cost little and are seen most.
KEPT_SINGLE = ("/denoiser/stem_picture/Conv", "/denoiser/paint/Conv")
LEAST_HEAD_PSNR_DB = 38.0  # of the worst picture
MOST_MISREAD = 0.02  # mean difference of a weight that the tracker reads, 0 to 1
READ = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight")
_RESULTS = Path("benchmarks/results/int8.json")
Ranges = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Figures:
    """Int8 against f32 over faces that calibrated nothing, by each character."""

    pictures: int
    head_psnr_db_least: float
    head_psnr_db_mean: float
    misread: Mapping[str, float]  # mean absolute difference of each weight that the tracker reads

    @property
    def is_accepted(self) -> bool:
        # All, not the greatest: what the tracker never reads is NaN, which is no greatest.
        is_read = all(off <= MOST_MISREAD for off in self.misread.values())
        return is_read and self.head_psnr_db_least >= LEAST_HEAD_PSNR_DB

    def words(self) -> str:
        worst = max(self.misread, key=lambda name: self.misread[name])
        return (
            f"head {self.head_psnr_db_least:.1f} dB at least, wanted {LEAST_HEAD_PSNR_DB:g}; the tracker reads {worst} "
            f"off by {self.misread[worst]:.4f}, allowed {MOST_MISREAD:g}; {self.pictures} pictures"
        )


def calibration() -> tuple[scenes.Shot, ...]:
    """Every fourth picture of the swept shapes, faces, turns and lights of all kinds, and the demo's liveliest part."""
    take = scenes.of_take("demo", read_take(DEMO), 60)
    return (*scenes.sweeps().shots[::4], *scenes.varied(120).shots, *take.shots[::3], *scenes.lights().shots)


def held_out(first: int, count: int) -> scenes.Scene:
    """Faces, turns and lights that calibrated nothing; each character gets others."""
    begin = 120 + first * count
    return scenes.Scene("held out", scenes.varied(begin + count).shots[begin:])


def find_ranges(file: NetworkFile, shots: Sequence[scenes.Shot]) -> Ranges:
    """What moves into each convolution, by NNCF's post-training quantisation; the characters take turns."""
    openvino = loaded()
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    nncf.set_log_level(logging.ERROR)
    looks = cycle([Look.of(load_character(name), file) for name in character_names()])
    inputs = [vars(posed(look, shot, file.size)) for shot, look in zip(shots, looks, strict=False)]
    model = openvino.Core().read_model(str(file.path))
    model.reshape({name: list(shape) for name, shape in file.shapes(file.size).items()})
    others = {node.get_type_name() for node in model.get_ops()} - {"Convolution", "Constant", "Parameter", "Result"}
    quantised = nncf.quantize(
        model,
        nncf.Dataset(inputs),
        preset=nncf.QuantizationPreset.MIXED,  # symmetric weights; inputs after a SiLU are anything but
        subset_size=len(inputs),
        # By default the mean of each picture's extremes, which cuts off what only some characters have.
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX, disable_bias_correction=True
        ),
        ignored_scope=nncf.IgnoredScope(types=sorted(others), validate=False),
    )
    return dict(sorted(_ranges(quantised)))


def _ranges(model: Any) -> list[tuple[str, tuple[float, float]]]:
    """Each convolution's name and the range that was put before it."""
    found = []
    for node in model.get_ops():
        if node.get_type_name() == "Convolution":
            name = node.get_friendly_name().removesuffix("/WithoutBiases")
            mark = node.input_value(0).get_node()
            if name not in KEPT_SINGLE and mark.get_type_name() == "FakeQuantize":
                low, high = (float(np.asarray(mark.input_value(k).get_node().data).ravel()[0]) for k in (1, 2))
                found.append((name, (low, high)))
    return found


def measure(file: NetworkFile, pictures: int) -> Figures:
    """So many pictures of each shipped character, in f32 and by the table."""
    exact, fast = (Painter(file, Build("openvino", precision, file.size)) for precision in ("f32", "int8"))
    decibels: list[float] = []
    off: list[np.ndarray[Any, Any]] = []
    with face_finder() as finder:
        for number, name in enumerate(character_names()):
            character, scene = load_character(name), held_out(number, pictures)
            wanted, found = (_drawn(painter, character, scene) for painter in (exact, fast))
            decibels += _head_psnr_db(wanted, found, head_masks(character.shape, scene, file.size))
            off.append(_read_differently(wanted, found, finder))
    together = np.concatenate(off)
    misread = {name: float(np.nanmean(together[:, arkit.INDEX[name]])) for name in READ}
    return Figures(len(decibels), min(decibels), float(np.mean(decibels)), misread)


def _drawn(painter: Painter, character: Character, scene: scenes.Scene) -> Pictures:
    look = Look.of(character, painter.file)
    return np.stack([painter.paint([Sitting(look, s.params(), s.light.harmonics())])[0] for s in scene.shots])


def _head_psnr_db(exact: Pictures, fast: Pictures, heads: Masks) -> list[float]:
    return [psnr_db(over_grey(b), over_grey(a), head) for a, b, head in zip(exact, fast, heads, strict=True)]


def _read_differently(exact: Pictures, fast: Pictures, finder: Finder) -> np.ndarray[Any, Any]:
    """[n,52] by how much the tracker reads other weights; NaN where it finds no face in one of the two."""
    a, b = (seen_in([over_grey(one) for one in pictures], finder, None).weights for pictures in (exact, fast))
    return np.asarray(np.abs(b - a))


def write(path: Path, file: NetworkFile, ranges: Ranges, figures: Figures | None) -> None:
    """The table; without figures it is accepted for the time of measuring."""
    said = {
        "network": file.sha256,
        "is_accepted": figures is None or figures.is_accepted,
        "figures": figures.words() if figures else "not yet measured",
        "ranges": {name: [float(f"{bound:.6g}") for bound in bounds] for name, bounds in ranges.items()},
    }
    path.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=_RESULTS, help="what was measured")
    parser.add_argument("--pictures", type=int, default=12, help="held-out pictures of each character")
    args = parser.parse_args()
    file = networks()[-1]
    ranges = find_ranges(file, calibration())
    write(FILE, file, ranges, None)  # where int8 is drawn by it
    figures = measure(file, args.pictures)
    write(FILE, file, ranges, figures)
    bounds = {"least_head_psnr_db": LEAST_HEAD_PSNR_DB, "most_misread": MOST_MISREAD}
    told = {"provenance": provenance(), "bounds": bounds, "is_accepted": figures.is_accepted, **asdict(figures)}
    args.results.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(f"int8 is {'accepted' if figures.is_accepted else 'refused'}: {figures.words()}")


if __name__ == "__main__":
    main()
