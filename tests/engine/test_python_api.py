"""What `omote.engine` exports: documented, checked with errors of its own, and enough for a program of one's own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pytest

import omote.engine
from omote.bridge import arkit
from omote.bridge.control import ControlClient
from omote.bridge.payload import Video
from omote.bridge.subscriber import Subscriber
from omote.engine import (
    Actor,
    Animator,
    AnimatorError,
    CharacterError,
    DataError,
    DrawOptions,
    EndOfSource,
    Ensemble,
    EnsembleMember,
    FaceWeightError,
    FlameParams,
    IterableSource,
    LiveLoop,
    LiveSession,
    OmoteError,
    Signal,
    SourceError,
    character_names,
    from_weights,
    load_character,
    open_source,
    save_character,
    studio_light,
    to_weights,
)
from omote.engine.capture.source import Playback
from omote.engine.face.light import checked_light
from omote.engine.model.character_file import user_folder
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character
from omote.engine.testing.live import CollectingOutput

SMILE = {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}
MIKA = painted_character("mika")


@pytest.fixture
def animator() -> Animator:
    return Animator(256, renderer=Renderer(CopyingNetworks()))


def test_a_face_by_name_draws_what_its_parameters_draw(animator: Animator) -> None:
    wanted = animator.draw(from_weights(arkit.weights(SMILE)), load_character("hana"), studio_light())
    animator.reset()
    assert animator.draw(SMILE, "hana").rgba.tobytes() == wanted.rgba.tobytes()


def test_a_character_of_the_user_is_listed_and_drawn_by_name_and_by_path(animator: Animator) -> None:
    path = user_folder() / "of_mine.omote"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_character(MIKA, path)
    try:
        assert "of_mine" in character_names()
        by_name = animator.draw(SMILE, "of_mine")
        assert animator.draw(SMILE, path).rgba.tobytes() == by_name.rgba.tobytes()
    finally:
        path.unlink()


def test_members_of_an_ensemble_may_be_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omote.engine.model.animator.open_renderer", lambda *_: (Renderer(CopyingNetworks()), ()))
    first, second = Ensemble(2, 256).draw([EnsembleMember(MIKA, SMILE), EnsembleMember("hana", {})])
    assert first.rgba.tobytes() != second.rgba.tobytes()


@pytest.mark.parametrize(
    ("face", "character", "light", "error", "says"),
    [
        ({"mouthSmile": 0.8}, MIKA, None, FaceWeightError, "no weight 'mouthSmile': did you mean mouthSmile"),
        ({"jawOpen": 5.0}, MIKA, None, FaceWeightError, r"jawOpen must be a number from 0 .* got 5\.0"),
        ({"jawOpen": float("nan")}, MIKA, None, FaceWeightError, "got nan"),
        ({"jawOpen": "wide"}, MIKA, None, FaceWeightError, "got 'wide'"),
        ("smile", MIKA, None, AnimatorError, "a face is FlameParams or ARKit weights by name.* got str"),
        (None, MIKA, None, AnimatorError, "got NoneType"),
        ({}, "hanna", None, CharacterError, 'no character "hanna"; did you mean "hana"'),
        ({}, None, None, AnimatorError, "a character is a name, a path or a Character, got NoneType"),
        ({}, MIKA, [0.5] * 9, AnimatorError, r"light must be \[27\] finite harmonics, got \[9\]"),
        ({}, MIKA, "bright", AnimatorError, "could not convert"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_an_error_of_ours(
    animator: Animator, face: Any, character: Any, light: Any, error: type[OmoteError], says: str
) -> None:
    with pytest.raises(error, match=says):
        animator.draw(face, character, light)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.zeros(3, np.float32), r"got float32 \[3\]"),
        (np.full(52, 5.0, np.float32), "got from 5 to 5"),
        (np.full(52, np.nan, np.float32), "got from nan to nan"),
        (["jawOpen"], r"got <U7 \[1\]"),
    ],
)
def test_an_array_that_is_no_face_is_refused(weights: Any, says: str) -> None:
    with pytest.raises(FaceWeightError, match=says):
        from_weights(weights)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: from_weights({}, gaze=np.zeros(3, np.float32)), DataError, r"gaze must be \[2, 2\].*got \[3\]"),
        (lambda: from_weights({}, neck_pose=np.zeros(2, np.float32)), DataError, r"neck_pose must be float32 \[3\]"),
        (lambda: from_weights({}, neck_pose=np.full(3, np.nan, np.float32)), DataError, "neck_pose must be finite"),
        (lambda: Actor(gain=np.zeros(3, np.float32)), DataError, r"gain must be float32 \[52\]"),
        (
            lambda: checked_light(np.zeros(3, np.float32)),
            DataError,
            r"light must be \[27\] finite harmonics, got \[3\]",
        ),
        (lambda: DrawOptions(presence=5.0), AnimatorError, "presence must be from 0 .* to 1 .*, got 5"),
        (lambda: DrawOptions(hair=float("nan")), AnimatorError, "hair must be 0 or more, got nan"),
        (lambda: DrawOptions(marks=np.zeros(3, np.float32)), AnimatorError, r"marks must be \[6\].*got \[3\]"),
        (lambda: IterableSource(cast(Any, 5)), SourceError, "needs an iterable of faces, .*got int"),
        (lambda: load_character(cast(Any, 7)), CharacterError, "a name or the path of a file, got int"),
    ],
)
def test_a_value_of_another_form_is_refused_by_an_error_of_ours(
    make: Callable[[], object], error: type[OmoteError], says: str
) -> None:
    with pytest.raises(error, match=says):
        make()


def test_a_face_in_another_basis_has_no_weights() -> None:
    with pytest.raises(FaceWeightError, match='"flame2020" has no ARKit weights'):
        to_weights(FlameParams.from_vector(np.zeros(67, np.float32), "flame2020"))


class FakeTime:
    """A clock that only sleeping advances."""

    now_ns = 0

    def clock_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


def test_a_source_of_ones_own_gives_each_face_when_it_is_due() -> None:
    time = FakeTime()
    faces = [{"eyeLookDownLeft": 1.0}, None, Signal(omote.engine.Stamp.now(7), arkit.weights({"jawOpen": 1.0}))]
    source = IterableSource(faces, fps=10.0, clock_ns=time.clock_ns, sleep=time.sleep)
    for _ in range(2):  # a source may be opened again
        time.now_ns = 0
        with source:
            first = source.read(0.0)
            assert first is not None
            assert (first.stamp.index, first.is_tracked) == (0, True)
            assert first.gaze[0, 0] > 0.0
            assert source.read(0.04) is None
            assert time.now_ns == 40_000_000
            second = source.read(1.0)
            assert second is not None
            assert (second.stamp.captured_ns, second.is_tracked) == (100_000_000, False)
            assert source.read(1.0) is faces[2]
            with pytest.raises(EndOfSource):
                source.read(1.0)


def test_a_source_that_gives_something_else_is_refused() -> None:
    with pytest.raises(SourceError, match="above 0 and at most 1000, got 0"):
        IterableSource([], fps=0.0)
    with IterableSource([3]) as source, pytest.raises(SourceError, match="weights by name, a Signal or None, got int"):  # type: ignore[list-item]
        source.read(1.0)
    with IterableSource([{"jaw": 1.0}]) as source, pytest.raises(FaceWeightError, match="no weight 'jaw'"):
        source.read(1.0)


def test_a_generator_drives_a_character_by_name(animator: Animator) -> None:
    def faces() -> Iterator[dict[str, float]]:
        while not output.portraits:
            yield {"jawOpen": 1.0}

    output = CollectingOutput()
    LiveLoop(IterableSource(faces(), fps=100.0), LiveSession(animator, "hana", [output])).run(seconds=20.0)
    assert output.portraits[-1].params.jaw_pose[0] > 0.0


def test_a_source_takes_a_path(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no file"):
        open_source(tmp_path / "nothing.csv")


# The documentation of what is exported.

EXPORTED = [getattr(omote.engine, name) for name in omote.engine.__all__ if callable(getattr(omote.engine, name))]
ELSEWHERE = [Playback, Subscriber, Subscriber.take, ControlClient, ControlClient.call, Video]  # of docs/python.md


@pytest.mark.parametrize("exported", [*EXPORTED, *ELSEWHERE], ids=lambda exported: exported.__qualname__)
def test_what_is_exported_is_documented_in_numpys_style(exported: Any) -> None:
    text = inspect.getdoc(exported) or ""
    assert text
    is_plain = inspect.isclass(exported) and (issubclass(exported, Exception) or Protocol in exported.__bases__)
    if is_plain:
        return
    for parameter in inspect.signature(exported).parameters.values():
        if not parameter.name.startswith("_") and parameter.name not in ("clock_ns", "sleep", "self"):
            assert re.search(rf"^(.*, )?{parameter.name}(, .*)?$", text, re.MULTILINE), parameter.name
    if not inspect.isclass(exported):
        assert "Returns\n-------\n" in text or inspect.signature(exported).return_annotation in (None, "None")


def test_all_that_is_exported_is_there_and_named() -> None:
    assert set(omote.engine.__all__) <= set(dir(omote.engine))
    with pytest.raises(AttributeError, match="no attribute 'Animatr'"):
        getattr(omote.engine, "Animatr")  # noqa: B009
