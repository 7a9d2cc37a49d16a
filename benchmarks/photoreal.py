"""A photoreal picture in few steps, by each runtime that is here, beside diffusers' own pipeline in the same run.

The weights are random, in the published sizes: how long it takes does not depend on what is drawn. Never run on a GPU.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from peers.arc2face import PUBLISHED, SMALL, random_arc, recipe_of
from record import keep_rows, origin, timed

from omote.engine.arc2face.export import open_eager, unet_shapes
from omote.engine.arc2face.networks import DECODER, UNET
from omote.engine.arc2face.networks import reference_inputs as inputs
from omote.engine.arc2face.opening import exported
from omote.engine.arc2face.pipeline import Arc2Face
from omote.engine.runtime.session import Build, ExportedGraph, OutputSpec, RuntimeUnavailable, Session

DIFFUSERS = "diffusers"
RUNTIMES = {
    "cuda": (DIFFUSERS, "pytorch-f16", "pytorch-compile-f16", "tensorrt-rtx", "tensorrt"),
    "cpu": (DIFFUSERS, "pytorch-f32", "openvino-f32"),
}
WARM_UP = 3
# https://github.com/cumulo-autumn/StreamDiffusion, README: img2img and txt2img, TensorRT and TAESD at batch 1.
QUOTED = {"StreamDiffusion, SD-Turbo, 1 step, 512x512, RTX 4090": {"fps": [93.897, 106.16], "is_quoted": True}}
NOTE = "random weights in the published sizes; diffusers' reads neither our 4 expression tokens nor a bank"


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    runtime: str
    steps: int
    has_bank: bool = False
    streams: bool = False  # all steps in one call, each of a picture of its own

    @property
    def name(self) -> str:
        """For people."""
        told = f"{self.runtime}, {self.steps} step{'s' if self.steps > 1 else ''}"
        return told + (", bank" if self.has_bank else "") + (", stream batch" if self.streams else "")


def cases(runtimes: tuple[str, ...], steps: tuple[int, ...], banks: tuple[bool, ...]) -> Iterator[Case]:
    """The plan; on a GPU steps of a stream are measured in one call too."""
    for runtime in runtimes:
        for has_bank in banks if runtime != DIFFUSERS else (False,):
            for count in steps:
                yield Case(runtime, count, has_bank)
                if count > 1 and runtime != DIFFUSERS:
                    yield Case(runtime, count, has_bank, streams=True)


@dataclass(frozen=True)
class Bench:
    """What all cases share."""

    device: str
    size: int
    is_small: bool

    @cache  # noqa: B019  # one bench a process
    def arc(self) -> Arc2Face:
        return self._fresh()

    def _fresh(self) -> Arc2Face:
        return random_arc(SMALL, 8) if self.is_small else random_arc(PUBLISHED)

    def picture(self, case: Case) -> Callable[[], object]:
        """What draws one picture; RuntimeUnavailable says why it cannot be here."""
        return self._theirs(case) if case.runtime == DIFFUSERS else self._ours(case)

    def _ours(self, case: Case) -> Callable[[], object]:
        batch = case.steps if case.streams else 1
        unet, feeds = self._session(UNET, case, batch)
        decoder, latents = self._session(DECODER, case, 1)
        calls = 1 if case.streams else case.steps

        def draw() -> object:
            for _ in range(calls):
                unet.run({**feeds, "x": feeds["x"].copy()})
            return decoder.run(latents)

        return draw

    def _session(self, name: str, case: Case, batch: int) -> tuple[Session, dict[str, Any]]:
        build = Build.named(case.runtime)
        if case.runtime.startswith("pytorch"):
            graph = self._graph(name, case, batch)
            return open_eager(self.arc(), name, graph, build, self.device), inputs(graph.shapes)
        recipe = recipe_of(self.arc(), self.size, has_bank=case.has_bank)
        if self.is_small:
            recipe = replace(recipe, model="small random weights")
        model = exported(recipe, self._fresh)  # the other arc may have moved to the GPU
        shapes = model.graph(name, batch).shapes
        return model.session(name, build, batch), inputs(shapes)

    def _graph(self, name: str, case: Case, batch: int) -> ExportedGraph:
        """The inputs that the exported one would have."""
        arc, side = self.arc(), self.size // 8
        rows = recipe_of(arc, self.size, has_bank=case.has_bank).bank
        every = ("x", "t", "tokens", "expression")
        of_unet = {
            one: (batch, *shape[1:]) if one in every else shape for one, shape in unet_shapes(arc, side, rows).items()
        }
        shapes = of_unet if name == UNET else {"latents": (1, arc.unet.config.in_channels, side, side)}
        standing = frozenset(of_unet) - {"x", "t", "expression"}
        return ExportedGraph(Path(f"{name}.onnx"), "", shapes, {name: OutputSpec((batch,))}, standing)

    def _theirs(self, case: Case) -> Callable[[], object]:
        """StableDiffusionPipeline with the same UNet weights, a TAESD of its own and LCM's scheduler."""
        diffusers = importlib.import_module("diffusers")
        diffusers.utils.logging.set_verbosity_error()
        config = SMALL if self.is_small else PUBLISHED
        with torch.device("meta"):
            unet = diffusers.UNet2DConditionModel(sample_size=self.size // 8, **config)
        state = {name: value for name, value in self.arc().unet.state_dict().items() if ".processor." not in name}
        unet.load_state_dict(state, assign=True)
        dtype = torch.float16 if self.device == "cuda" else torch.float32
        widths = (8,) * 4 if self.is_small else (64,) * 4
        vae = diffusers.AutoencoderTiny(encoder_block_out_channels=widths, decoder_block_out_channels=widths)
        pipeline = diffusers.StableDiffusionPipeline(
            vae=vae, text_encoder=None, tokenizer=None, unet=unet, scheduler=diffusers.LCMScheduler(steps_offset=1),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        ).to(self.device, dtype)  # fmt: skip
        pipeline.set_progress_bar_config(disable=True)
        side = self.size // 8
        tokens, noise = torch.randn(1, 77, config["cross_attention_dim"]), torch.randn(1, 4, side, side)
        asked = {"prompt_embeds": tokens.to(self.device, dtype), "latents": noise.to(self.device, dtype)}
        return lambda: pipeline(**asked, num_inference_steps=case.steps, guidance_scale=0.0, output_type="np")


def measured(bench: Bench, case: Case, times: int, most_s: float) -> dict[str, Any]:
    """Milliseconds of a picture after a warm-up, or {"refused": why}.

    On a processor also the seconds that its cores spent on a picture, which other programs change less than the clock.
    """
    try:
        draw = bench.picture(case)
    except (RuntimeUnavailable, ModuleNotFoundError) as error:
        return {"refused": " ".join(str(error).split())}
    drawn = 0

    def counted() -> None:
        nonlocal drawn
        draw()
        drawn += 1

    began_s = time.process_time()
    with torch.inference_mode():
        took = timed(counted, times, warm_up=WARM_UP, most_s=most_s)
    cores_s = (time.process_time() - began_s) / drawn
    return {**took, "cores_s": round(cores_s, 3)} if bench.device == "cpu" else took


def compare(rows: dict[str, dict[str, Any]], plan: list[Case]) -> None:
    """Gives each row how many times as fast as diffusers' pipeline it is in as many steps."""
    for case in plan:
        theirs, row = rows.get(Case(DIFFUSERS, case.steps).name, {}), rows[case.name]
        for figure, name in (("p50", "times_as_fast_as_diffusers"), ("cores_s", "times_as_fast_by_cores")):
            if figure in theirs and figure in row and case.runtime != DIFFUSERS:
                row[name] = round(theirs[figure] / row[figure], 2)


def line(name: str, row: dict[str, Any]) -> str:
    """One row of the table."""
    if "refused" in row:
        return f"{name:46}left out: {row['refused']}"
    if "fps" in row:
        return f"{name:46}{' to '.join(map(str, row['fps']))} pictures a second, as its authors say"
    ratio = row.get("times_as_fast_as_diffusers", "")
    cores = f"  {row['cores_s']:.2f} s of cores" if "cores_s" in row else ""
    return f"{name:46}{row['p50']:10.1f}{row['p95']:10.1f}{row['p99']:10.1f}{row['times']:6}{ratio!s:>8}{cores}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--device", choices=tuple(RUNTIMES), default="cuda")
    parser.add_argument("--small", action="store_true", help="toy networks: shows that the plan runs, measures nothing")
    parser.add_argument("--size", type=int, default=512, metavar="PIXELS", help="of the picture (default: %(default)s)")
    parser.add_argument("--runtime", action="append", help="this one alone (repeat for more)")
    parser.add_argument("--steps", type=int, action="append", help="so many alone (default: 1, 2 and 4)")
    parser.add_argument("--bank", choices=("with", "without", "both"), default="both")
    parser.add_argument("--times", type=int, default=200, help="pictures at most (default: %(default)s)")
    parser.add_argument("--most-s", type=float, default=3.0, help="seconds of a case (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/photoreal.json")
    chosen = parser.parse_args()
    os.environ |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    told = {**origin(), "device": chosen.device, "size": chosen.size, "is_small": chosen.small, "note": NOTE}
    banks = {"with": (True,), "without": (False,), "both": (False, True)}[chosen.bank]
    runtimes = tuple(chosen.runtime or RUNTIMES[chosen.device])
    plan = list(cases(runtimes, tuple(chosen.steps or (1, 2, 4)), banks))
    bench, rows = Bench(chosen.device, chosen.size, chosen.small), dict[str, dict[str, Any]](QUOTED)
    print(f"{'':46}{'p50 ms':>10}{'p95':>10}{'p99':>10}{'n':>6}{'x':>8}")
    for case in plan:
        rows[case.name] = measured(bench, case, chosen.times, chosen.most_s)
        compare(rows, [case])
        print(line(case.name, rows[case.name]), flush=True)
    for name in QUOTED:
        print(line(name, rows[name]))
    keep_rows(told, "rows", rows, chosen.save, is_whole=_is_whole(chosen))


def _is_whole(chosen: argparse.Namespace) -> bool:
    return not chosen.runtime and not chosen.steps and chosen.bank == "both"


if __name__ == "__main__":
    main()
