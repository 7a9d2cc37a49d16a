"""The model alone: each runtime, precision, size and number of steps, beside this machine's own matrix peak."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import floor
import numpy as np
from floor import Peak
from record import keep, origin, timed

from omote.engine.diffusion import sampler
from omote.engine.runtime.build import PRECISIONS, Build, names
from omote.engine.runtime.network import Inputs, Network, RuntimeUnavailable
from omote.engine.runtime.opening import open_network
from omote.engine.weights import NetworkFile, networks

TIMES = 100
MOST_S = 3.0  # for each figure
SLOWEST_MS = 1500.0  # a step; what takes longer is emulated, and is not measured further

Cell = dict[str, Any]  # a row of the result


def every_build() -> list[Build]:
    """Each runtime in each precision that it names."""
    return [
        Build(runtime, precision) for runtime, precisions in PRECISIONS.items() for precision in precisions if precision
    ]


def inputs_of(file: NetworkFile, build: Build) -> Inputs:
    """Random numbers of the right shapes: what a step costs does not depend on them."""
    rng = np.random.default_rng(0)
    shapes = file.shapes(build.size, build.batch)
    some = {name: rng.standard_normal(shape).astype(np.float32) * np.float32(0.5) for name, shape in shapes.items()}
    ones = {name: np.ones(shapes[name], np.float32) for name in ("t", "present")}
    return Inputs(**{**some, **ones})


def draw(network: Network, inputs: Inputs, noise: sampler.Array, steps: int) -> sampler.Array:
    """One picture, or one batch of them, in so many steps."""
    return sampler.sample(lambda x, t: network.run(inputs.at(x, t)), noise, steps)


def cells(build: Build, file: NetworkFile, steps: tuple[int, ...], times: int, most_s: float) -> Iterator[Cell]:
    """A figure for each number of steps; or one line that says why there is none."""
    at = {"build": build.name, "size": build.size, "batch": build.batch}
    began_s = time.monotonic()
    try:
        network = open_network(file, build)
    except RuntimeUnavailable as error:
        yield {**at, "refused": str(error)}
        return
    compiled_s = round(time.monotonic() - began_s, 2)
    inputs, noise = inputs_of(file, build), np.repeat(sampler.fixed_noise(build.size), build.batch, 0)
    for count in steps:
        took = timed(lambda count=count: draw(network, inputs, noise, count), times, most_s=most_s)  # type: ignore[misc]
        yield {**at, "runtime": network.name, "steps": count, "compile_s": compiled_s, "ms": took}


def share(cell: Cell, macs: int, peaks: dict[str, Peak]) -> Cell:
    """The same cell with what it achieved: billions of operations a second, and how much of the peak that is."""
    if "refused" in cell:
        return cell
    gops = 2.0 * macs * cell["batch"] * cell["steps"] / cell["ms"]["p50"] / 1e6
    peak = peaks.get(cell["runtime"].split()[-1])
    told = {"share_of_peak": round(gops / peak.gops, 3)} if peak else {}
    return {**cell, "gops": round(gops, 1), **told}


def line(cell: Cell) -> str:
    where = f"{cell['size']}x{cell['size']}" + (f" x{cell['batch']}" if cell["batch"] > 1 else "")
    if "refused" in cell:
        return f"{cell['build']:22}{where:>12}  left out: {cell['refused']}"
    took = "".join(f"{cell['ms'][key]:9.2f}" for key in ("p50", "p95", "p99"))
    part = f"{100.0 * cell['share_of_peak']:6.0f} %" if "share_of_peak" in cell else ""
    return f"{cell['runtime']:22}{where:>12}{cell['steps']:>4}{took}{cell['ms']['times']:>6}{cell['gops']:>8}{part}"


def is_last(cell: Cell) -> bool:
    """Whether this build is to be measured no further: it cannot run, or a step takes too long to be of use."""
    return "refused" in cell or cell["ms"]["p50"] > SLOWEST_MS * cell["steps"] * cell["batch"]


def measured(builds: list[Build], file: NetworkFile, chosen: argparse.Namespace, peaks: dict[str, Peak]) -> list[Cell]:
    """Every cell, printed as it comes. What is refused or far too slow is not tried again."""
    found: list[Cell] = []
    refused: set[str] = set()
    for size in chosen.size or file.sizes:
        macs = sum(floor.macs(file.path, file.shapes(size)).values())
        for build in builds:
            if build.name in refused:
                continue
            there = replace(build, size=size, batch=chosen.batch)
            for cell in cells(there, file, tuple(chosen.steps or sampler.STEPS), chosen.times, chosen.most_s):
                found.append(share(cell, macs, peaks))
                print(line(found[-1]), flush=True)
                if is_last(cell):
                    refused.add(build.name)
                    break
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", action="append", choices=names(), help="only this one")
    parser.add_argument("--size", action="append", type=int, help="only this one")
    parser.add_argument("--steps", action="append", type=int, help="only so many")
    parser.add_argument("--batch", type=int, default=1, help="pictures at once (default: %(default)s)")
    parser.add_argument("--times", type=int, default=TIMES, help="of each figure, at most (default: %(default)s)")
    parser.add_argument("--most-s", type=float, default=MOST_S, help="seconds for each (default: %(default)s)")
    parser.add_argument("--no-floor", action="store_true", help="do not measure the processor's own peak")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/network.json")
    chosen = parser.parse_args()
    told, file = origin(), networks()[-1]
    peaks = {} if chosen.no_floor else floor.peaks()
    for precision, best in peaks.items():
        print(f"peak      {precision:5} {best.gops:8.1f} billion operations a second: {best.by}")
    print(f"{'':34}step{'p50':>9}{'p95':>9}{'p99':>9}{'times':>6}{'Gop/s':>8}  of peak")
    builds = [Build.named(name) for name in chosen.runtime] if chosen.runtime else every_build()
    counted = {size: sum(floor.macs(file.path, file.shapes(size)).values()) for size in file.sizes}
    result = {"model": file.model, "sha256": file.sha256, "macs": counted, "peaks": floor.as_json(peaks)}
    keep({**told, **result, "cells": measured(builds, file, chosen, peaks)}, chosen.save)


if __name__ == "__main__":
    main()
