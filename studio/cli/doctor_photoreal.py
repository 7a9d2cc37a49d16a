"""`omote doctor --character me`: all that a photoreal character is made from and drawn by, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine import models
from omote.engine.capture.photo import MediaPipeFinder, single_face
from omote.engine.capture.source import SourceError
from omote.engine.data import FLAME_BASIS, Array, PhotorealCharacter, SourceFile
from omote.engine.errors import AnimatorError
from omote.engine.face.fitting import FaceLandmarks
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.images import PhotoError
from omote.engine.model.character_file import CharacterError
from omote.engine.models import ModelError
from omote.engine.photoreal.exported_model import DECODER, EXPRESSION, UNET, ExportedModel
from omote.engine.photoreal.files import Published, published
from omote.engine.photoreal.flame_map import FlameMapError, the_map
from omote.engine.photoreal.graph_parity import BOUNDS_DB, check, precision_of
from omote.engine.photoreal.identity import arcface
from omote.engine.photoreal.licences import NonCommercialError, require_commercial
from omote.engine.photoreal.opening import weights_of
from omote.engine.photoreal.published_file import RECOGNISER
from omote.engine.runtime.session import Build, RuntimeUnavailable, Session

from ..app.config import Config
from .doctor import Check
from .interrupts import run_interruptibly
from .photoreal import model_of, open_photoreal

if TYPE_CHECKING:
    from omote.engine.diffusion.arc2face.pipeline import Arc2Face

Picture = NDArray[np.uint8]

SAME_PERSON = 0.4  # cosine of ArcFace's embeddings from which on two pictures pass for one person
SMILE, SMILED = 0.7, 0.2  # how much is asked for, and how much more than at rest must be seen
_SMILES = ("mouthSmileLeft", "mouthSmileRight")
_WEAK = "weak"
_MADE_AGAIN = "make the character again"


@dataclass(frozen=True)
class _Drawn:
    """What the judges look at."""

    rest: Picture  # [S,S,3]
    smile: Picture


def checks(config: Config, character: PhotorealCharacter) -> Iterator[Check]:
    """Looks at one thing after another, and at what needs them only where they are there. Fetches nothing."""
    yield _who(character)
    files = published(config.photoreal)
    yield from (_part(files, part) for part in character.parts)
    yield _licences(character, config)
    yield from run_interruptibly(lambda: tuple(_layout(character, files, config)))
    yield _neutral(character)
    yield _map(config)
    model = run_interruptibly(lambda: _model(config, character))
    yield model if isinstance(model, Check) else _exported(model)
    if isinstance(model, ExportedModel):
        yield from run_interruptibly(lambda: tuple(_parity(model, name) for name in (EXPRESSION, UNET, DECODER)))
        yield from run_interruptibly(lambda: tuple(_pictures(config, character, files)))


def _who(character: PhotorealCharacter) -> Check:
    found = f"{character.name}, {character.size}x{character.size}, sampler {character.sampler}; {character.made_from}"
    return Check("character", True, found)


def _part(files: Published, part: SourceFile) -> Check:
    name, cure = "part", "put back the file that the character was made from, or make the character again"
    try:
        found = files.part(part.name).sha256
    except (ModelError, KeyError) as error:
        return Check(name, False, str(error), is_needed=True)
    if found != part.sha256:
        said = f"{part.name} has the sha256 {found[:16]}, the character's was {part.sha256[:16]}"
        return Check(name, False, said, cure, is_needed=True, wrong="another")
    return Check(name, True, f"{part.name}, sha256 {found[:16]} as recorded")


def _licences(character: PhotorealCharacter, config: Config) -> Check:
    try:
        require_commercial(character.parts, config.allow_noncommercial)
    except NonCommercialError as error:
        return Check("licences", False, str(error), is_needed=True, wrong="refused")
    refused = sum(not part.is_commercial for part in character.parts)
    said = f"{refused} of {len(character.parts)} parts are not for commercial use, which the configuration allows"
    return Check("licences", True, said if refused else "all parts may earn money")


def _layout(character: PhotorealCharacter, files: Published, config: Config) -> Iterator[Check]:
    """Loading looks at each tensor's name and shape."""
    try:
        arc = weights_of(character, files, config.allow_noncommercial)
    except (CharacterError, ModelError) as error:
        yield Check("layout", False, str(error))
        return
    yield from _sizes(arc)


def _sizes(arc: Arc2Face) -> Iterator[Check]:
    modules = {
        "denoiser": arc.unet,
        "adapter": arc.adapter,
        "encoder": arc.encoder,
        "vae": arc.vae,
        "decoder": arc.tiny,
    }
    for name, module in modules.items():
        tensors = module.state_dict().values()
        numbers = sum(tensor.numel() for tensor in tensors)
        yield Check("layout", True, f"{name}: {len(tensors)} tensors of {numbers:,} numbers, each in its place")


def _neutral(character: PhotorealCharacter) -> Check:
    if character.is_neutral_measured:
        return Check("neutral", True, "a face at rest, as measured")
    cure = f"measure one, and {_MADE_AGAIN} with --neutral FILE"
    return Check("neutral", False, "a stand-in, which nobody has measured", cure, wrong="unsure")


def _map(config: Config) -> Check:
    try:
        found = the_map(config.flame_map)
    except FlameMapError as error:
        return Check("FLAME map", False, str(error), is_needed=True)
    median, most = found.apart_mm
    said = (
        f"to {found.basis}, of the FLAME file {found.flame_sha256[:16]}; heads {median:.2f} mm apart, most {most:.2f}"
    )
    return Check("FLAME map", found.basis == FLAME_BASIS, said)


def _model(config: Config, character: PhotorealCharacter) -> ExportedModel | Check:
    try:
        return model_of(config, character)
    except (AnimatorError, CharacterError, ModelError) as error:
        return Check("exported networks", False, str(error), is_needed=True)


def _exported(model: ExportedModel) -> Check:
    return Check("exported networks", True, f"{model.recipe.digest}, {model.recipe.size}x{model.recipe.size}")


def _parity(model: ExportedModel, name: str) -> Check:
    """On this processor, against what PyTorch computed in f32 when the networks were exported."""
    build = Build("openvino", "f32")
    opened: dict[str, Callable[[], Session]] = {
        EXPRESSION: model.expression,
        UNET: lambda: model.unet(build),
        DECODER: lambda: model.decoder(build),
    }
    try:
        session = opened[name]()
        found_db = check(session, model, name)
    except RuntimeUnavailable as error:
        return Check("parity", False, f"{name}: {error}", is_needed=True)
    wanted_db = BOUNDS_DB[precision_of(session)]
    said = f"{name}: {found_db:.0f} dB above its difference from PyTorch, wanted {wanted_db:.0f}"
    return Check("parity", found_db >= wanted_db, said, is_needed=True, wrong="off")


def _pictures(config: Config, character: PhotorealCharacter, files: Published) -> Iterator[Check]:
    """Draws as `omote live` would, and looks at what comes out."""
    try:
        first, second = (_drawn(config, character) for _ in range(2))
    except (AnimatorError, CharacterError, ModelError, FlameMapError) as error:
        yield Check("portrait", False, str(error), is_needed=True)
        return
    drawn, line = first
    yield line
    is_same = np.array_equal(drawn.rest, second[0].rest)
    yield Check("still face", is_same, "the same bytes" if is_same else "other bytes", "report this", wrong="differs")
    yield from _judged(drawn, character, files)


def _drawn(config: Config, character: PhotorealCharacter) -> tuple[_Drawn, Check]:
    animator = open_photoreal(config, character).animator
    rest, smile = (from_weights(arkit.weights(dict.fromkeys(_SMILES, weight))) for weight in (0.0, SMILE))
    animator.check(character)  # finds out how the head turns, once
    start = time.perf_counter()
    pictures = [animator.draw(face, character, studio_light()).rgba[..., :3] for face in (rest, smile)]
    took_ms = (time.perf_counter() - start) / len(pictures) * 1000.0
    said = f"{animator.size}x{animator.size}, steps {animator.steps}, {animator.runtime}: {took_ms:.0f} ms a picture"
    return _Drawn(*pictures), Check("portrait", True, said)


def _judged(drawn: _Drawn, character: PhotorealCharacter, files: Published) -> Iterator[Check]:
    """By the tracker and the recogniser; what they cannot find is a value too."""
    pictures = {"the portrait": drawn.rest, "the smile": drawn.smile, "the reference": character.reference}
    try:
        seen = _seen(pictures)
    except (SourceError, ModelError) as error:
        yield Check("face", False, str(error))
        return
    face, smile, reference = seen.values()
    found = "found by the tracker" if isinstance(face, FaceLandmarks) else face
    yield Check("face", isinstance(face, FaceLandmarks), found, wrong=_WEAK)
    yield _likeness(drawn.rest, face, character.reference, reference, files)
    yield _smile(face, smile)


def _seen(pictures: Mapping[str, Picture]) -> dict[str, FaceLandmarks | str]:
    """The face in each, or why there is none."""
    seen: dict[str, FaceLandmarks | str] = {}
    with MediaPipeFinder(models.model_path(models.FACE_LANDMARKER)) as finder:
        for name, picture in pictures.items():
            try:
                seen[name] = single_face(name, np.ascontiguousarray(picture), finder)
            except PhotoError as error:
                seen[name] = str(error)
    return seen


def _likeness(
    drawn: Picture, face: FaceLandmarks | str, photo: Picture, reference: FaceLandmarks | str, files: Published
) -> Check:
    name, wanted = "likeness", f"wanted {SAME_PERSON:.2f} or more"
    if isinstance(face, str) or isinstance(reference, str):
        return Check(name, False, f"not to be told without two faces; {wanted}", wrong=_WEAK)
    try:
        embedder = arcface(files.path(RECOGNISER))
        here, there = embedder.embed(drawn, face.points), embedder.embed(photo, reference.points)
    except (ModelError, RuntimeUnavailable) as error:
        return Check(name, False, str(error))
    found = float(here @ there)
    return Check(name, found >= SAME_PERSON, f"{found:.2f} to the reference, {wanted}", wrong=_WEAK)


def _smile(face: FaceLandmarks | str, smile: FaceLandmarks | str) -> Check:
    name, wanted = "expression", f"wanted {SMILED} more than at rest"
    if isinstance(face, str) or isinstance(smile, str):
        return Check(name, False, f"a smile is not to be told without two faces; {wanted}", wrong=_WEAK)
    before, after = _smiling(face.weights), _smiling(smile.weights)
    said = f"a smile of {SMILE} was asked for: {after:.2f} is seen, {before:.2f} at rest; {wanted}"
    return Check(name, after - before >= SMILED, said, wrong=_WEAK)


def _smiling(weights: Array) -> float:
    return float(np.mean([weights[arkit.INDEX[name]] for name in _SMILES]))
