"""What a picture costs, part by part: correspondence, network and compositing, by each runtime and reference count."""

from __future__ import annotations

import os

# As `omote live` does, before NumPy is loaded: its threads would take the cores from the network that is measured.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import floor
import numpy as np
from floor import Peak
from record import keep, origin, timed

from omote.engine.data import Array, Character, FlameParams
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import load_character
from omote.engine.model.compositing import CopySource, DrawnLayers, compose
from omote.engine.model.networks import Networks, denoiser_shapes
from omote.engine.model.renderer import MOST_AT_ONCE, SIZES, STEPS, PreparedCharacter, Renderer, Rgba
from omote.engine.models import WEIGHTS_FOLDER, shipped_networks
from omote.engine.runtime.session import PRECISIONS, Build, RuntimeUnavailable, runtime_names

CHARACTER = "hana"
REFERENCES = (1, MOST_AT_ONCE)  # that a picture copies from
FACES = 16
TIMES = 100
MOST_S = 3.0  # for each figure
SLOWEST_MS = 1500.0  # a call of the network; what takes longer is emulated, and is not measured further
INPUTS, NETWORK, COMPOSITING, PICTURE = "inputs", "network", "compositing", "picture"  # a cell's part

Cell = dict[str, Any]  # a row of the result


def every_build() -> list[Build]:
    """Each runtime in each precision that it names."""
    return [
        Build(runtime, precision) for runtime, precisions in PRECISIONS.items() for precision in precisions if precision
    ]


def faces(count: int = 64) -> list[FlameParams]:
    """Random ones, always the same and no two alike: nothing is drawn from a cache."""
    rng = np.random.default_rng(0)
    weights = [np.clip(rng.random(52) - 0.5, 0.0, 1.0).astype(np.float32) for _ in range(count)]
    turns = [(0.2 * rng.standard_normal(3)).astype(np.float32) for _ in range(count)]
    return [replace(from_weights(row), neck_pose=turn) for row, turn in zip(weights, turns, strict=True)]


def copying_from(character: Character, count: int) -> Character:
    """The character with its first references only, where a picture is to copy from fewer than it could."""
    return character if count == MOST_AT_ONCE else replace(character, references=character.references[:count])


@dataclass(frozen=True)
class Asked:
    """A picture's face with all that is read to draw it."""

    params: FlameParams
    inputs: dict[str, Array]  # `denoiser_shapes`
    order: tuple[int, ...]  # the numbers of the references

    def references(self, look: PreparedCharacter, size: int) -> list[CopySource]:
        """Those that are copied from."""
        pictures = look.pictures(size)
        return [pictures[k] for k in self.order]


def asked(renderer: Renderer, look: PreparedCharacter) -> list[Asked]:
    """Sixteen faces in the studio's light."""
    light = studio_light()
    return [Asked(params, *renderer.inputs(look, params, light)) for params in faces(FACES)]


def layers_of(renderer: Renderer, pictures: list[Asked]) -> list[DrawnLayers]:
    """Of each picture, kept: the network's own are valid until its next call."""
    return [DrawnLayers(*(np.array(one) for one in renderer.networks.layers(each.inputs))) for each in pictures]


def shared_cells(look: PreparedCharacter, chosen: argparse.Namespace) -> Iterator[Cell]:
    """The parts that run in NumPy and OpenCV, whatever runs the network."""
    at, light = {"references": look.at_once}, studio_light()
    renderer = Renderer(Networks(WEIGHTS_FOLDER, Build("openvino", "f32")))
    pictures = asked(renderer, look)
    performed = cycle(pictures)
    took = timed(
        lambda: renderer.inputs(look, next(performed).params, light), chosen.times, most_s=chosen.most_s
    )  # view, choice of references and correspondence
    yield {"part": INPUTS, **at, "ms": took}
    drawn = layers_of(renderer, pictures)
    for size in chosen.size or SIZES:
        given = cycle([(layers, one.references(look, size)) for layers, one in zip(drawn, pictures, strict=True)])
        took = timed(lambda given=given: compose(*next(given)), chosen.times, most_s=chosen.most_s)  # type: ignore[misc]
        yield {"part": COMPOSITING, **at, "size": size, "ms": took}


def cells(build: Build, looks: list[PreparedCharacter], chosen: argparse.Namespace) -> Iterator[Cell]:
    """The network alone and whole pictures; or one line that says why there are none."""
    networks, light = Networks(WEIGHTS_FOLDER, build), studio_light()
    renderer = Renderer(networks)
    for look in looks:
        at: Cell = {"build": build.name, "references": look.at_once}
        began_s = time.monotonic()
        try:
            session = networks.denoiser(look.at_once)
        except RuntimeUnavailable as error:
            yield {"part": NETWORK, **at, "refused": str(error)}
            return
        at |= {"runtime": session.name}
        opening_s = round(time.monotonic() - began_s, 2)  # OpenVINO reads what an earlier start has compiled
        pictures = asked(renderer, look)
        inputs, performed = cycle([one.inputs for one in pictures]), cycle([one.params for one in pictures])
        took = timed(lambda inputs=inputs: networks.layers(next(inputs)), chosen.times, most_s=chosen.most_s)  # type: ignore[misc]
        yield {"part": NETWORK, **at, "opening_s": opening_s, "ms": took}
        if took["p50"] > SLOWEST_MS:
            return
        for size in chosen.size or SIZES:
            for steps in chosen.steps or (1,):

                def draw(performed=performed, look=look, size=size, steps=steps) -> Rgba:  # type: ignore[no-untyped-def]
                    return renderer.draw(look, next(performed), light, size, steps)

                took = timed(draw, chosen.times, most_s=chosen.most_s)
                yield {"part": PICTURE, **at, "size": size, "steps": steps, "ms": took}


def share(cell: Cell, macs: int, peaks: dict[str, Peak]) -> Cell:
    """The network's cell with what it achieved: billions of operations a second, and how much of the peak that is."""
    if cell["part"] != NETWORK or "refused" in cell:
        return cell
    gops = 2.0 * macs / cell["ms"]["p50"] / 1e6
    peak = peaks.get(cell["runtime"].split()[-1])
    told = {"share_of_peak": round(gops / peak.gops, 3)} if peak else {}
    return {**cell, "gops": round(gops, 1), **told}


def line(cell: Cell) -> str:
    who = cell.get("runtime", cell.get("build", "NumPy and OpenCV"))
    at = f"{cell['part']:12} {who:22}{cell['references']:>4}"
    if "refused" in cell:
        return f"{at}  left out: {cell['refused']}"
    where = f"{cell['size']}x{cell['size']}" if "size" in cell else ""
    took = "".join(f"{cell['ms'][key]:9.2f}" for key in ("p50", "p95", "p99"))
    part = f"{100.0 * cell['share_of_peak']:6.0f} %" if "share_of_peak" in cell else ""
    return f"{at}{where:>11}{cell.get('steps', ''):>3}{took}{cell['ms']['times']:>6}{cell.get('gops', ''):>8}{part}"


def measured(
    builds: list[Build], chosen: argparse.Namespace, macs: dict[int, int], peaks: dict[str, Peak]
) -> list[Cell]:
    """Every cell, printed as it comes."""
    character, encoding = load_character(chosen.character), Networks()
    looks = [
        PreparedCharacter.of(copying_from(character, count), encoding) for count in chosen.references or REFERENCES
    ]
    found: list[Cell] = []
    shared = (row for look in looks for row in shared_cells(look, chosen))
    for cell in chain(shared, (row for build in builds for row in cells(build, looks, chosen))):
        found.append(share(cell, macs[cell["references"]], peaks))
        print(line(found[-1]), flush=True)
    return found


def counted() -> dict[int, int]:
    """Multiply-adds of one call of the denoiser, by the number of references."""
    path = shipped_networks().denoiser.path
    return {count: sum(floor.macs(path, denoiser_shapes(count)).values()) for count in range(1, MOST_AT_ONCE + 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", action="append", choices=runtime_names(), help="only this one")
    parser.add_argument("--size", action="append", type=int, choices=SIZES, help="only this one")
    parser.add_argument(
        "--references", action="append", type=int, choices=range(1, MOST_AT_ONCE + 1), help="only so many"
    )
    parser.add_argument("--steps", action="append", type=int, choices=STEPS, help="of a picture (default: 1)")
    parser.add_argument("--character", default=CHARACTER, help="who is drawn (default: %(default)s)")
    parser.add_argument("--times", type=int, default=TIMES, help="of each figure, at most (default: %(default)s)")
    parser.add_argument("--most-s", type=float, default=MOST_S, help="seconds for each (default: %(default)s)")
    parser.add_argument("--no-floor", action="store_true", help="do not measure the processor's own peak")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/network.json")
    chosen = parser.parse_args()
    told, files, macs = origin(), shipped_networks(), counted()
    peaks = {} if chosen.no_floor else floor.peaks()
    for precision, best in peaks.items():
        print(f"peak      {precision:5} {best.gops:8.1f} billion operations a second: {best.by}")
    print(f"{'':35}refs{'size':>11}{'':3}{'p50':>9}{'p95':>9}{'p99':>9}{'times':>6}{'Gop/s':>8}  of peak")
    builds = [Build.named(name) for name in chosen.runtime] if chosen.runtime else every_build()
    model = {"model": files.model, "sha256": files.denoiser.sha256, "character": chosen.character}
    result = {**model, "macs": macs, "peaks": floor.as_json(peaks)}
    keep({**told, **result, "cells": measured(builds, chosen, macs, peaks)}, chosen.save)


if __name__ == "__main__":
    main()
