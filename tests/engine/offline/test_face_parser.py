"""A word, a file or a moment of a recording becomes a face, or an error that names the nearest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit
from omote.engine.capture.take import Take, write_take
from omote.engine.data import FLAME_BASIS, FlameParams
from omote.engine.face.expressions import NAMED_EXPRESSIONS, expression_weights
from omote.engine.face.retarget import from_weights, to_weights
from omote.engine.offline.animation import Float64Array, RenderError
from omote.engine.offline.face_limits import (
    FLAME_NAMES,
    MAX,
    MIN,
    NAMES,
    face_from_row,
    faces_from_rows,
    require_in_limits,
)
from omote.engine.offline.face_parser import face_file_path, parse_face
from omote.engine.offline.writers.tables import COLUMNS

ROWS = st.lists(st.floats(0.0, 1.0), min_size=67, max_size=67).map(lambda part: MIN + np.array(part) * (MAX - MIN))


def same(found: FlameParams, wanted: FlameParams) -> None:
    np.testing.assert_allclose(found.vector(), wanted.vector(), atol=2e-5)


@pytest.mark.parametrize("name", ("neutral", *NAMED_EXPRESSIONS))
def test_names_are_the_expressions_of_the_live_portrait(name: str) -> None:
    weights = arkit.weights({}) if name == "neutral" else expression_weights(name)
    same(parse_face(name), from_weights(weights))


def test_arkit_weights_are_read_from_a_list() -> None:
    wanted = arkit.weights({"jawOpen": 0.6, "mouthSmileLeft": 0.4})
    same(parse_face(" jawOpen=0.6, mouthSmileLeft = 0.4"), from_weights(wanted))


def test_flame_values_are_read_by_the_columns_of_params_csv() -> None:
    row = parse_face("jaw_pose_x=0.2,expression_3=1.1,neck_pose_y=0.3").vector()
    values = {"jaw_pose_x": 0.2, "expression_3": 1.1, "neck_pose_y": 0.3}
    np.testing.assert_allclose(row, [values.get(name, 0.0) for name in FLAME_NAMES], atol=1e-6)


@pytest.mark.parametrize("kind", ("toml", "json"))
def test_a_file_of_weights_is_a_face(tmp_path: Path, kind: str) -> None:
    values = {"jawOpen": 0.5, "browInnerUp": 1}
    text = json.dumps(values) if kind == "json" else "".join(f"{name} = {value}\n" for name, value in values.items())
    (tmp_path / f"mine.{kind}").write_text(text)
    same(parse_face(f"mine.{kind}", tmp_path), from_weights(arkit.weights(values)))
    same(parse_face(str(tmp_path / f"mine.{kind}")), from_weights(arkit.weights(values)))


def test_a_take_is_a_face_at_the_time_after_the_at_sign(tmp_path: Path) -> None:
    weights = np.zeros((10, 52), np.float32)
    weights[:, arkit.INDEX["jawOpen"]] = np.arange(10) / 10.0
    still = np.zeros((10, 3), np.float32)
    confidence = np.ones(10, np.float32)
    confidence[9] = 0.0
    take = Take(10.0, np.arange(10) / 10.0, weights, still + 0.3, still, np.zeros((10, 2, 2), np.float32), confidence)
    write_take(tmp_path / "take.csv", take)
    same(parse_face("take.csv", tmp_path), from_weights(weights[0]))
    same(parse_face("take.csv@0.42", tmp_path), from_weights(weights[4]))
    with pytest.raises(RenderError, match=r"lasts 1\.00 seconds, so there is nothing at 7"):
        parse_face("take.csv@7", tmp_path)
    with pytest.raises(RenderError, match=r"no face was seen at 0\.9 seconds"):
        parse_face("take.csv@0.9", tmp_path)


def test_a_params_csv_is_a_face_at_a_time(tmp_path: Path) -> None:
    smile = parse_face("smile")
    lines = [",".join(COLUMNS)]
    for index, params in enumerate((FlameParams.neutral(), smile)):
        lines.append(",".join([str(index), f"{index / 2:.6f}", *map(str, params.vector()), "1"]))
    (tmp_path / "params.csv").write_text("\n".join(lines) + "\n")
    same(parse_face("params.csv@0.5", tmp_path), smile)
    (tmp_path / "params.csv").write_text("\n".join(lines)[:-40] + "\n")
    with pytest.raises(RenderError, match="is damaged"):
        parse_face("params.csv", tmp_path)


@pytest.mark.parametrize(
    ("word", "message"),
    (
        ("smlie", r'no expression is called "smlie" \(did you mean "smile"\?\): there are neutral, smile'),
        ("jawOpne=0.5", r'ARKit has no weight "jawOpne" \(did you mean "jawOpen"\?\)'),
        ("jaw_pos_x=0.1", r'did you mean "jaw_pose_x"\?'),
        ("jaw_pose_x=0.1,expresion_3=1", r'FLAME has no value "expresion_3" \(did you mean "expression_3"\?\)'),
        ("jawOpen=1.5", 'jawOpen must be from 0 to 1, got "1.5"'),
        ("jawOpen=-0.1", 'jawOpen must be from 0 to 1, got "-0.1"'),
        ("jawOpen=nan", 'jawOpen must be from 0 to 1, got "nan"'),
        ("jawOpen=", 'jawOpen must be from 0 to 1, got ""'),
        ("jawOpen=0.1,jawOpen=0.2", "jawOpen appears twice"),
        ("jawOpen=0.1,jaw_pose_x=0.1", "jawOpen is ARKit's and jaw_pose_x is FLAME's"),
        ("jaw_pose_x=0.5", r'jaw_pose_x must be from 0 to 0\.35, got "0\.5"'),
        ("eye_pose_left_y=1", r'eye_pose_left_y must be from -0\.52 to 0\.52, got "1"'),
        ("eyelid_left=1.2", "eyelid_left must be from 0 to 1"),
        ("neck_pose_y=1", "neck_pose_y must be from -0.7854 to 0.7854"),
        ("expression_3=40", r"set ARKit's \w+ to \d+\.\d\d, and it must be from -0\.4 to 1"),
        ("expression_45=1", "expression_45 must be 0: the open head has expression_0 to expression_38"),
        ("nothing.toml", r"cannot read nothing\.toml: No such file"),
        ("nothing.csv@2", r"cannot read nothing\.csv: No such file"),
        ("nothing.json@2", "only a recording has a time"),
        ("take.csv@two", 'the time after @ must be from 0 to 1e.06, got "two"'),
    ),
)
def test_a_word_that_is_no_face_is_refused(word: str, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        parse_face(word)


@pytest.mark.parametrize(
    ("text", "message"),
    (
        ("[1, 2]", "holds no table"),
        ("\xff", "is no JSON"),
        ("{", "is no JSON"),
        ("{}", "no value in it"),
        ('{"jawOpen": true}', "got True"),
    ),
)
def test_a_file_without_a_face_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.json").write_text(text, "latin-1")
    with pytest.raises(RenderError, match=message):
        parse_face("mine.json", tmp_path)


def test_rows_of_55_numbers_are_faces_in_flame_2020_s_basis(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).uniform(0.0, 0.2, (3, 55)).astype(np.float32)
    np.save(tmp_path / "smile.npy", rows)
    found = parse_face("flame2020:smile.npy@2", tmp_path)
    assert found.basis == FLAME_BASIS
    parts = np.concatenate([found.expression, found.eyelids, found.jaw_pose])
    np.testing.assert_allclose(parts, rows[2], atol=1e-6)
    assert face_file_path("flame2020:smile.npy@2", tmp_path) == tmp_path / "smile.npy"
    with pytest.raises(RenderError, match="the row after @ must be from 0 to 2"):
        parse_face("flame2020:smile.npy@3", tmp_path)


def test_coefficients_of_flame_2020_are_named_and_not_bounded_by_the_open_head() -> None:
    found = parse_face("flame2020:expression_45=4,jaw_pose_x=0.1")
    assert (found.basis, found.expression[45]) == (FLAME_BASIS, 4.0)
    with pytest.raises(RenderError, match=r'FLAME has no value "expresion_3"'):
        parse_face("flame2020:expresion_3=1")
    with pytest.raises(RenderError, match="cannot be read"):
        parse_face("flame2020:nothing.npy")
    with pytest.raises(RenderError, match='a key: expected a face in the basis "open", got "flame2020"'):
        require_in_limits(found, "a key")


@given(ROWS, ROWS, st.floats(0.0, 1.0))
def test_a_mixture_of_two_faces_is_a_face(first: Float64Array, last: Float64Array, share: float) -> None:
    vector = (1.0 - share) * faces_from_rows(first[None])[0] + share * faces_from_rows(last[None])[0]
    mixed = require_in_limits(FlameParams.from_vector(vector.astype(np.float32)), "the mixture")
    np.testing.assert_allclose(mixed, (1.0 - share) * first + share * last, atol=1e-4)


def test_rows_hold_arkits_shapes_in_place_of_coefficients() -> None:
    row = require_in_limits(parse_face("mouthFunnel=0.7,jawOpen=0.5"), "x")
    assert row[NAMES.index("mouthFunnel")] == pytest.approx(0.7, abs=1e-5)
    assert to_weights(face_from_row(row))[arkit.INDEX["jawOpen"]] == pytest.approx(0.5, abs=1e-5)
