"""The optional kind "photoreal" for `omote.engine.model.kinds`. Each part is imported when it is used."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from ..data import PhotorealCharacter
from ..errors import AnimatorError
from ..model.kinds import Kind, Settings
from ..runtime.session import RuntimeUnavailable
from .character import FORMAT
from .files import FILES, default_folder, published, require_commercial

_RUNS = 3


# Functions that are imported with their modules when they are first used.
_FUNCTIONS = {
    "load": "character.load",
    "save": "character.save",
    "open": "opening.open_character",
    "render_settings": "offline.render_settings",
    "stills": "offline.stills",
    "read_expression": "smirk.read_expression",
    "add_arguments": "options.add_arguments",
    "names": "options.names_of",
    "make": "making.make",
    "doctor": "doctor.checks",
    "train": "student.main",
}


class Photoreal:
    """The kind "photoreal"; see `omote.engine.model.kinds.Kind`."""

    format = FORMAT

    def __getattr__(self, name: str) -> Any:
        if name not in _FUNCTIONS:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        module, _, function = _FUNCTIONS[name].partition(".")
        return getattr(import_module(f".{module}", __package__), function)

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


def _median_ms(work: Callable[[], object]) -> float:
    took_ns = []
    for _ in range(_RUNS):
        began_ns = time.perf_counter_ns()
        work()
        took_ns.append(time.perf_counter_ns() - began_ns)
    return statistics.median(took_ns) / 1e6


KIND = cast(Kind, Photoreal())
