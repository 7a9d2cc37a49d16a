"""Characters, light and expressions change: in time, evenly, and while a loop runs."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import Animator, AnimatorError, from_weights, studio_light
from omote.engine.data import AnyCharacter, Array, FlameParams, Portrait, Signal
from omote.engine.face.expressions import Expression
from omote.engine.face.head import JAW_OPEN_RAD
from omote.engine.face.performance import NoFaceError
from omote.engine.face.retarget import to_weights
from omote.engine.live.loop import LiveLoop
from omote.engine.live.scene import EASE_S, Background, Placement, Scene
from omote.engine.live.session import CROSSFADE_S, HIDE_S, CharacterCrossfade, LiveSession
from omote.engine.model.portrait_renderer import FACE_ALONE, DrawOptions
from omote.engine.model.renderer import Renderer, crossfaded
from omote.engine.testing.drawing import CopyingNetworks, FlatRenderer, painted_character
from omote.engine.testing.live import CollectingOutput, ScriptedSource, running

from .test_loop import loop_of, offline

A, B, C, UNDRAWABLE = (painted_character(name, k % 3) for k, name in enumerate(("a", "b", "c", "d")))
LIGHT = studio_light()
SMILE = from_weights(arkit.weights({"mouthSmileLeft": 0.5, "jawOpen": 0.2}))


class NotingRenderer(FlatRenderer):
    """Notes the characters in each picture, with their shares."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: list[dict[str, float]] = []

    def check(self, character: AnyCharacter) -> None:
        if character is UNDRAWABLE:
            raise AnimatorError("this one cannot be drawn")

    def draw(
        self, params: FlameParams, character: AnyCharacter, light: Array, options: DrawOptions = FACE_ALONE
    ) -> Portrait:
        shares = {one.name: round(share, 3) for one, share in options.fading}
        self.shares.append(shares | {character.name: round(1.0 - sum(shares.values()), 3)})
        return super().draw(params, character, light, options)


class OpaqueRenderer(FlatRenderer):
    """Draws opaque pictures, also without a face."""

    def draw(
        self, params: FlameParams, character: AnyCharacter, light: Array, options: DrawOptions = FACE_ALONE
    ) -> Portrait:
        return super().draw(params, character, light, replace(options, presence=1.0))


class SteppedSession:
    """A session whose clock the test moves."""

    def __init__(self) -> None:
        self.now_ns, self.renderer = 10**12, NotingRenderer()
        self.session = LiveSession(self.renderer, A, clock_ns=lambda: self.now_ns)

    def shares(self, after_s: float = 0.0) -> dict[str, float]:
        """Those of the characters in the picture that is drawn so much later."""
        self.now_ns += round(after_s * 1e9)
        self.session.draw(None, self.now_ns)
        return self.renderer.shares[-1]


@pytest.fixture
def stepped() -> SteppedSession:
    return SteppedSession()


def test_each_picture_shows_the_crossfade_at_its_time(stepped: SteppedSession) -> None:
    assert stepped.shares() == {"a": 1.0}
    stepped.session.change(B)
    assert stepped.session.character is B
    shown = [stepped.shares(), *(stepped.shares(0.1) for _ in range(5))]
    assert shown == [
        {"a": 1.0, "b": 0.0},
        {"a": 0.844, "b": 0.156},
        {"a": 0.5, "b": 0.5},
        {"a": 0.156, "b": 0.844},
        {"b": 1.0},
        {"b": 1.0},
    ]


def test_a_slow_machine_ends_in_the_same_time(stepped: SteppedSession) -> None:
    stepped.session.change(B)
    assert [stepped.shares(0.2) for _ in range(2)] == [{"a": 0.5, "b": 0.5}, {"b": 1.0}]
    stepped.session.change(C)
    assert stepped.shares(3.0) == {"c": 1.0}


def test_a_change_during_a_crossfade_goes_on_from_what_is_shown(stepped: SteppedSession) -> None:
    stepped.session.change(B)
    assert stepped.shares(0.2) == {"a": 0.5, "b": 0.5}
    stepped.session.change(C)
    assert stepped.shares() == {"a": 0.5, "b": 0.5, "c": 0.0}
    assert stepped.shares(0.2) == {"a": 0.25, "b": 0.25, "c": 0.5}
    stepped.session.change(A)
    assert stepped.shares() == {"b": 0.25, "c": 0.5, "a": 0.25}
    assert stepped.shares(0.4) == {"a": 1.0}


def test_a_character_that_cannot_be_drawn_changes_nothing_not_even_a_crossfade(stepped: SteppedSession) -> None:
    stepped.session.change(B)
    with pytest.raises(AnimatorError, match="cannot be drawn"):
        stepped.session.change(UNDRAWABLE)
    assert stepped.session.character is B
    assert [stepped.shares(0.2), stepped.shares(0.2)] == [{"a": 0.5, "b": 0.5}, {"b": 1.0}]


def test_a_crossfade_of_no_length_is_a_cut(stepped: SteppedSession) -> None:
    stepped.session.crossfade_s = 0.0
    stepped.session.change(B)
    assert stepped.shares() == {"b": 1.0}


def test_however_often_it_changes_few_characters_are_drawn_at_once() -> None:
    crossfade, now_ns = CharacterCrossfade(A), 0
    for character in (B, C, UNDRAWABLE, A, B, C):
        now_ns += 10_000_000
        crossfade = crossfade.to(character, now_ns)
        assert len(crossfade.at(now_ns)) <= 2


def test_before_its_beginning_a_crossfade_shows_the_first_character() -> None:
    assert CharacterCrossfade(A).to(B, 100).at(50) == ((A, 1.0),)


def test_pictures_are_mixed_as_light_is_and_not_as_their_hidden_colours() -> None:
    clear, red = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)
    clear[..., :3], red[...] = 255, (200, 0, 0, 255)
    half = crossfaded((clear, red), (0.5, 0.5))
    np.testing.assert_allclose(half[0, 0], (200, 0, 0, 128), atol=1)
    assert crossfaded((red,), (1.0,)) is red


def copying() -> Animator:
    return Animator(256, renderer=Renderer(CopyingNetworks()))


def test_no_picture_of_a_crossfade_jumps() -> None:
    animator, crossfade, count = copying(), CharacterCrossfade(A).to(B, 0), 12
    at_ns = [round(k * CROSSFADE_S * 1e9 / count) for k in range(count + 1)]
    drawn = [animator.draw(SMILE, B, LIGHT, DrawOptions(fading=crossfade.at(ns))).rgba.astype(float) for ns in at_ns]
    on_grey = [one[..., :3] * one[..., 3:] / 255 + 128.0 * (1 - one[..., 3:] / 255) for one in drawn]
    whole = np.abs(on_grey[-1] - on_grey[0]).mean()
    steps = [np.abs(after - before).mean() for before, after in pairwise(on_grey)]
    assert max(steps) < 2.0 * whole / len(steps)  # the eased middle alone is half as fast again as the mean
    assert max(steps[0], steps[-1]) < whole / len(steps)


def test_in_a_crossfade_the_face_stays_stabilized_and_after_a_cut_it_does_not() -> None:
    rng = np.random.default_rng(3)

    def trembling() -> FlameParams:
        weights = np.clip(np.full(arkit.COUNT, 0.15) + rng.normal(0.0, 0.012, arkit.COUNT), 0.0, 1.0)
        return from_weights(weights.astype(np.float32))

    animator = copying()
    for _ in range(8):
        before = animator.draw(trembling(), A, LIGHT).params
    faded = animator.draw(trembling(), B, LIGHT, DrawOptions(fading=((A, 0.9),))).params
    cut = animator.draw(trembling(), C, LIGHT).params
    assert np.abs(faded.vector() - before.vector()).max() < 0.5 * np.abs(cut.vector() - before.vector()).max()


def test_a_hidden_portrait_fades_out_and_in_again_in_every_output() -> None:
    now_ns, output = 0, CollectingOutput()
    session = LiveSession(OpaqueRenderer(), A, [output], clock_ns=lambda: now_ns)
    shown = []
    for is_hidden, after_s in (
        (False, 0.0),
        (True, 0.0),
        (True, 0.5),
        (True, 0.5),
        (True, 4.0),
        (False, 0.0),
        (False, 1.0),
    ):
        now_ns += round(after_s * HIDE_S * 1e9)
        if is_hidden != session.is_hidden:
            session.hide(is_hidden)
        session.draw(None, now_ns)
        shown.append(int(output.portraits[-1].rgba[0, 0, 3]))
        assert shown[-1] or not output.portraits[-1].rgba.any()  # no colour that a program without alpha would show
    assert shown == [255, 255, 128, 0, 0, 0, 255]


# While a loop runs.


def test_light_and_character_can_be_changed_while_the_loop_runs() -> None:
    output, source = CollectingOutput(), ScriptedSource()
    loop = LiveLoop(source, LiveSession(NotingRenderer(), A, [output]))
    dim = studio_light() * 0.5
    with running(loop, source, output):
        loop.session.use_light(dim)
        loop.session.change(B)
        dim[:] = 0.0  # the caller may reuse its array
        output.wait_until(lambda portrait: np.array_equal(portrait.light, studio_light() * 0.5))
        with pytest.raises(ValueError, match="cannot be drawn"):
            loop.session.change(UNDRAWABLE)
        with pytest.raises(ValueError, match="27"):
            loop.session.use_light(np.zeros(9, np.float32))
        loop.session.use_light(None)
        output.wait_until(lambda portrait: np.array_equal(portrait.light, studio_light()))
    assert loop.report().character == "b"


def test_a_paused_portrait_rests_whatever_the_performer_does() -> None:
    output, source = CollectingOutput(), ScriptedSource(repeats=True)
    loop = loop_of(source, output)
    heard: list[Signal] = []
    with running(loop, source, output):
        output.wait_until(lambda portrait: bool(portrait.params.jaw_pose[0] == np.float32(JAW_OPEN_RAD)))
        loop.session.is_paused = True
        output.wait_until(lambda portrait: bool(portrait.signal is None and portrait.params.jaw_pose[0] == 0.0))
        loop.session.add_listener(heard.append)  # as a recording does
        output.wait_until(lambda portrait: bool(heard))
        loop.session.is_paused = False
        output.wait_until(lambda portrait: bool(portrait.params.jaw_pose[0] == np.float32(JAW_OPEN_RAD)))


def test_another_renderer_draws_from_the_next_picture_on() -> None:
    output, source = CollectingOutput(), ScriptedSource(repeats=True)
    loop, other = loop_of(source, output), OpaqueRenderer()
    with running(loop, source, output):
        threads: list[str] = []

        def job() -> None:
            threads.append(threading.current_thread().name)
            loop.session.use_renderer(other)

        loop.session.between_pictures(job)
        assert threads == ["draw"]
        output.wait_until(lambda portrait: other.counts.drawn > 0)
        with pytest.raises(ZeroDivisionError):
            loop.session.between_pictures(lambda: 1 / 0)
        output.wait_for(3)  # the stream goes on


def test_a_job_between_pictures_is_given_up_where_none_is_drawn(stepped: SteppedSession) -> None:
    with pytest.raises(TimeoutError, match="no picture is drawn"):
        stepped.session.between_pictures(lambda: pytest.fail("it was run"), timeout_s=0.01)
    stepped.shares()


def test_an_expression_moves_the_portrait_while_nothing_comes_from_the_source() -> None:
    output, source = CollectingOutput(), ScriptedSource()
    loop = loop_of(source, output)
    with running(loop, source, output):
        loop.session.performance.express(Expression(arkit.weights({"cheekPuff": 1.0}), attack_s=0.1, hold_s=None))
        output.wait_for(30)
    puffs = [to_weights(portrait.params)[arkit.INDEX["cheekPuff"]] for portrait in output.portraits]
    assert all(portrait.signal is None for portrait in output.portraits[1:])
    assert puffs[0] == pytest.approx(0.0, abs=1e-5)
    assert puffs[-1] == pytest.approx(1.0, abs=1e-4)


def test_offline_an_expression_keeps_the_files_time() -> None:
    output = CollectingOutput()
    loop = loop_of(offline(30), output, is_offline=True)
    puff = Expression(arkit.weights({"cheekPuff": 1.0}), attack_s=0.2, hold_s=0.2, release_s=0.2)
    loop.session.performance.express(puff)
    loop.run()
    puffs = np.array([to_weights(portrait.params)[arkit.INDEX["cheekPuff"]] for portrait in output.portraits])
    wanted = [3 * s**2 - 2 * s**3 for s in np.clip([min(k / 6.0, (18 - k) / 6.0) for k in range(30)], 0.0, 1.0)]
    np.testing.assert_allclose(puffs, wanted, atol=1e-5)


def test_the_present_face_can_become_the_one_at_rest_until_the_source_changes() -> None:
    output, another = CollectingOutput(), ScriptedSource("another", repeats=True)
    loop = loop_of(ScriptedSource(repeats=True), output)
    with running(loop, another, output):
        made = loop.session.performance.recent_weights()
        loop.session.performance.recalibrate()
        output.wait_until(lambda portrait: portrait.params.jaw_pose[0] == 0.0)
        loop.change_source(another)
        output.wait_until(lambda portrait: bool(portrait.params.jaw_pose[0] == np.float32(JAW_OPEN_RAD)))
    np.testing.assert_allclose(made, arkit.weights({"jawOpen": 1.0}), atol=1e-6)


def test_without_a_face_nothing_can_be_recalibrated() -> None:
    with pytest.raises(NoFaceError, match="no face was seen"):
        loop_of(offline(3), CollectingOutput(), is_offline=True).session.performance.recalibrate()


def test_every_output_gets_the_picture_in_its_scene() -> None:
    outputs, now_ns = [CollectingOutput(), CollectingOutput()], 10**12
    session = LiveSession(FlatRenderer(), A, outputs, clock_ns=lambda: now_ns)
    session.draw(None, now_ns)
    session.use_scene(Scene(Placement(x=0.25), Background((0, 255, 0))))
    session.draw(None, now_ns)
    now_ns += round(EASE_S * 1e9)
    session.draw(None, now_ns)
    plain, leaving, green = outputs[0].portraits
    assert leaving.placed is None  # the portrait has not moved yet
    assert plain.placed is None
    assert tuple(green.rgba[0, 0]) == (0, 255, 0, 255)
    assert green.placed == (1.0, 0.0, 0.25, 0.0, 1.0, 0.0)
    assert outputs[1].portraits == [plain, leaving, green]
