"""A guided calibration measures a scripted person whose numbers are known, and guides through its poses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.calibration.measurement import CalibrationError
from omote.calibration.poses import POSES
from omote.calibration.session import COUNT_S, FIRST_COUNT_S, CalibrationSession, SessionView
from omote.engine.capture.source import EndOfSource
from omote.engine.capture.take import Take, TakeSource
from omote.engine.data import Array, Signal, Stamp
from omote.engine.face.expressions import EXPRESSION_RULES

from .scripted_person import Person, rounds_take, session_take

PAGE = Path(__file__).parents[2] / "studio" / "page"
FPS = 30.0
SIGMA = 0.01
REST = arkit.weights(
    {
        **{"browDownLeft": 0.4, "browDownRight": 0.42, "mouthPucker": 0.2, "jawOpen": 0.05},
        **{"eyeBlinkLeft": 0.15, "eyeBlinkRight": 0.12, "cheekPuff": 0.05, "browInnerUp": 0.06},
    }
)
REACH = {
    **{"jawOpen": 0.55, "mouthSmileLeft": 0.62, "mouthSmileRight": 0.58, "mouthPucker": 0.9},
    **{"eyeBlinkLeft": 0.85, "eyeBlinkRight": 0.82, "browDownLeft": 0.8, "browDownRight": 0.8},
}
ANA = Person(
    REST,
    REACH,
    np.full(arkit.COUNT, SIGMA, np.float32),
    np.array([0.15, -0.25, 0.0], np.float32),
    np.array([0.02, -0.03, -0.6], np.float32),
)


def signals(take: Take) -> list[Signal]:
    with TakeSource(take, "take", is_offline=True) as source:
        found: list[Signal] = []
        while True:
            try:
                signal = source.read(0.0)
            except EndOfSource:
                return found
            assert signal
            found.append(signal)


def driven(take: Take) -> CalibrationSession:
    session = CalibrationSession("ana", "take")
    session.begin()
    for signal in signals(take):
        session.see(signal)
    return session


def at(row: Array, name: str) -> float:
    return float(row[arkit.INDEX[name]])


@pytest.fixture(scope="module")
def ana() -> CalibrationSession:
    return driven(session_take(ANA, FPS))


def test_the_rest_is_found_within_its_noise(ana: CalibrationSession) -> None:
    actor = ana.result()
    assert actor.name == "ana"
    # A median of 45 pictures is off by 1.25 sigma / sqrt(45), 0.002: five of these. Rest at 0 reads as half the noise.
    away = np.abs(actor.neutral - REST)
    assert away[REST > 3 * SIGMA].max() < 0.01
    np.testing.assert_allclose(actor.neutral_rotation, ANA.rotation, atol=1e-6)
    np.testing.assert_allclose(actor.neutral_translation, ANA.translation, atol=1e-6)
    pitch, yaw = np.degrees(actor.camera_angle)
    # A rotation vector's parts are the angles about its own axis: at 17 degrees within half a degree of pitch and yaw.
    assert (pitch, yaw) == pytest.approx(np.degrees((0.15, -0.25)), abs=0.5)


@pytest.mark.parametrize("name", REACH)
def test_a_gain_lets_the_persons_extreme_reach_one(ana: CalibrationSession, name: str) -> None:
    actor = ana.result()
    reached = (REACH[name] - at(REST, name)) * at(actor.gain, name)
    # A face that goes 63 % of its way in 0.12 s is within 3 % of its end in the half that counts; both sides of a face
    # share the mean of two reaches, here up to 4 % apart; the noise of a median adds 1 %.
    assert reached == pytest.approx(1.0, abs=0.08)


def test_what_no_pose_is_about_keeps_its_gain(ana: CalibrationSession) -> None:
    posed = {name for pose in POSES for name in pose.weights}
    others = [index for name, index in arkit.INDEX.items() if name not in posed]
    assert (ana.result().gain[others] == 1.0).all()


def test_the_noise_floor_is_three_times_the_trackers_noise_in_the_actors_own_weights(ana: CalibrationSession) -> None:
    actor = ana.result()
    for name in ("browDownLeft", "mouthPucker", "jawOpen", "eyeBlinkLeft"):
        floor = at(actor.noise_floor, name) / at(actor.gain, name) / 3.0
        # The deviation of 45 numbers is itself off by a tenth: four of these.
        assert floor == pytest.approx(SIGMA, rel=0.4), name
    assert actor.noise_floor.max() <= 0.1


def test_a_calibrated_face_at_rest_is_calm(ana: CalibrationSession) -> None:
    findings = ana.findings()
    shaken = findings.jitter > 0.5 * SIGMA
    assert shaken.sum() > 8
    assert findings.calm[shaken].mean() < 0.2 * findings.jitter[shaken].mean()


def test_thresholds_are_halfway_to_the_persons_own_extremes(ana: CalibrationSession) -> None:
    thresholds = dict(ana.result().thresholds)
    assert set(thresholds) <= set(EXPRESSION_RULES)
    assert thresholds["smile"] == pytest.approx(0.5, abs=0.05)
    assert 0.25 <= thresholds["blink"] <= 0.4
    assert "wink_left" not in thresholds


def test_every_step_is_done(ana: CalibrationSession) -> None:
    view = ana.view
    assert view.state == "done"
    assert [step.state for step in view.steps] == ["done"] * len(POSES)
    assert [step.name for step in ana.findings().steps] == [pose.name for pose in POSES]


def test_sides_that_are_clearly_different_get_gains_of_their_own() -> None:
    actor = driven(session_take(replace(ANA, reach={"mouthSmileLeft": 0.8, "mouthSmileRight": 0.4}))).result()
    assert at(actor.gain, "mouthSmileLeft") == pytest.approx(1.25, rel=0.08)
    assert at(actor.gain, "mouthSmileRight") == pytest.approx(2.5, rel=0.08)


def test_a_gain_is_never_above_three() -> None:
    weak = replace(ANA, reach={"mouthSmileLeft": 0.2, "mouthSmileRight": 0.2})
    session = driven(session_take(weak))
    assert at(session.result().gain, "mouthSmileLeft") == 3.0
    smile = next(step for step in session.view.steps if step.name == "smile")
    assert smile.state == "done"
    assert "of what is usual" in smile.remark


def test_a_gain_never_amplifies_jitter_above_the_floor() -> None:
    noise = np.full(arkit.COUNT, 0.008, np.float32)
    noise[arkit.INDEX["mouthPucker"]] = 0.04
    rest = REST.copy()
    rest[arkit.INDEX["mouthPucker"]] = 0.2
    session = driven(session_take(replace(ANA, neutral=rest, noise=noise, reach={"mouthPucker": 0.6})))
    actor, findings = session.result(), session.findings()
    # 0.1 is three deviations of half the noise, which is known to a third; its reach of 0.4 asks for 2.5.
    assert at(actor.gain, "mouthPucker") == pytest.approx(0.1 / (3 * 0.5 * 0.04), rel=0.3)
    assert at(findings.calm, "mouthPucker") < at(findings.jitter, "mouthPucker") / 2.0


def test_a_pose_that_is_not_made_is_left_out_with_a_remark_and_its_gain_stays() -> None:
    session = driven(session_take(replace(ANA, cannot=("brows_down", "puff"))))
    assert session.view.state == "done"
    states = {step.name: (step.state, step.remark) for step in session.view.steps}
    assert states["brows_down"][0] == "skipped"
    assert "not seen" in states["brows_down"][1]
    assert at(session.result().gain, "browDownLeft") == 1.0
    assert "frown" not in dict(session.result().thresholds)


def test_a_pose_that_the_tracker_cannot_see_is_left_out() -> None:
    blind = np.full(arkit.COUNT, SIGMA, np.float32)
    blind[arkit.INDEX["cheekPuff"]] = 0.0
    rest = REST.copy()
    rest[arkit.INDEX["cheekPuff"]] = 0.0
    take = session_take(replace(ANA, neutral=rest, noise=blind, cannot=("puff",)))
    puff = driven(take).view.steps[-1]
    assert (puff.name, puff.state) == ("puff", "skipped")
    assert "does not see this" in puff.remark
    longer = session_take(replace(ANA, cannot=("puff",)))
    assert longer.time_s[-1] > take.time_s[-1] + 10.0  # no timeout of twelve seconds


@pytest.mark.parametrize("fps", [6.0, 15.0, 60.0])
def test_the_rate_of_the_pictures_does_not_matter(fps: float) -> None:
    actor = driven(session_take(ANA, fps)).result()
    assert (REACH["jawOpen"] - 0.05) * at(actor.gain, "jawOpen") == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("late_s", [0.0, 1.7, 5.2, 8.8, 11.1])
def test_a_person_who_repeats_all_poses_is_measured_from_any_moment_on(late_s: float) -> None:
    session = CalibrationSession("ana", "take")
    for index, signal in enumerate(signals(rounds_take(ANA, 90.0))):
        if index == round(late_s * FPS):
            session.begin()
        session.see(signal)
    assert [step.state for step in session.view.steps] == ["done"] * len(POSES)
    assert (REACH["jawOpen"] - 0.05) * at(session.result().gain, "jawOpen") == pytest.approx(1.0, abs=0.08)


class Performer:
    """Shows a session one face after another, at 30 pictures a second."""

    def __init__(self, session: CalibrationSession) -> None:
        self.session = session
        self.index = 0

    def show(self, seconds: float, *, is_seen: bool = True, turned: float = 0.0, **weights: float) -> SessionView:
        """Shows the face at rest with these weights, turned by an angle in radians."""
        row = REST.copy()
        for name, value in weights.items():
            row[arkit.INDEX[name]] = value
        for _ in range(round(seconds * FPS)):
            stamp = Stamp(self.index, round(self.index * 1e9 / FPS), 0)
            turn = np.array([0.0, turned, 0.0], np.float32)
            self.session.see(Signal(stamp, row, turn, confidence=1.0 if is_seen else 0.0))
            self.index += 1
        return self.session.view

    def rest(self) -> SessionView:
        return self.show(FIRST_COUNT_S + 1.8)

    def finish(self) -> None:
        while self.session.view.state != "done":
            self.session.skip()

    def gain(self, name: str) -> float:
        return at(self.session.result().gain, name)


@pytest.fixture
def performer() -> Performer:
    session = CalibrationSession("ana", "webcam 0")
    session.begin()
    return Performer(session)


def test_a_session_waits_to_begin_and_then_counts_down() -> None:
    performer = Performer(CalibrationSession("ana", "webcam 0"))
    assert performer.show(10.0).state == "ready"
    with pytest.raises(CalibrationError, match="ready"):
        performer.session.result()
    performer.session.begin()
    view = performer.show(1.0)
    assert (view.state, view.steps[0].state) == ("counting", "now")
    assert view.count_s == pytest.approx(FIRST_COUNT_S - 1.0, abs=0.1)
    assert performer.show(FIRST_COUNT_S).state == "holding"


def test_a_face_that_moves_has_to_keep_still(performer: Performer) -> None:
    performer.show(FIRST_COUNT_S + 1.0)
    assert performer.show(1 / FPS, turned=0.3).remark == "Keep still."
    assert performer.session.view.score == 0.0
    assert performer.show(0.3, turned=0.3).remark == "Keep still."  # long enough to be read
    view = performer.show(0.7, turned=0.3)
    assert (view.step, view.remark) == (0, "")
    assert performer.show(1.0, turned=0.3).step == 1


@pytest.mark.parametrize(
    ("face", "remark"),
    [
        ({"turned": 0.9}, "from one side"),
        ({"jawOpen": 0.6}, "Close your mouth."),
        ({"eyeBlinkLeft": 0.9, "eyeBlinkRight": 0.9}, "Open your eyes."),
    ],
)
def test_a_face_that_is_not_at_rest_gets_advice(performer: Performer, face: dict[str, float], remark: str) -> None:
    view = performer.show(FIRST_COUNT_S + 5.0, **face)  # type: ignore[arg-type]
    assert view.step == 0
    assert remark in view.remark


def test_a_blink_neither_restarts_the_rest_nor_counts_for_it(performer: Performer) -> None:
    performer.show(FIRST_COUNT_S + 0.7)
    assert performer.show(0.2, eyeBlinkLeft=1.0, eyeBlinkRight=1.0).remark == ""
    assert performer.show(0.8).step == 1
    performer.finish()
    assert at(performer.session.result().neutral, "eyeBlinkLeft") == at(REST, "eyeBlinkLeft")
    assert at(performer.session.findings().jitter, "eyeBlinkLeft") == 0.0


def test_a_lost_face_pauses_everything(performer: Performer) -> None:
    before = performer.show(1.0)
    view = performer.show(20.0, is_seen=False)
    assert "No face is seen" in view.remark
    assert view.count_s == pytest.approx(before.count_s, abs=0.05)
    performer.rest()
    performer.show(COUNT_S + 1.0)
    assert performer.show(20.0, is_seen=False).steps[1].state == "now"  # its timeout does not run meanwhile


def test_a_gap_between_pictures_does_not_count_as_held(performer: Performer) -> None:
    performer.show(FIRST_COUNT_S + 0.5)
    performer.index += 300
    assert performer.show(0.1).step == 0


def test_the_score_tells_how_far_and_the_remark_what_to_do(performer: Performer) -> None:
    performer.rest()
    view = performer.show(COUNT_S + 3.0, jawOpen=0.3)
    assert (view.state, view.remark) == ("holding", "Open wider.")
    assert 0.25 < view.score < 0.5
    view = performer.show(0.2, jawOpen=0.7)
    assert view.score > 0.8
    assert "hold" in view.remark


def test_a_pose_that_was_never_held_is_taken_at_its_best_with_a_remark(performer: Performer) -> None:
    performer.rest()
    performer.show(COUNT_S)
    tries = 0
    while performer.session.view.step == 1:
        performer.show(0.4, jawOpen=0.85)
        performer.show(0.3)
        tries += 1
    assert tries > 10
    assert "held for a moment only" in performer.session.view.steps[1].remark
    performer.finish()
    assert performer.gain("jawOpen") == pytest.approx(1.25, rel=0.01)


def test_redo_repeats_the_last_step_and_then_goes_on(performer: Performer) -> None:
    performer.rest()
    assert performer.show(COUNT_S + 1.2, jawOpen=0.9).step == 2
    performer.session.redo()
    assert performer.session.view.step == 1
    assert performer.show(FIRST_COUNT_S + 1.2, jawOpen=0.5).step == 2
    performer.finish()
    assert performer.gain("jawOpen") == pytest.approx(1 / 0.45, rel=0.01)


@pytest.mark.parametrize("name", ["mouth_open", "puff", "nothing of the kind"])
def test_a_step_that_is_not_finished_cannot_be_repeated(performer: Performer, name: str) -> None:
    performer.session.redo(name)
    assert performer.session.view.step == 0
    assert performer.rest().step == 1
    performer.session.redo("smile")
    assert performer.session.view.step == 1


def test_a_step_that_was_left_out_can_be_made_at_the_end(performer: Performer) -> None:
    performer.rest()
    performer.finish()
    assert performer.gain("jawOpen") == 1.0
    performer.session.redo("mouth_open")
    with pytest.raises(CalibrationError, match="counting"):
        performer.session.result()
    assert performer.show(FIRST_COUNT_S + 1.2, jawOpen=0.5).state == "done"
    assert performer.gain("jawOpen") == pytest.approx(1 / 0.45, rel=0.01)


def test_the_relaxed_face_cannot_be_left_out(performer: Performer) -> None:
    performer.show(FIRST_COUNT_S + 0.5)
    performer.session.skip()
    view = performer.session.view
    assert view.step == 0
    assert "cannot be left out" in view.remark


def test_a_cancelled_session_has_no_result_and_can_begin_again(performer: Performer) -> None:
    performer.rest()
    performer.session.cancel()
    assert performer.show(5.0).state == "cancelled"
    with pytest.raises(CalibrationError, match="cancelled"):
        performer.session.result()
    performer.session.begin()
    assert [step.state for step in performer.session.view.steps] == ["now"] + ["todo"] * (len(POSES) - 1)


def test_a_view_is_json_and_each_pose_has_its_picture(performer: Performer) -> None:
    view = json.loads(json.dumps(performer.rest().as_json()))
    assert set(view) == {"state", "step", "steps", "count_s", "score", "remark"}
    assert view["steps"][0]["state"] == "done"
    pictures = [PAGE / step["picture"].removeprefix("/") for step in view["steps"]]
    assert {*pictures} == {*(PAGE / "static" / "poses").iterdir()}
    assert sum(one.stat().st_size for one in pictures) <= 200_000
