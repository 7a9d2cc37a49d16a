"""Runs an evaluation: which characters are measured and how, and the targets of the figures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from omote import engine
from omote.bridge.errors import OmoteError

from ...capture.photo import LandmarkFinder, Photo, face_finder, single_face
from ...capture.source import SourceError
from ...data import FlameParams, PhotorealCharacter, Portrait
from ...face.light import studio_light
from ...images import PhotoError, read_picture
from ...model.character_file import load_any_character
from ...model.making import made_from_photos
from ...model.networks import Networks
from ...model.renderer import Renderer
from ...runtime.session import Build
from ..provenance import provenance
from .perception import (
    DlibRecognizer,
    DrawnFaceTracker,
    FaceReadings,
    IdentityDistances,
    ReadBack,
    Recognizer,
    RecognizerError,
    Stability,
    Winks,
    identity_distances,
    mean_winks,
    measure_stability,
    read_back,
    read_controls,
)
from .truth import (
    UNSEEN_SEED,
    Case,
    Draw,
    HeldOut,
    Pose,
    RenderedCharacter,
    Rgba,
    cases,
    copying_renderer,
    read_held_out,
    shipped_renderer,
)

Array = NDArray[np.float32]
WEIGHTS = Path(engine.__file__).parent / "weights"
CHARACTERS = WEIGHTS / "characters"
_PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_READ_BACK = 0.9  # share of the truth's response
OnPart = Callable[[str], None]


class EvaluationError(OmoteError, ValueError):
    """A request cannot be evaluated; the message says what was found, and the cure."""


@dataclass(frozen=True)
class Request:
    """What is measured; `omote evaluate` has an option for each."""

    characters: tuple[str, ...] = ()  # shipped names or files
    packs: tuple[Path, ...] = ()  # folders of packed shards, of which the first one was held out of training
    data: tuple[Path, ...] = ()  # folders of rendered shards, of which the first one is packed and measured
    photos: Path | None = None  # a folder of photos, each of one person
    kit: Path | None = None  # the folder of the face kit, which renders the truth
    weights: Path = WEIGHTS  # the folder of both networks
    runtime: str = "openvino"
    size: int = 512
    count: int = 24  # characters of each pack, at most
    photographed: int = 8  # people of each pack that pass through the whole pipeline
    rendered: int = 2  # people and drawings rendered for control and stability


@dataclass(frozen=True)
class Controlled:
    """The read-back of a group of faces."""

    group: str
    faces: int
    unread: int  # pictures in which the tracker found no face
    controls: tuple[ReadBack, ...]
    winks: Winks
    truth_winks: Winks


@dataclass(frozen=True)
class Target:
    """A figure and its limit."""

    claim: str
    found: float  # NaN if it was not measured
    wanted: float
    is_at_most: bool = False

    @property
    def is_met(self) -> bool | None:
        """None if it was not measured."""
        if math.isnan(self.found):
            return None
        return self.found <= self.wanted if self.is_at_most else self.found >= self.wanted


@dataclass(frozen=True)
class Evaluation:
    """All figures of one run."""

    date: str
    commit: str
    hardware: dict[str, object]
    weights: str  # the first 12 digits of the denoiser's SHA-256
    runtime: str
    size: int
    cases: tuple[Case, ...] = ()
    likeness: tuple[IdentityDistances, ...] = ()
    control: tuple[Controlled, ...] = ()
    steadiness: tuple[Stability, ...] = ()
    notes: tuple[str, ...] = ()  # what was not measured, and why
    targets: tuple[Target, ...] = ()


class PhotorealRenderer(Protocol):
    """Draws a photoreal character."""

    def draw(self, params: FlameParams, character: PhotorealCharacter, light: Array) -> Portrait: ...

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        ...


OpenPhotorealRenderer = Callable[[PhotorealCharacter], PhotorealRenderer]


def evaluate(
    request: Request, open_artist: OpenPhotorealRenderer | None = None, on_part: OnPart = lambda name: None
) -> Evaluation:
    """Measures everything that is requested. Raises EvaluationError if an input is missing.

    `open_artist` opens a renderer of a photoreal character.
    """
    _require_inputs(request)
    made = provenance()
    digest = hashlib.sha256((request.weights / "denoiser.onnx").read_bytes()).hexdigest()[:12]
    renderer = Renderer(Networks(request.weights, Build.named(request.runtime)))
    with TemporaryDirectory() as folder:
        run = _Run(request, renderer, open_artist, on_part, Path(folder))
        try:
            with face_finder() as finder:
                parts = run.all(finder)
        except SourceError as error:
            run.notes.append(f"likeness, control and the whole pipeline are not measured: {error}")
            parts = run.all(None)
    evaluation = Evaluation(
        str(made["date"]),
        str(made["commit"]),
        dict(made["hardware"]),  # type: ignore[call-overload]
        digest,
        request.runtime,
        request.size,
        *parts,
        tuple(run.notes),
    )
    return replace(evaluation, targets=tuple(targets(evaluation)))


def _require_inputs(request: Request) -> None:
    if not (request.characters or request.packs or request.data or request.photos or request.kit):
        raise EvaluationError("nothing to evaluate: give characters, --packs, --data, --photos or --kit")
    for name in ("denoiser.onnx", "encoder.onnx"):
        if not (request.weights / name).is_file():
            raise EvaluationError(f"--weights {request.weights} has no {name}: give the folder of an exported model")
    if request.data and request.kit is None:
        raise EvaluationError("--data needs --kit, the folder of the face kit, for the shapes of the heads")
    if request.kit is not None:
        if not (request.kit / "head.npz").is_file():
            raise EvaluationError(f"--kit {request.kit} has no head.npz: give the folder of the face kit")
        if find_spec("numba") is None:
            raise EvaluationError("--kit needs numba, which is not installed: pip install 'omote[training]'")
    for folder in (*request.packs, *request.data, *([request.photos] if request.photos else [])):
        if not folder.is_dir():
            raise EvaluationError(f"{folder} is not a folder")
    for name in ("count", "size"):
        if getattr(request, name) < 1:
            raise EvaluationError(f"--{name} must be 1 or more, got {getattr(request, name)}")


_Parts = tuple[tuple[Case, ...], tuple[IdentityDistances, ...], tuple[Controlled, ...], tuple[Stability, ...]]


@dataclass
class _Run:
    """One run; `all` measures every part."""

    request: Request
    renderer: Renderer
    open_artist: OpenPhotorealRenderer | None
    on_part: OnPart
    folder: Path  # for files until the end of the run
    notes: list[str] = field(default_factory=list)

    def all(self, finder: LandmarkFinder | None) -> _Parts:
        truth_cases = tuple(self._cases(finder))
        identity: list[IdentityDistances] = []
        controlled: list[Controlled] = []
        stability: list[Stability] = []
        truth: list[FaceReadings] = []
        if self.request.kit is not None and self.request.rendered:
            ours = []
            for person in self._people(self.request.kit):
                if finder is not None:
                    own, true = self._readings_of(person, finder)
                    ours.append(own)
                    truth.append(true)
                stability.append(self._stability_of(person))
            if ours:
                controlled.append(_controlled("rendered people", ours, truth))
            if (self.request.kit / "anime").is_dir():
                controlled.append(self._drawings(self.request.kit / "anime", stability))
        else:
            self.notes.append("control and stability have no truth to compare with: give --kit")
        if self.request.photos is not None and finder is not None:
            read = self._photos(self.request.photos, finder, identity, stability)
            if read:
                controlled.append(_controlled("photos", read, truth))
        if self.request.characters:
            read = self._characters(finder, identity, stability)
            if read:
                controlled.append(_controlled("characters", read, truth))
        return truth_cases, tuple(identity), tuple(controlled), tuple(stability)

    def _cases(self, finder: LandmarkFinder | None) -> Iterator[Case]:
        for shard in self._shards():
            self.on_part(f"truth of {shard.parent.name}")
            people: list[HeldOut] = read_held_out(shard, self.request.count)
            yield from cases(people, self.renderer, finder, self.request.photographed)

    def _shards(self) -> Iterator[Path]:
        """The first packed shard of each folder."""
        for folder in self.request.packs:
            shards = sorted(path for path in folder.iterdir() if (path / "subjects.npz").is_file())
            if not shards:
                raise EvaluationError(f"--packs {folder} has no packed shards: `omote train pack` makes them")
            yield shards[0]
        for folder in self.request.data:
            yield self._packed(folder)

    def _packed(self, folder: Path) -> Path:
        """The first rendered shard of a folder, packed."""
        from ..examples import pack

        assert self.request.kit is not None
        labels = sorted(folder.glob("*.npz"))
        if not labels:
            raise EvaluationError(f"--data {folder} has no rendered shards: `omote train faces` makes them")
        alone, out = self.folder / "shards" / folder.name, self.folder / "packs" / folder.name
        alone.mkdir(parents=True)
        for path in (labels[0], labels[0].with_suffix(".tar"), folder / "plan.json"):
            (alone / path.name).symlink_to(path.resolve())
        for _ in pack(alone, self.request.kit, out):
            pass
        return out / labels[0].stem

    def _people(self, kit: Path) -> Iterator[RenderedCharacter]:
        from ..faces.kit import load as load_kit

        loaded = load_kit(kit)
        for number in range(self.request.rendered):
            yield RenderedCharacter.person(loaded, UNSEEN_SEED + number, self.request.size)

    def _drawings(self, folder: Path, stability: list[Stability]) -> Controlled:
        """Drawn characters in held-out styles."""
        from ..anime.kit import load as load_kit

        kit, ours, truth = load_kit(folder), [], []
        for number in range(self.request.rendered):
            drawing = RenderedCharacter.drawing(kit, UNSEEN_SEED + number, self.request.size)
            own, true = self._readings_of(drawing, DrawnFaceTracker())
            ours.append(own)
            truth.append(true)
            stability.append(self._stability_of(drawing))
        return _controlled("rendered drawings", ours, truth)

    def _readings_of(self, person: RenderedCharacter, finder: LandmarkFinder) -> tuple[FaceReadings, FaceReadings]:
        from ..faces.light import studio

        self.on_part(f"control of {person.name}")
        light = studio()
        draw = shipped_renderer(self.renderer, person.character(light), light.harmonics(), self.request.size)
        return read_controls(person.name, draw, finder), read_controls(person.name, person.truth(light), finder)

    def _stability_of(self, person: RenderedCharacter) -> Stability:
        from ..faces.light import studio

        self.on_part(f"stability of {person.name}")
        light = studio()
        draw = shipped_renderer(self.renderer, person.character(light), light.harmonics(), self.request.size)
        return measure_stability(person.name, draw, person.truth(light), is_truth=True)

    def _photos(
        self, folder: Path, finder: LandmarkFinder, identity: list[IdentityDistances], stability: list[Stability]
    ) -> list[FaceReadings]:
        """Makes each photo into a character. Photos are numbered, for their names may identify people."""
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
        if not paths:
            raise EvaluationError(f"--photos {folder} has no pictures: put {', '.join(_PICTURES)} files into it")
        recognizer, found = self._recognizer(), []
        for number, path in enumerate(paths, 1):
            name = f"photo {number}"
            self.on_part(name)
            try:
                picture = read_picture(path)
                photo = Photo(name, picture, single_face(name, picture, finder))
                character = made_from_photos(name, [photo], "measured only", self.renderer).character
            except PhotoError as error:
                self.notes.append(str(error))
                continue
            draw = shipped_renderer(self.renderer, character, character.references[0].light, self.request.size)
            copy = copying_renderer(self.renderer, character, self.request.size)
            if recognizer is not None:
                identity.append(identity_distances(photo, draw, copy, finder, recognizer))
            stability.append(measure_stability(name, draw, copy, is_truth=False))
            found.append(read_controls(name, draw, finder))
        return found

    def _recognizer(self) -> Recognizer | None:
        try:
            return DlibRecognizer()
        except RecognizerError as error:
            self.notes.append(f"likeness is not measured: {error}")
            return None

    def _characters(
        self, finder: LandmarkFinder | None, identity: list[IdentityDistances], stability: list[Stability]
    ) -> list[FaceReadings]:
        found = []
        for name in self.request.characters:
            self.on_part(name)
            shipped = CHARACTERS / f"{name}.omote"
            path = shipped if shipped.is_file() else Path(name)
            copy: Draw | None = None
            character = load_any_character(str(path))
            if isinstance(character, PhotorealCharacter):
                draw = self._drawn_photoreal(character)
                if finder is not None:
                    self._compare_with_reference(character, draw, finder, identity)
            else:
                draw = shipped_renderer(self.renderer, character, studio_light(), self.request.size)
                copy = copying_renderer(self.renderer, character, self.request.size)
            stability.append(measure_stability(path.stem, draw, copy, is_truth=False))
            if finder is not None:
                found.append(read_controls(path.stem, draw, finder))
        return found

    def _drawn_photoreal(self, character: PhotorealCharacter) -> Draw:
        """Each picture by itself, in the studio's light."""
        if self.open_artist is None:
            raise EvaluationError(f"{character.name} is photoreal, and nothing here draws it")
        artist, light = self.open_artist(character), studio_light()

        def draw(pose: Pose) -> Rgba:
            artist.reset()
            return artist.draw(pose.params(), character, light).rgba

        return draw

    def _compare_with_reference(
        self, character: PhotorealCharacter, draw: Draw, finder: LandmarkFinder, identity: list[IdentityDistances]
    ) -> None:
        recognizer = self._recognizer()
        try:
            reading = single_face(character.name, character.reference, finder)
        except PhotoError as error:
            self.notes.append(str(error))
            return
        if recognizer is not None:
            photo = Photo(character.name, character.reference, reading)
            identity.append(identity_distances(photo, draw, None, finder, recognizer))


def _controlled(group: str, ours: Sequence[FaceReadings], truth: Sequence[FaceReadings]) -> Controlled:
    unread = sum(one.unread for one in ours)
    return Controlled(group, len(ours), unread, read_back(ours, truth), mean_winks(ours), mean_winks(truth))


def targets(found: Evaluation) -> Iterator[Target]:
    """The targets of the model."""
    for name, least_db in (("people, with anchors", 31.0), ("people, one photo", 25.0)):
        score = next((case for case in found.cases if case.name == name), Case(name, 0, ())).group("varied")
        yield Target(f"{name}: PSNR of the head, dB", score.head_db, least_db)
    for case in found.cases:
        varied, front = case.group("varied"), case.group("front")
        yield Target(f"{case.name}: eyes below the head, dB", varied.head_db - varied.eyes_db, 3.0, True)
        yield Target(f"{case.name}: mouth below the head, dB", varied.head_db - varied.mouth_db, 3.0, True)
        yield Target(f"{case.name}: sharpness, of the truth's", varied.sharpness, 0.85)
        yield Target(f"{case.name}: sharpness of hair, of the truth's", varied.hair_sharpness, 0.8)
        yield Target(f"{case.name}: alpha error", varied.alpha_error, 0.012, True)
        turned = case.group("20 to 45 degrees").head_db
        yield Target(f"{case.name}: turned by 20 to 45 degrees below the front, dB", front.head_db - turned, 4.0, True)
        same, other = (case.group(f"front, {light} light").head_db for light in ("same", "other"))
        yield Target(f"{case.name}: other light below the same, dB", same - other, 3.0, True)
    distances = [one.drawn_mean for one in found.likeness]
    yield Target("photos: mean distance", float(np.nanmean(distances)) if distances else math.nan, 0.35, True)
    farthest = max((d for one in found.likeness for d in one.drawn if math.isfinite(d)), default=math.nan)
    yield Target("photos: greatest distance", farthest, 0.5, True)
    for group in found.control:
        for control in group.controls:
            yield Target(f"{group.group}: read-back of {control.control}, of the truth's", control.ratio, _READ_BACK)
    still = [one.is_still for one in found.steadiness]
    yield Target("still control: part that is equal to the byte", float(np.mean(still)) if still else math.nan, 1.0)
    noisy = [one.noise_ratio for one in found.steadiness if not math.isnan(one.flicker)]
    yield Target("noisy control: noise, of the truth's", float(np.mean(noisy)) if noisy else math.nan, 0.5, True)
    flicker = [one.flicker / one.truth_motion for one in found.steadiness if not math.isnan(one.flicker)]
    yield Target(
        "sequence: flicker, of the truth's motion", float(np.mean(flicker)) if flicker else math.nan, 1.0, True
    )
