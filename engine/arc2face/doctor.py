"""`omote doctor` for a photoreal character: checks its files and pictures, and compares all ways to draw it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from .. import models
from ..capture.photo import MediaPipeFinder
from ..data import FLAME_BASIS, Array, PhotorealCharacter, SourceFile
from ..face.fitting import FaceLandmarks
from ..face.flame_map import FlameMapError, the_map
from ..face.light import studio_light
from ..face.retarget import from_weights
from ..images import picture_grid
from ..model.kinds import Finding, Settings
from ..models import ModelError
from ..runtime.session import Build, RuntimeUnavailable
from .copying import Drawer, copied, drawn_live, read_face
from .files import (
    CONTROLNET,
    DISTILLED,
    EXPRESSION_ADAPTER,
    RECOGNISER,
    REFERENCE_ADAPTER,
    Published,
    published,
    require_commercial,
)
from .identity import arcface
from .networks import BOUNDS_DB, GRAPHS, ExportedModel, precision_of
from .opening import model_of, open_character, open_fastest, weights_of
from .sampling import FEW_STEPS
from .vectors import vector_of

Picture = NDArray[np.uint8]

SAME_PERSON = 0.4  # least cosine of ArcFace's embeddings for two pictures of one person
SMILE, SMILED = 0.7, 0.2  # weight of the smile that is drawn, and the least difference from rest that is read back
_SMILES = ("mouthSmileLeft", "mouthSmileRight")
_MISTAKES = (ValueError, ModelError, RuntimeUnavailable)  # errors that a user can mend


def checks(character: PhotorealCharacter, settings: Settings, compare: Path | None = None) -> Iterator[Finding]:
    """Checks one thing after another. A check is left out if what it needs is missing; nothing is downloaded."""
    who = f"{character.name}, {character.size}x{character.size}, sampler {character.sampler}; {character.made_from}"
    yield Finding("character", True, who)
    files = published(settings.files)
    yield from (_part(files, part) for part in character.parts)
    yield _licences(character, settings)
    yield from _layout(character, files, settings)
    measured = character.is_neutral_measured
    found = "measured" if measured else "a stand-in, which was never measured"
    cure = "measure one, and make the character again with --neutral FILE"
    yield Finding("neutral", measured, found, cure, wrong="unsure")
    yield _map(settings)
    try:
        model = model_of(character, settings)
    except _MISTAKES as error:
        yield Finding("exported networks", False, str(error), is_needed=True)
        return
    yield Finding("exported networks", True, f"{model.recipe.digest}, {model.recipe.size}x{model.recipe.size}")
    yield from (_parity(model, name) for name in GRAPHS)
    yield from _pictures(character, settings, files)
    if compare:
        yield from compared(character, settings, files, compare)


def _part(files: Published, part: SourceFile) -> Finding:
    cure = "restore the file that the character was made with, or make the character again"
    try:
        (found,) = files.parts([part.name])
    except (ModelError, KeyError) as error:
        return Finding("part", False, str(error), is_needed=True)
    if found.sha256 != part.sha256:
        differs = f"{part.name} has the sha256 {found.sha256[:16]}, the character's was {part.sha256[:16]}"
        return Finding("part", False, differs, cure, is_needed=True, wrong="changed")
    return Finding("part", True, f"{part.name}, sha256 {found.sha256[:16]} as recorded")


def _licences(character: PhotorealCharacter, settings: Settings) -> Finding:
    try:
        require_commercial(character.parts, settings.allow_noncommercial)
    except ModelError as error:
        return Finding("licences", False, str(error), is_needed=True, wrong="refused")
    refused = sum(not part.is_commercial for part in character.parts)
    allowed = f"{refused} of {len(character.parts)} parts are not for commercial use, which config.toml allows"
    return Finding("licences", True, allowed if refused else "all parts allow commercial use")


def _layout(character: PhotorealCharacter, files: Published, settings: Settings) -> Iterator[Finding]:
    """Loads the weights, which checks the name and shape of each tensor."""
    try:
        arc = weights_of(character, settings)
        from .loading import read_adapter, read_lora

        adapter = read_adapter(files.path(EXPRESSION_ADAPTER)).layout
        loras = {
            name: read_lora(files.path(name)).summary for name in (REFERENCE_ADAPTER, DISTILLED[character.sampler])
        }
    except _MISTAKES as error:
        yield Finding("layout", False, str(error))
        return
    modules = {"denoiser": arc.unet, "adapter": arc.adapter, "encoder": arc.encoder, "vae": arc.vae, "taesd": arc.tiny}
    for name, module in modules.items():
        tensors = module.state_dict().values()
        numbers = sum(tensor.numel() for tensor in tensors)
        yield Finding("layout", True, f"{name}: {len(tensors)} tensors of {numbers:,} numbers, as expected")
    yield Finding("layout", True, f'expression adapter: layout "{adapter}", {arc.adapter.count} tokens')
    yield from (Finding("LoRA", True, f"{name}: {summary}") for name, summary in loras.items())


def _map(settings: Settings) -> Finding:
    try:
        found = the_map(settings.flame_map)
    except FlameMapError as error:
        return Finding("FLAME map", False, str(error), is_needed=True)
    median, most = found.apart_mm
    source = f"to {found.basis}, from the FLAME file {found.flame_sha256[:16]}"
    return Finding("FLAME map", found.basis == FLAME_BASIS, f"{source}; heads {median:.2f} mm apart, most {most:.2f}")


def _parity(model: ExportedModel, name: str) -> Finding:
    """Compares OpenVINO's f32 output with PyTorch's at export time."""
    try:
        session = model.session(name, Build("openvino", "f32"))
        found_db = model.measured_db(session, name)
    except RuntimeUnavailable as error:
        return Finding("parity", False, f"{name}: {error}", is_needed=True)
    least_db = BOUNDS_DB[precision_of(session)]
    measured = f"{name}: {found_db:.0f} dB above its difference from PyTorch, expected {least_db:.0f}"
    return Finding("parity", found_db >= least_db, measured, is_needed=True, wrong="off")


@dataclass(frozen=True)
class _Drawn:
    rest: Picture  # [S,S,3]
    smile: Picture
    took_ms: float  # for one picture
    how: str  # size, steps and runtime


def _faces() -> tuple[Any, Any]:
    """Rest and a smile."""
    rest, smile = (from_weights(arkit.weights(dict.fromkeys(_SMILES, weight))) for weight in (0.0, SMILE))
    return rest, smile


def _drawn(character: PhotorealCharacter, settings: Settings) -> _Drawn:
    renderer = open_character(character, settings).renderer
    renderer.check(character)  # prepares the warp, once
    start = time.perf_counter()
    pictures = [renderer.draw(face, character, studio_light()).rgba[..., :3] for face in _faces()]
    took_ms = (time.perf_counter() - start) / len(pictures) * 1000.0
    rest, smile = pictures
    return _Drawn(rest, smile, took_ms, f"{renderer.size}x{renderer.size}, steps {renderer.steps}, {renderer.runtime}")


def _pictures(character: PhotorealCharacter, settings: Settings, files: Published) -> Iterator[Finding]:
    """Draws as `omote live` does, and checks the pictures."""
    try:
        first, second = (_drawn(character, settings) for _ in range(2))
    except _MISTAKES as error:
        yield Finding("portrait", False, str(error), is_needed=True)
        return
    yield Finding("portrait", True, f"{first.how}: {first.took_ms:.0f} ms a picture")
    is_same = np.array_equal(first.rest, second.rest)
    repeated = "the same bytes twice" if is_same else "different bytes"
    yield Finding("still face", is_same, repeated, "report this", wrong="differs")
    judge = Judge.of(character, files)
    seen = judge.seen(first.rest)
    found = "found by the tracker" if isinstance(seen, FaceLandmarks) else seen
    yield Finding("face", isinstance(seen, FaceLandmarks), found, wrong="weak")
    cosine, smiled = judge.likeness(first.rest), judge.smiled(first.rest, first.smile)
    likeness = f"cosine {cosine:.2f} to the photo, expected {SAME_PERSON:.2f} or more"
    yield Finding("likeness", bool(cosine >= SAME_PERSON), likeness, wrong="weak")
    expression = f"a smile of {SMILE} reads {smiled:.2f} more than rest, expected {SMILED}"
    yield Finding("expression", bool(smiled >= SMILED), expression, wrong="weak")


@dataclass(frozen=True)
class Judge:
    """A face tracker and a recogniser for pictures of one character. Figures are nan if no face is found."""

    character: PhotorealCharacter
    embedder: Any  # None if the recogniser is missing
    photo: Array | None  # the embedding of the photo

    @classmethod
    def of(cls, character: PhotorealCharacter, files: Published) -> Judge:
        embedder, photo = None, None
        with suppress(ModelError):
            embedder = arcface(files.path(RECOGNISER))
        alone = cls(character, embedder, None)
        seen = alone.seen(character.reference)
        if embedder is not None and isinstance(seen, FaceLandmarks):
            photo = embedder.embed(character.reference, seen.points)
        return replace(alone, photo=photo)

    def seen(self, picture: Picture) -> FaceLandmarks | str:
        """The face in the picture, or the tracker's error."""
        return read_face("the picture", picture, lambda: MediaPipeFinder(models.model_path(models.FACE_LANDMARKER)))

    def likeness(self, picture: Picture) -> float:
        """ArcFace's cosine between the picture and the photo."""
        seen = self.seen(picture)
        if self.photo is None or isinstance(seen, str):
            return float("nan")
        return float(self.photo @ self.embedder.embed(picture, seen.points))

    def smiled(self, rest: Picture, smile: Picture) -> float:
        """The difference in smile that the tracker reads."""
        before, after = (self.seen(picture) for picture in (rest, smile))
        if isinstance(before, str) or isinstance(after, str):
            return float("nan")
        at = [arkit.INDEX[name] for name in _SMILES]
        return float(np.mean(after.weights[at] - before.weights[at]))


def compared(character: PhotorealCharacter, settings: Settings, files: Published, folder: Path) -> Iterator[Finding]:
    """Draws one seed in 25 guided steps, in few steps and copied live, with and without reference; saves a sheet.

    This is the first test for the published weights. With random weights it shows only that all paths run.
    """
    judge, shown, names = Judge.of(character, files), [character.reference], ["the photo"]
    for name, draw in _ways(character, settings, files).items():
        try:
            drawn = draw()
        except _MISTAKES as error:
            yield Finding("compare", False, f"{name}: {error}", wrong="missing")
            continue
        shown += [drawn.rest, drawn.smile]
        names += [name, f"{name}, smile"]
        measured = (
            f"{name}: ID cosine {_number(judge.likeness(drawn.rest))} at rest, "
            f"{_number(judge.likeness(drawn.smile))} smiling; a smile of {SMILE} reads "
            f"{_number(judge.smiled(drawn.rest, drawn.smile))}; {drawn.took_ms:.0f} ms a picture"
        )
        yield Finding("compare", True, measured)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        picture_grid(shown, names).save(folder / "compare.png")
    except OSError as error:
        yield Finding("compare", False, f"cannot write to {folder}: {error}")
        return
    yield Finding("compare", True, f"all of them on {folder / 'compare.png'}")


def _number(value: float) -> str:
    return "unknown (no face found)" if np.isnan(value) else f"{value:.2f}"


def _ways(character: PhotorealCharacter, settings: Settings, files: Published) -> Mapping[str, Callable[[], _Drawn]]:
    to_flame = the_map(settings.flame_map).flame
    vectors = np.stack([vector_of(face, character.neutral, to_flame) for face in _faces()])

    def vector(weights: Array) -> Array:
        return vector_of(from_weights(weights), character.neutral, to_flame)

    def by_torch(sampler: str | None, steps: int, scale: float) -> _Drawn:
        arc: Any = open_fastest(files, sampler, scale)
        start = time.perf_counter()
        bank = arc.bank(character.reference, character.tokens[None]) if scale > 0.0 else None
        how = {"steps": steps, "guidance": 1.0 if sampler else 3.0, "sampler": sampler or "dpm"}
        latents = arc.generate(character.tokens[None], vectors, character.noise[None], bank=bank, **how)
        rest, smile = arc.picture(latents)
        return _Drawn(rest, smile, (time.perf_counter() - start) / 2 * 1000.0, "pytorch")

    def copied_live() -> _Drawn:
        arc = open_fastest(files, None, character.reference_scale, has_pose=files.find(CONTROLNET) is not None)
        tokens, rest = character.tokens[None], np.zeros(arkit.COUNT, np.float32)
        bank = arc.bank(character.reference, tokens) if character.bank else None
        instead = FaceLandmarks(character.points, rest, np.zeros(3, np.float32))
        found = copied(character.name, Drawer(arc, tokens, character.noise, bank, vector), instead, "")
        (at_rest, smile), took_ms = drawn_live(found.character, _faces(), character.size)
        return _Drawn(at_rest, smile, took_ms, "copied")

    scale = character.reference_scale or 0.8
    ways: dict[str, Callable[[], _Drawn]] = {
        "25 guided steps, reference": lambda: by_torch(None, 25, scale),
        "25 guided steps, no reference": lambda: by_torch(None, 25, 0.0),
    }
    for sampler in FEW_STEPS:
        if files.find(DISTILLED[sampler]):
            steps = 1 if sampler == "student" else 4
            ways |= {
                f"{sampler}, {steps} steps, reference": lambda s=sampler, n=steps: by_torch(s, n, scale),  # type: ignore[misc]
                f"{sampler}, {steps} steps, no reference": lambda s=sampler, n=steps: by_torch(s, n, 0.0),  # type: ignore[misc]
            }
    return {**ways, "copied live": copied_live}
