"""The optional kind "photoreal" for `omote.engine.model.kinds`. Each part is imported when it is used."""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, FlameParams, PhotorealCharacter
from ..errors import AnimatorError
from ..model.kinds import Finding, Kind, Made, Opened, Settings, Stills
from ..offline.render import RenderSettings
from ..runtime.session import RuntimeUnavailable
from ..tensor_file import TensorFile
from . import character as character_file
from .files import FILES, default_folder, published, require_commercial
from .options import add_arguments, options_of

_RUNS = 3


class Photoreal:
    """The kind "photoreal"."""

    format = character_file.FORMAT

    def load(self, sealed: TensorFile, path: Path) -> PhotorealCharacter:
        return character_file.load(sealed, path)

    def save(self, character: PhotorealCharacter, path: Path) -> None:
        character_file.save(character, path)

    def open(self, character: PhotorealCharacter, settings: Settings) -> Opened:
        from .opening import open_character

        return open_character(character, settings)

    def render_settings(
        self, people: Sequence[AnyCharacter], settings: Settings, threads: int | None
    ) -> RenderSettings:
        from .offline import render_settings

        return render_settings(people, settings, threads)

    def stills(
        self, character: PhotorealCharacter, faces: Sequence[FlameParams], how: Stills, settings: Settings
    ) -> Iterator[NDArray[np.uint8]]:
        from .offline import stills

        return stills(character, faces, how, settings)

    def read_expression(self, photo: Path, settings: Settings) -> FlameParams:
        from .smirk import read_expression

        return read_expression(photo, published(settings.files), settings.allow_noncommercial)

    def add_arguments(self, group: argparse._ArgumentGroup) -> None:
        add_arguments(group)

    def names(self, name: str, typed: argparse.Namespace) -> list[str]:
        return options_of(name, typed).names

    def make(
        self, name: str, photo: Path, consent: str, typed: argparse.Namespace, settings: Settings
    ) -> Iterator[Made]:
        from .making import make

        return make(name, photo, consent, typed, settings)

    def compile(
        self, character: PhotorealCharacter, settings: Settings, targets: Sequence[str], out: Path, *, again: bool
    ) -> Iterator[str]:
        from .networks import DECODER, UNET, Recipe, candidates, first_networks, reference_inputs
        from .opening import exported_folder, model_of, require_same

        if again:  # the export is kept unless the weights for a new one are here
            require_same(character, published(settings.files))
            shutil.rmtree(exported_folder() / Recipe.of(character).digest, ignore_errors=True)
        model = model_of(character, settings)
        try:
            if targets:
                from ..runtime.tensorrt_rtx import compile_ahead

                for name, batch in [*((UNET, count) for count in sorted({1, settings.steps})), (DECODER, 1)]:
                    yield str(compile_ahead(model.graph(name, batch), targets, out))
                return
            networks, refusals = first_networks(model, candidates(settings.runtime))
        except RuntimeUnavailable as error:
            raise AnimatorError(str(error)) from error
        yield from refusals
        step, picture = reference_inputs(networks.shapes), reference_inputs(model.graph(DECODER).shapes)
        step_ms = _median_ms(lambda: networks.unet.run(step))
        decode_ms = _median_ms(lambda: networks.decoder.run(picture))
        yield f"{networks.name}: {step_ms:.1f} ms a step, {decode_ms:.1f} ms to decode a picture"

    def doctor(self, character: PhotorealCharacter, settings: Settings, compare: Path | None) -> Iterator[Finding]:
        from .doctor import checks

        return checks(character, settings, compare)

    def files(self, settings: Settings) -> Iterator[str]:
        found = published(settings.files)
        yield "for photoreal characters, not shipped: `omote models get arc2face` downloads them"
        for file in FILES:
            yield f"  {file.name}: {found.find(file.name) or 'missing'}; {file.licence}; {file.origin}"

    def fetch(self, settings: Settings, folder: Path | None) -> Iterator[str]:
        """Checks the licences first, then downloads."""
        target = folder.expanduser() if folder else settings.files or default_folder()
        files = published(target)
        needed = [file for file in FILES if file.is_needed]
        require_commercial(needed, settings.allow_noncommercial)
        for file in needed:
            if found := files.find(file.name):
                yield f"{file.name}: present at {found}"
            else:
                yield f"{file.name}: downloaded, sha256 {files.fetch(file)[:16]}…; {file.licence}"
        if target.absolute() not in (default_folder().absolute(), settings.files and settings.files.absolute()):
            yield f'set `photoreal = "{target.absolute().as_posix()}"` in config.toml to use them'

    def train(self, arguments: Sequence[str], settings: Settings) -> None:
        from .student import main

        main(arguments, settings)


def _median_ms(work: Callable[[], object]) -> float:
    took_ns = []
    for _ in range(_RUNS):
        began_ns = time.perf_counter_ns()
        work()
        took_ns.append(time.perf_counter_ns() - began_ns)
    return statistics.median(took_ns) / 1e6


KIND: Kind = Photoreal()
