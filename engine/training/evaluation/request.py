"""What somebody asks to have evaluated, made into subjects, drawers and instruments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from omote.engine import capture
from omote.engine.animator import Animator
from omote.engine.capture.photo import Finder, face_finder
from omote.engine.capture.photo_file import read_picture
from omote.engine.capture.take import read_take
from omote.engine.diffusion.sampler import STEPS
from omote.engine.models import ModelError
from omote.engine.nouns import PhotorealCharacter
from omote.engine.weights import NetworkFile, listed

from ..faces import kit as kits
from ..faces.kit import Kit
from . import report, scenes, sheets, subjects
from .drawing import Animated, Drawer, Rendered, Stage
from .embedding import DlibEmbedder, Embedder, EmbeddingError
from .evaluation import GALLERY, Evaluation, Rivals, evaluate
from .measure import Embeddings, Instruments, Plan, Sitting
from .subjects import EvaluationError, Subject
from .unseen import NearestShipped, pipeline

TEACHER_STEPS = 32
_PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Request:
    """One evaluation; `omote evaluate` has an option for each."""

    out: Path
    characters: tuple[str, ...] = ()
    people: str | None = None  # "21:0-15"
    take: str | None = None  # "demo" or a CSV
    kit: Path | None = None
    truth: Path | None = None  # where the renderer's pictures are kept for the next evaluation
    steps: tuple[int, ...] = (1,)
    network: Path | None = None  # a folder with networks.json; None: what is shipped
    teacher: Path | None = None  # likewise
    runtime: str = "openvino"
    recogniser: Path | None = None  # an ONNX file of ArcFace's kind; None: dlib, where it is installed
    real: Path | None = None  # a folder of photos, with whose faces those drawn are compared
    pictures: int = Plan.pictures
    frames: int = Plan.frames
    is_baseline: bool = False  # people are shown by the nearest shipped character


OpenArtist = Callable[[PhotorealCharacter], Stage]


@dataclass(frozen=True)
class _Cast:
    """Who sits for whom, what they are compared with, and what a person should know of that."""

    sittings: list[Sitting]
    rivals: Rivals
    notes: tuple[str, ...] = ()


def carry_out(
    request: Request, open_artist: OpenArtist, on_subject: Callable[[str], None] = lambda name: None
) -> Evaluation:
    """Evaluates, and leaves page, record and sheets in the folder; EvaluationError says what is missing.

    `open_artist` gives who draws a photoreal character.
    """
    _check(request)
    earlier, take, kit = _earlier(request.out), _take(request), _kit(request.kit)
    named, (embedder, told) = subjects.characters(request.characters, kit), _embedder(request.recogniser)
    with TemporaryDirectory() as folder, face_finder() as finder:
        instruments = Instruments(finder, embedder)
        if any(one.photo is not None for one in named):
            cast = _photoreal(request, named, open_artist)
        else:
            cast = _open(request, named, kit, finder, request.truth or Path(folder))
        real, found = _real(request.real, instruments)
        for path in earlier:
            path.unlink(missing_ok=True)
        evaluation = evaluate(
            cast.sittings,
            Plan(request.pictures, request.frames, take),
            instruments,
            cast.rivals,
            request.out,
            (*cast.notes, *told, *found),
            real,
            on_subject,
        )
    report.write(evaluation, request.out)
    return evaluation


def _photoreal(request: Request, named: tuple[Subject, ...], open_artist: OpenArtist) -> _Cast:
    """Each before an artist of its own; EvaluationError where something is asked for that is of the open kind."""
    asked = {
        "--people": request.people,
        "--network": request.network,
        "--teacher": request.teacher,
        "--kit": request.kit,
        "--truth": request.truth,
        "--baseline": request.is_baseline,
        "several --steps": len(request.steps) > 1,
        **{f"the open kind's {one.name}": True for one in named if one.photo is None},
    }
    if others := [word for word, value in asked.items() if value]:
        raise EvaluationError(f"photoreal characters are evaluated by themselves, without {others[0]}: run it twice")
    sittings = []
    for one in named:
        assert isinstance(one.character, PhotorealCharacter)
        artist = open_artist(one.character)
        words = f"{one.character.sampler}, {artist.steps} step{'s' * (artist.steps > 1)}, {artist.runtime}"
        sittings.append(Sitting(one, Animated(words, artist), None))
    return _Cast(sittings, Rivals(), ("no truth: nobody knows how a photoreal character really looks",))


def _open(request: Request, named: tuple[Subject, ...], kit: Kit | None, finder: Finder, keep: Path) -> _Cast:
    drawers = [_drawer(request.network, steps, request.runtime) for steps in request.steps]
    cast, failed = _with_people(request, named, kit, drawers[0], finder, keep)
    sittings = [Sitting(one, drawers[0], _truth(one, kit, drawers[0].size, keep)) for one in cast]
    notes = [f"no truth for {s.subject.name}: {_why(kit)}" for s in sittings if s.truth is None]
    return _Cast(sittings, _rivals(request, drawers), (*failed, *notes))


def _check(request: Request) -> None:
    if not request.characters and not request.people:
        raise EvaluationError("nobody is named: give characters, as in `omote evaluate hana`, or --people with --kit")
    if request.people and request.kit is None:
        raise EvaluationError("--people wants --kit, the face kit's folder, from which they are rendered")
    if request.people:
        subjects.read_people(request.people)
    if len(set(request.steps)) < len(request.steps):
        raise EvaluationError(f"--steps names one twice: {' '.join(map(str, request.steps))}")
    known = (*STEPS, TEACHER_STEPS)
    if unknown := [steps for steps in request.steps if steps not in known]:
        raise EvaluationError(f"--steps takes {', '.join(map(str, known))}, got {unknown[0]}")
    for name, least in (("pictures", 2), ("frames", 2)):
        if (found := getattr(request, name)) < least:
            raise EvaluationError(f"--{name} must be {least} or more, got {found}")


def _kit(path: Path | None) -> Kit | None:
    if path is None:
        return None
    if not (path / "head.npz").is_file():
        raise EvaluationError(f"--kit {path} holds no head.npz: wanted the face kit's folder")
    if find_spec("numba") is None:
        raise EvaluationError("the renderer wants numba, which is not installed: pip install 'omote[training]'")
    return kits.load(path)


def _drawer(folder: Path | None, steps: int, runtime: str, *, consistency: bool = True) -> Drawer:
    animator = Animator(None, 1, runtime, _network_in(folder) if folder else None, consistency)
    animator.painter.steps = steps  # more than a performance has time for, where it is a teacher
    words = f"{animator.file.model}, {steps} step{'s' * (steps > 1)}, {animator.runtime}"
    return Animated(words if consistency else f"{words}, each picture by itself", animator)


def _network_in(folder: Path) -> NetworkFile:
    """The largest network that was exported into this folder."""
    file = listed(folder / "networks.json")[-1]
    return replace(file, file=str((folder / file.file).resolve()))


def _with_people(
    request: Request, cast: tuple[Subject, ...], kit: Kit | None, drawer: Drawer, finder: Finder, keep: Path
) -> tuple[tuple[Subject, ...], tuple[str, ...]]:
    """Everybody who is asked for, and who could not be made; EvaluationError where nobody is left."""
    if not (request.people and kit):
        return cast, ()
    maker = NearestShipped(drawer) if request.is_baseline else pipeline(finder, request.network, request.runtime)
    people, failed = subjects.people(subjects.read_people(request.people), kit, drawer.size, keep, maker)
    if not cast + people:
        raise EvaluationError("; ".join(failed))
    return cast + people, failed


def _truth(subject: Subject, kit: Kit | None, size: int, keep: Path) -> Rendered | None:
    return Rendered(kit, subject.seed, size, keep) if kit and subject.seed is not None else None


def _why(kit: Kit | None) -> str:
    return "it was not made from a rendered person" if kit else "pass --kit, the face kit's folder"


def _embedder(file: Path | None) -> tuple[Embedder | None, tuple[str, ...]]:
    """The recogniser, and a line about it; EvaluationError where the file that is named holds none."""
    try:
        embedder = DlibEmbedder() if file is None else _arcface(file)
    except EmbeddingError as error:
        return None, (f"identity is not measured: {error}, or --recogniser with an ONNX file of ArcFace's kind",)
    return embedder, (f"faces are told apart by {embedder.name}",)


def _arcface(file: Path) -> Embedder:
    from omote.engine.photoreal.identity import arcface

    try:
        return arcface(file)
    except ModelError as error:
        raise EvaluationError(f"--recogniser: {error}") from error


def _real(folder: Path | None, instruments: Instruments) -> tuple[Embeddings | None, tuple[str, ...]]:
    """[n,D] the faces in a folder's pictures, and a line about them; EvaluationError where it holds none."""
    if folder is None:
        return None, ()
    if instruments.embedder is None:
        return None, (f"nothing is compared with {folder.name}: nobody is there to tell faces apart",)
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in _PICTURES)
    if not paths:
        raise EvaluationError(f"--real {folder} holds no pictures: wanted {', '.join(_PICTURES)}")
    found = np.concatenate([instruments.embedded(instruments.look_at([read_picture(path)])) for path in paths])
    return found, (f"faces were found in {len(found)} of the {len(paths)} pictures in {folder.name}",)


def _take(request: Request) -> scenes.Scene | None:
    if request.take is None:
        return None
    path = capture.DEMO if request.take == "demo" else Path(request.take)
    return scenes.of_take(path.stem, read_take(path), request.frames)


def _rivals(request: Request, drawers: list[Drawer]) -> Rivals:
    """Each number of steps beside the teacher, or beside the most steps where none is given."""
    forgetful = _drawer(request.network, request.steps[0], request.runtime, consistency=False)
    if request.teacher:
        teacher = _drawer(request.teacher, TEACHER_STEPS, request.runtime)
        return Rivals(tuple(drawers), teacher, is_taught=True, forgetful=forgetful)
    if len(drawers) == 1:
        return Rivals(forgetful=forgetful)
    return Rivals(tuple(drawers[:-1]), drawers[-1], forgetful=forgetful)


def _earlier(folder: Path) -> tuple[Path, ...]:
    """What an earlier evaluation left in the folder, which is made; EvaluationError where it holds anything else."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ours = (*folder.glob(sheets.FILES), *(folder / name for name in (GALLERY, report.PAGE, report.RECORD)))
        if others := sorted({path.name for path in folder.iterdir()} - {path.name for path in ours}):
            raise EvaluationError(f"{folder} holds {others[0]}, which is no evaluation's: choose another folder")
    except OSError as error:
        raise EvaluationError(f"cannot write to {folder} ({error.strerror or error}): choose another") from error
    return ours
