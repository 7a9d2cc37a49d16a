"""Timelines and transitions hit their keys, add layers on top, and are the same for the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.light import LIGHT_PRESETS, lamp_light, studio_light
from omote.engine.face.retarget import to_weights
from omote.engine.offline.animation import Animation, Float64Array, RenderError
from omote.engine.offline.face_limits import EYELIDS, EYES, NECK, require_in_limits
from omote.engine.offline.face_parser import parse_face
from omote.engine.offline.keyframes import EASES
from omote.engine.offline.timeline import Timeline, read_timeline, transition

Reading = Callable[..., Timeline]


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Reads a timeline that says this."""

    def reading(**values: object) -> Timeline:
        path = tmp_path / "scene.json"
        path.write_text(json.dumps(values))
        return read_timeline(path)

    return reading


def shape(animation: Animation, name: str) -> Float64Array:
    """[n] this ARKit weight in every picture."""
    return np.array([to_weights(animation.params(index))[arkit.INDEX[name]] for index in range(len(animation))])


def test_toml_and_json_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('seed = 3\n[[expression]]\nat = 1\nis = "smile"\n[blinks]\nper_minute = 30\n')
    values = {"seed": 3, "expression": [{"at": 1, "is": "smile"}], "blinks": {"per_minute": 30}}
    (tmp_path / "a.json").write_text(json.dumps(values))
    first, last = (read_timeline(tmp_path / name).animation() for name in ("a.toml", "a.json"))
    assert first.digest() == last.digest()


def test_expression_keys_are_hit_at_their_times(read: Reading) -> None:
    animation = read(
        expression=[
            {"at": 2, "is": {"jawOpen": 0.4}, "ease": "smooth"},  # in any order
            {"at": 0, "is": "neutral"},
            {"at": 1, "is": "smile", "amount": 0.5, "ease": "out"},
        ]
    ).animation(fps=Fraction(10))
    assert len(animation) == 21  # until the last key is shown
    np.testing.assert_allclose(animation.faces[0], 0.0, atol=1e-6)
    np.testing.assert_allclose(animation.faces[10], 0.5 * parse_face("smile").vector(), atol=1e-5)
    np.testing.assert_allclose(animation.faces[20], parse_face("jawOpen=0.4").vector(), atol=1e-5)
    assert (np.diff(shape(animation, "mouthSmileLeft")[:11]) > -1e-6).all()


def test_gaze_and_head_keys_replace_those_of_an_expression(read: Reading) -> None:
    animation = read(
        expression=[{"at": 0, "is": {"neck_pose_y": 0.2, "eye_pose_left_y": 0.1, "jaw_pose_x": 0.1}}],
        gaze=[{"at": 0, "pitch_deg": 5, "yaw_deg": 20}],
        head=[{"at": 0, "yaw_deg": 30, "y": 0.02}],
    ).animation()
    face = animation.params(0)
    np.testing.assert_allclose(np.rad2deg(face.eye_pose), [[5, 20, 0]] * 2, rtol=1e-5)
    np.testing.assert_allclose(np.rad2deg(face.neck_pose), [0, 30, 0], atol=1e-4)
    np.testing.assert_allclose(face.translation, [0, 0.02, 0], atol=1e-7)
    assert face.jaw_pose[0] == pytest.approx(0.1)


def test_head_turns_about_yaw_then_pitch_then_roll(read: Reading) -> None:
    alone = [
        read(head=[{"at": 0, name: 20}]).animation().faces[0, NECK] for name in ("pitch_deg", "yaw_deg", "roll_deg")
    ]
    np.testing.assert_allclose(alone, np.deg2rad(20) * np.eye(3), atol=1e-6)


def test_a_head_between_keys_at_the_ends_of_their_range_stays_in_it(read: Reading) -> None:
    ends = [{"pitch_deg": 25, "roll_deg": 20}, {"yaw_deg": 40, "pitch_deg": 25, "roll_deg": -15}]
    animation = read(head=[{"at": at} | end for at, end in enumerate(ends)]).animation()
    for index in range(len(animation)):
        require_in_limits(animation.params(index), f"picture {index}")  # raises where it is none


def test_a_head_turned_too_far_by_three_angles_at_once_is_refused(read: Reading) -> None:
    with pytest.raises(RenderError, match=r"head 1: pitch, yaw and roll together turn the head too far"):
        read(head=[{"at": 0, "pitch_deg": 25, "yaw_deg": 45, "roll_deg": 25}])


def test_light_is_a_preset_27_numbers_or_a_lamp(read: Reading) -> None:
    numbers = [0.1 * k for k in range(27)]
    lamp = {"direction": [1, 1, 1], "strength": 2, "warmth": -0.5, "ambient": 0.2}
    lights = ("sunset", numbers, lamp)
    animation = read(light=[{"at": at, "is": one} for at, one in enumerate(lights)]).animation(fps=Fraction(2))
    np.testing.assert_allclose(animation.lights[0], LIGHT_PRESETS["sunset"].setting.harmonics(), rtol=1e-6)
    np.testing.assert_allclose(animation.lights[2], numbers, rtol=1e-6)
    np.testing.assert_allclose(animation.lights[4], lamp_light((1, 1, 1), 2, -0.5, 0.2), rtol=1e-6)
    np.testing.assert_allclose(animation.lights[1], (animation.lights[0] + animation.lights[2]) / 2, rtol=1e-5)
    np.testing.assert_allclose(
        read(light="stage").animation().lights[0], LIGHT_PRESETS["stage"].setting.harmonics(), rtol=1e-6
    )
    np.testing.assert_allclose(read().animation().lights[0], studio_light(), rtol=1e-6)


def test_characters_blend_from_key_to_key_two_at_a_time(read: Reading) -> None:
    keys = ((0, "hana"), (1, {"hana": 1, "kenji": 3}), (2, "kenji"), (3, "mori"))
    for ease in ("in-out", "smooth"):
        animation = read(character=[{"at": at, "is": who, "ease": ease} for at, who in keys]).animation(
            fps=Fraction(10)
        )
        assert animation.cast == ("hana", "kenji", "mori")
        wanted = np.array([1, 0, 0, 0.25, 0.75, 0, 0, 1, 0, 0, 0, 1]).reshape(4, 3)
        np.testing.assert_allclose(animation.shares[::10], wanted, atol=1e-6)
        np.testing.assert_allclose(animation.shares.sum(1), 1.0, atol=1e-6)
        assert ((animation.shares > 0).sum(1) <= 2).all()


def test_a_cut_leads_from_any_mixture_to_any(read: Reading) -> None:
    keys = [{"at": 0, "is": {"hana": 1, "kenji": 1}}, {"at": 1, "is": {"mori": 1, "sol": 1}, "ease": "cut"}]
    animation = read(character=keys).animation(fps=Fraction(10))
    np.testing.assert_array_equal(animation.shares[9:], [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])


def test_arguments_override_the_file(read: Reading) -> None:
    found = read(fps="30000/1001", seconds=2, seed=1, character=[{"at": 0, "is": "hana"}, {"at": 1, "is": "mori"}])
    assert (found.animation().fps, len(found.animation())) == (Fraction(30000, 1001), 60)
    light = np.arange(27, dtype=np.float32)
    animation = found.animation(fps=Fraction(24), character="sol", light=light)
    assert (animation.fps, len(animation), animation.cast) == (Fraction(24), 48, ("sol",))
    np.testing.assert_array_equal(animation.lights, np.tile(light, (48, 1)))


@pytest.mark.parametrize("values", (29.97, "29.97", "30000/1001"))
def test_television_rates_are_exact(read: Reading, values: object) -> None:
    assert read(fps=values).animation().fps == Fraction(30000, 1001)


def test_another_seed_is_another_motion(read: Reading) -> None:
    found = read(seconds=5, seed=4, blinks={"per_minute": 30}, motion={})
    first, again, same, other = found.animation(), found.animation(), found.animation(seed=4), found.animation(seed=5)
    assert first.digest() == again.digest() == same.digest() != other.digest()
    for part in (EYES, NECK, EYELIDS):
        assert np.abs(first.faces[:, part] - other.faces[:, part]).max() > 1e-3


def test_each_part_of_the_motion_has_a_seed_of_its_own(read: Reading) -> None:
    """To switch off one changes no other."""
    both = read(seconds=4, seed=4, blinks={"per_minute": 30}, motion={"breath": 0}).animation()
    still = read(seconds=4, seed=4, blinks={"per_minute": 30}, motion={"head": 0, "breath": 0}).animation()
    assert np.ptp(both.faces[:, NECK]) > 0.0 == np.ptp(still.faces[:, NECK])
    np.testing.assert_array_equal(both.faces[:, EYES], still.faces[:, EYES])
    np.testing.assert_array_equal(both.faces[:, EYELIDS], still.faces[:, EYELIDS])


def test_without_blinks_and_motion_a_face_holds_still(read: Reading) -> None:
    assert not np.ptp(read(seconds=3, expression=[{"at": 0, "is": "smile"}]).animation().faces, axis=0).any()


def test_a_file_beside_the_timeline_is_found(read: Reading, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("jawOpen = 0.5\n")
    animation = read(expression=[{"at": 0, "is": "mine.toml"}]).animation()
    assert shape(animation, "jawOpen")[0] == pytest.approx(0.5, abs=1e-5)


def test_every_picture_of_a_crowded_timeline_is_a_face(read: Reading) -> None:
    animation = read(
        seconds=6,
        expression=[{"at": at, "is": word, "ease": "smooth"} for at, word in enumerate(("laugh", "sad", "surprise"))],
        gaze=[{"at": 1, "pitch_deg": -20, "yaw_deg": 29}, {"at": 3, "pitch_deg": 25, "yaw_deg": -29}],
        head=[{"at": 0, "yaw_deg": -45}, {"at": 4, "pitch_deg": 25}],
        micro=[{"at": at, "is": "angry", "seconds": 0.2} for at in (0.5, 0.55, 2.0)],
        blink=[{"at": 0.6}, {"at": 0.7}],
        blinks={"per_minute": 60},
        motion={"head": 3, "gaze": 3, "breath": 3},
    ).animation()
    for index in range(len(animation)):
        require_in_limits(animation.params(index), f"picture {index}")  # raises where it is none


@pytest.mark.parametrize("fps", (24, 25, 30, 60))
@pytest.mark.parametrize("seconds", (0.04, 0.1, 0.2))
def test_a_flash_is_shown_in_full_on_top_of_another_expression(read: Reading, fps: int, seconds: float) -> None:
    smile = [{"at": 0, "is": "smile"}]
    animation = read(
        seconds=2, expression=smile, micro=[{"at": 1.234, "is": "surprise", "seconds": seconds}]
    ).animation(fps=Fraction(fps))
    brows = shape(animation, "browInnerUp")
    assert brows.max() == pytest.approx(0.9, abs=1e-5)
    assert shape(animation, "mouthSmileLeft").min() == pytest.approx(0.8, abs=1e-5)
    assert np.flatnonzero(brows > 0.01)[[0, -1]] / fps == pytest.approx(
        1.234 + seconds / 2, abs=seconds / 2 + 0.5 / fps
    )


def test_no_layer_makes_a_kink(read: Reading) -> None:
    """Seen twice as often, velocity changes half as much from picture to picture; at a kink it changes as much."""
    found = read(
        seconds=3,
        seed=2,
        expression=[{"at": at, "is": word, "ease": "smooth"} for at, word in enumerate(("laugh", "sad", "surprise"))],
        gaze=[{"at": 0.5, "yaw_deg": 20}, {"at": 1.5, "yaw_deg": -20, "ease": "linear"}],
        head=[{"at": 0, "yaw_deg": -20}, {"at": 2.5, "pitch_deg": 15, "ease": "in"}],
        micro=[{"at": 1, "is": "angry", "seconds": 0.4}],
        blink=[{"at": 0.6, "seconds": 0.4}],
        motion={},
    )
    coarse, fine = (_most_change_of_velocity(found.animation(fps=Fraction(fps))) for fps in (250, 500))
    assert (fine < 0.65 * coarse).all()


def _most_change_of_velocity(animation: Animation) -> Float64Array:
    """[67] units a second, of each number that moves."""
    found = np.abs(np.diff(animation.faces.astype(np.float64), 2, axis=0)).max(0) * float(animation.fps)
    return np.asarray(found[np.ptp(animation.faces, axis=0) > 0.01])


# Transitions.

REST, SMILE = FlameParams.neutral(), parse_face("smile")


def to_smile(
    seconds: float = 2.0,
    ease: str = "in-out",
    hold_s: float = 0.0,
    is_there_and_back: bool = False,
    fps: Fraction = Fraction(30),
    seed: int | None = None,
) -> Animation:
    return transition(
        REST,
        SMILE,
        seconds,
        ease=ease,
        hold_s=hold_s,
        is_there_and_back=is_there_and_back,
        fps=fps,
        light=studio_light(),
        character="hana",
        seed=seed,
    )


@pytest.mark.parametrize("ease", EASES)
@pytest.mark.parametrize("fps", (Fraction(24), Fraction(30000, 1001), Fraction(60)))
def test_first_picture_is_the_first_face_and_the_last_picture_the_last(ease: str, fps: Fraction) -> None:
    animation = to_smile(ease=ease, fps=fps)
    assert len(animation) == round(2 * fps)
    np.testing.assert_allclose(animation.faces[0], REST.vector(), atol=1e-5)
    np.testing.assert_allclose(animation.faces[-1], SMILE.vector(), atol=1e-5)


def test_hold_stays_and_there_and_back_comes_back() -> None:
    animation = to_smile(1.0, hold_s=0.5, is_there_and_back=True)
    assert len(animation) == 30 + 15 + 30
    np.testing.assert_allclose(animation.faces[29:45], np.tile(SMILE.vector(), (16, 1)), atol=1e-5)
    np.testing.assert_allclose(animation.faces[-1], REST.vector(), atol=1e-5)
    assert len(to_smile(1.0, hold_s=0.5)) == 45
    assert len(to_smile(1.0, is_there_and_back=True)) == 60


def test_without_a_seed_the_head_is_still() -> None:
    assert not np.ptp(to_smile().faces[:, 53:56]).any()


def test_a_seed_makes_the_same_small_motion_each_time() -> None:
    first, again, other = (to_smile(seed=seed) for seed in (1, 1, 2))
    assert first.digest() == again.digest() != other.digest()
    assert 0.0 < np.ptp(first.faces[:, 53:56], axis=0).max() < 0.1


def test_what_lies_between_is_a_face_too() -> None:
    for index in range(len(animation := to_smile(ease="smooth", seed=3))):
        require_in_limits(animation.params(index), f"picture {index}")  # raises where it is none


@pytest.mark.parametrize(
    ("options", "message"),
    (
        ({"seconds": 0.0}, "more than 0 seconds"),
        ({"seconds": 1e9}, "36000"),
        ({"seconds": float("nan")}, "36000"),
        ({"hold_s": -1.0}, "0 to 36000 seconds"),
        ({"hold_s": float("inf")}, "0 to 36000 seconds"),
        ({"ease": "bounce"}, "no ease is called"),
    ),
)
def test_a_time_or_ease_out_of_range_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(RenderError, match=message):
        to_smile(**options)  # type: ignore[arg-type]


def test_coefficients_of_flame_2020_are_interpolated_unchanged() -> None:
    first, last = parse_face("flame2020:expression_45=4"), parse_face("flame2020:expression_45=-4")
    animation = transition(first, last, 1.0, fps=Fraction(30), light=studio_light(), character="me")
    assert animation.basis == "flame2020"
    np.testing.assert_allclose(animation.faces[[0, -1], 45], [4.0, -4.0])
    with pytest.raises(RenderError, match='leads from the basis "flame2020" to "open"'):
        transition(first, parse_face("smile"), 1.0, fps=Fraction(30), light=studio_light(), character="me")
    with pytest.raises(RenderError, match="--seed moves only faces"):
        transition(first, last, 1.0, fps=Fraction(30), light=studio_light(), character="me", seed=1)
