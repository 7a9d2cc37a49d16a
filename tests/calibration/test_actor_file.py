"""Actors come back from disk as they were, and damaged files raise only ActorError."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit
from omote.calibration.actor_file import (
    ACTOR_SUFFIX,
    ActorError,
    ActorRecord,
    CalibrationFindings,
    Provenance,
    StepResult,
    actor_names,
    actor_path,
    actors_folder,
    find_actor,
    forget_neutral,
    load_actor,
    record_from_json,
    record_to_json,
    save_actor,
    save_neutral,
)
from omote.engine.data import Actor, Array
from omote.engine.storage import data_folder

WHEN = "2026-11-22T20:15:00+00:00"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path / "actors"))
    return tmp_path / "actors"


def ana() -> Actor:
    random = np.random.default_rng(3)

    def some(most: float) -> Array:
        return random.uniform(0.0, most, arkit.COUNT).astype(np.float32)

    turn, way = np.array([0.1, -0.2, 0.03], np.float32), np.array([0.0, 0.1, -0.6], np.float32)
    return Actor("Ana", some(0.5), some(2.5) + np.float32(0.5), some(0.1), turn, way, (("smile", 0.4), ("blink", 0.35)))


def findings() -> CalibrationFindings:
    row = np.linspace(0.0, 0.5, arkit.COUNT).astype(np.float32)
    return CalibrationFindings(
        row, row * 2.0, row / 10.0, row / 50.0, (StepResult("smile", "Smile", "done", "Only 40%."),)
    )


def test_an_actor_comes_back_to_six_digits(tmp_path: Path) -> None:
    save_actor(ana(), tmp_path / "a.json", Provenance(WHEN, "webcam 0", findings()))
    kept = load_actor(tmp_path / "a.json")
    for name in ("neutral", "gain", "noise_floor", "neutral_rotation", "neutral_translation"):
        np.testing.assert_allclose(getattr(kept.actor, name), getattr(ana(), name), atol=1e-6)
    assert (kept.actor.name, kept.actor.thresholds) == ("Ana", ana().thresholds)
    assert (kept.made.date, kept.made.source) == (WHEN, "webcam 0")
    assert kept.made.findings
    np.testing.assert_allclose(kept.made.findings.most, findings().most, atol=1e-6)
    assert kept.made.findings.steps == findings().steps


@pytest.mark.parametrize(
    ("name", "source", "file"),
    [
        ("me", "webcam 0", "me@webcam-0.json"),
        ("me", "webcam 1", "me@webcam-1.json"),
        ("Ana Maria", "d0.mp4", "ana-maria@d0-mp4.json"),
        ("me", "livelink 11111", "me@livelink.json"),  # a phone on another port is the same camera
        ("me", "livelink 11112", "me@livelink.json"),
    ],
)
def test_people_and_cameras_have_their_own_files(name: str, source: str, file: str) -> None:
    assert actor_path(name, source).name == file


def test_a_name_in_letters_of_four_bytes_fits_into_a_files_name() -> None:
    path = actor_path("\U00020bb7" * 30, "\U00020bb7" * 60)
    assert len(path.name.encode()) < 255
    assert find_actor("\U00020bb7" * 30, "\U00020bb7" * 60) is None


def test_a_folder_that_cannot_be_looked_into_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path / ("a" * 300)))
    with pytest.raises(ActorError, match="OMOTE_ACTORS"):
        find_actor("ana", "webcam 0")


@pytest.mark.parametrize("name", ["..etc", "con", "a.b:d*?", "nul.txt", "Zoë", "面"])
def test_a_name_is_safe_in_a_file_system(name: str, folder: Path) -> None:
    path = actor_path(name, name)
    assert path.parent == folder
    assert not set(path.name) & set('/\\:*?"<>| ')
    assert path.stem not in ("con", "nul")


@given(st.text(min_size=1, max_size=60))
def test_any_name_gives_a_path_in_the_folder_or_an_error(name: str) -> None:
    try:
        path = actor_path(name, name)
    except ActorError as error:
        assert "expected" in str(error)
    else:
        assert path.parent == actors_folder()
        assert len(path.name.encode()) < 250


@pytest.mark.parametrize("name", ["", "  ", "...", "../x", "a\\b", "a\nb", "a" * 41, "\U00020bb7" * 31, "\ufdfa" * 40])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(ActorError, match="no name for a person"):
        actor_path(name, "webcam 0")


def test_without_the_variable_actors_are_in_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMOTE_ACTORS")
    assert actors_folder() == data_folder() / "actors"


def test_an_actor_is_found_for_its_camera_only() -> None:
    assert actor_names() == ()
    assert find_actor("ana", "webcam 0") is None
    save_actor(ana(), actor_path("Ana", "webcam 0"), Provenance(WHEN, "webcam 0"))
    save_actor(ana(), actor_path("ana", "livelink 11111"), Provenance(WHEN, "livelink 11111"))
    save_actor(Actor("bo"), actor_path("bo", "webcam 0"), Provenance(WHEN, "webcam 0"))
    if os.name == "posix":
        (actors_folder() / f"e\x1b[31m@demo{ACTOR_SUFFIX}").write_text("{}")
    assert actor_names() == ("ana", "bo")
    kept = find_actor("ANA", "webcam 0")
    assert kept is not None and kept.actor.name == "Ana"
    assert find_actor("ana", "webcam 1") is None


def test_a_new_rest_leaves_what_was_found_before() -> None:
    path = actor_path("ana", "webcam 0")
    save_actor(ana(), path, Provenance("2026-01-01T00:00:00+00:00", "webcam 0", findings()))
    for jaw in (0.3, 0.4):
        neutral = np.where(np.arange(arkit.COUNT) == arkit.INDEX["jawOpen"], jaw, 0.0).astype(np.float32)
        assert save_neutral(replace(ana(), neutral=neutral), "webcam 0", WHEN) == path
        kept = load_actor(path)
        assert kept.actor.neutral[arkit.INDEX["jawOpen"]] == pytest.approx(jaw)
        assert kept.has_own_rest
        assert kept.made.date == "2026-01-01T00:00:00+00:00"
        assert kept.made.findings


def test_a_forgotten_rest_is_again_the_one_that_was_measured() -> None:
    path = actor_path("ana", "webcam 0")
    save_actor(ana(), path, Provenance(WHEN, "webcam 0", findings()))
    before = path.read_text()
    save_neutral(replace(ana(), neutral_rotation=np.full(3, 0.5, np.float32)), "webcam 0", WHEN)
    forget_neutral("ana", "webcam 0")
    assert path.read_text() == before
    with pytest.raises(ActorError, match="no resting face was set"):
        forget_neutral("ana", "webcam 0")


def test_a_forgotten_rest_without_a_calibration_leaves_no_file() -> None:
    save_neutral(ana(), "webcam 0", WHEN)
    forget_neutral("ana", "webcam 0")
    assert find_actor("ana", "webcam 0") is None


def test_a_new_rest_takes_the_place_of_a_damaged_file(folder: Path) -> None:
    folder.mkdir()
    actor_path("ana", "webcam 0").write_text("{")
    save_neutral(ana(), "webcam 0", WHEN)
    assert load_actor(actor_path("ana", "webcam 0")).made.findings is None


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("I am no folder")
    with pytest.raises(ActorError, match="cannot write"):
        save_actor(ana(), blocked / "a.json", Provenance(WHEN, "webcam 0"))
    save_actor(ana(), tmp_path / "a.json", Provenance(WHEN, "webcam 0"))
    before = (tmp_path / "a.json").read_bytes()
    far = Actor(gain=np.full(arkit.COUNT, 1e6, np.float32))
    with pytest.raises(ActorError, match="gain of"):
        save_actor(far, tmp_path / "a.json", Provenance(WHEN, "webcam 0"))
    assert (tmp_path / "a.json").read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"file", "a.json"}


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ActorError, match="run omote calibrate"):
        load_actor(tmp_path / "none.json")
    with pytest.raises(ActorError, match="run omote calibrate"):
        load_actor(tmp_path)


def written(**changes: object) -> dict[str, object]:
    return {**record_to_json(ActorRecord(ana(), Provenance(WHEN, "webcam 0", findings()))), **changes}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"omote_actor": 2}, "version 2.*update Omote"),
        ({"omote_actor": True}, "version True"),
        ({"gain": {"jawOpen": 1.0}}, "gain has no"),
        ({"gain": {**dict.fromkeys(arkit.NAMES, 1.0), "jawOpn": 1.0}}, "jawOpn"),
        ({"gain": dict.fromkeys(arkit.NAMES, 11.0)}, "from 0 to 10, got 11"),
        ({"neutral": dict.fromkeys(arkit.NAMES, -0.1)}, "from 0 to 1"),
        ({"neutral": dict.fromkeys(arkit.NAMES, float("nan"))}, "got nan"),
        ({"neutral": dict.fromkeys(arkit.NAMES, True)}, "got True"),
        ({"neutral": dict.fromkeys(arkit.NAMES, 10**400)}, "a huge number"),
        ({"neutral_rotation": [0.0, 0.0]}, "three numbers"),
        ({"neutral_translation": [0.0, 0.0, float("inf")]}, "got inf"),
        ({"thresholds": {"grin": 0.5}}, "grin.*smile"),
        ({"thresholds": {"smile": 0.0}}, "threshold of smile"),
        ({"name": ""}, "name must be"),
        ({"name": "a\nb"}, "name must be a line"),
        ({"name": "x" * 301}, "name must be"),
        ({"findings": []}, "findings must be an object"),
        ({"more": 1}, "which is unknown"),
        ({"measured_rest": {}}, 'measured_rest has no "neutral"'),
    ],
)
def test_a_damaged_value_is_named(tmp_path: Path, changes: dict[str, object], what: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(written(**changes)))
    with pytest.raises(ActorError, match=what) as caught:
        load_actor(path)
    assert "a.json" in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
KEYS = st.sampled_from(sorted(written()))


@given(st.dictionaries(KEYS, JSON, max_size=5))
def test_any_json_raises_only_an_actor_error(changes: dict[str, object]) -> None:
    try:
        record_from_json({**written(), **changes})
    except ActorError as error:
        assert len(str(error)) < 400


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_an_actor_error(data: bytes) -> None:
    path = actors_folder() / "fuzz.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    with pytest.raises(ActorError):
        load_actor(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"omote_actor": ' + "9" * 5000 + "}", " " * 2_000_000, "\ufeff{}"])
def test_odd_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(ActorError, match="run omote calibrate"):
        load_actor(tmp_path / "a.json")


@given(st.integers(0, 10**9))
def test_a_file_cut_short_is_refused(at: int) -> None:
    whole = json.dumps(written()).encode()
    path = actors_folder() / "cut.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(whole[: at % len(whole)])
    with pytest.raises(ActorError):
        load_actor(path)
