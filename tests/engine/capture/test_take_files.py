"""The files of a take: the CSV of the Live Link Face app, and the JSON beside it."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omote.bridge import arkit, livelink
from omote.engine.capture import take_files
from omote.engine.capture.source import SourceError
from omote.engine.capture.take import csv_values, read_take, write_take
from omote.engine.capture.take_files import TakeError

from .takes import random_take

HEADER = ",".join(take_files.COLUMNS)


@pytest.mark.parametrize(
    ("steps_s", "rate"),
    [
        ([], 0.0),
        ([1 / 30] * 30, 30.0),
        ([1 / 30] * 29 + [2.0], 30.0),  # a gap changes nothing
        ([0.08] * 3 + [0.04] * 2, 5 / 0.32),  # more pictures came than the median step has room for
        ([0.033, 0.034] * 20, 1 / 0.0335),
    ],
)
def test_a_take_has_the_rate_at_which_its_pictures_came(steps_s: list[float], rate: float) -> None:
    assert take_files.rate_of(np.array(steps_s)) == pytest.approx(rate, rel=1e-6)


def row(timecode: str, **named: float) -> str:
    values = {**dict.fromkeys(livelink.NAMES, 0.0), **named}
    return f"{timecode},61," + ",".join(f"{values[name]:.8f}" for name in take_files.COLUMNS[2:])


def written(folder: Path, *lines: str, beside: object = None) -> Path:
    path = folder / "take.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    if beside is not None:
        path.with_suffix(".json").write_text(json.dumps(beside), "utf-8")
    return path


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0, 60.0, 120.0])
def test_a_take_comes_back_with_the_printed_digits(tmp_path: Path, fps: float) -> None:
    take = random_take(90, fps)
    write_take(tmp_path / "a.csv", take)
    back = read_take(tmp_path / "a.csv")
    assert (back.fps, back.provenance, len(back)) == (fps, take.provenance, 90)
    half_a_digit = 0.51 * 10.0**-take_files.DIGITS
    for name in ("weights", "head_translation", "gaze", "confidence"):
        np.testing.assert_allclose(getattr(back, name), getattr(take, name), rtol=0, atol=half_a_digit)
    np.testing.assert_allclose(back.head_rotation, take.head_rotation, rtol=0, atol=4 * half_a_digit)
    np.testing.assert_allclose(back.time_s, take.time_s, rtol=0, atol=0.51e-3 / fps)
    write_take(tmp_path / "b.csv", back)
    for suffix in (".csv", ".json"):
        assert (tmp_path / f"b{suffix}").read_bytes() == (tmp_path / f"a{suffix}").read_bytes()


def test_it_is_written_with_the_header_of_the_app(tmp_path: Path) -> None:
    write_take(tmp_path / "a.csv", random_take(1))
    first, second = (tmp_path / "a.csv").read_text("utf-8").splitlines()
    assert first.startswith("Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,")
    assert "JawForward,JawRight,JawLeft,JawOpen" in first  # the app's order, which differs from its packets
    assert first.endswith("TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,"
                          "RightEyeYaw,RightEyePitch,RightEyeRoll")  # fmt: skip
    assert second.startswith("00:00:00:00.000,61,")


def test_eyes_are_written_with_the_signs_of_the_app() -> None:
    gaze = np.array([[[0.1, -0.3], [0.2, -0.25]]], np.float32)  # down, and to the subject's right
    values = csv_values(np.zeros((1, arkit.COUNT), np.float32), np.zeros((1, 3), np.float32), gaze)[0]
    np.testing.assert_allclose(values[-6:], (0.3, 0.1, 0.0, 0.25, 0.2, 0.0), atol=1e-7)


def test_left_and_right_are_found_by_name(tmp_path: Path) -> None:
    take = read_take(written(tmp_path, HEADER, row("10:00:00:00.000", JawLeft=0.25, MouthRight=0.5)))
    np.testing.assert_array_equal(take.weights[0], arkit.weights({"jawLeft": 0.25, "mouthRight": 0.5}))


def test_columns_may_stand_in_any_order_and_case(tmp_path: Path) -> None:
    titles = [*take_files.COLUMNS[:2], *(title.lower() for title in reversed(take_files.COLUMNS[2:]))]
    cells = ["0.75" if title == "jawopen" else "0" for title in titles[2:]]
    take = read_take(written(tmp_path, ",".join(titles), "00:00:00:00.000,61," + ",".join(cells)))
    np.testing.assert_array_equal(take.weights[0], arkit.weights({"jawOpen": 0.75}))


def test_a_csv_of_the_app_is_enough(tmp_path: Path) -> None:
    lines = [
        row(f"14:03:{52 + index // 60}:{index % 60:02}.207", EyeLookUpLeft=1.0, HeadPitch=0.1) for index in range(150)
    ]
    take = read_take(written(tmp_path, "\ufeff" + HEADER, *lines))
    assert take.fps == 60.0
    np.testing.assert_allclose(take.time_s, np.arange(150) / 60, atol=1e-9)
    np.testing.assert_allclose(take.head_rotation[7], (-0.1, 0.0, 0.0), atol=1e-7)  # in the app, +pitch looks up
    np.testing.assert_allclose(take.gaze[7], [[-0.36, 0.0], [0.0, 0.0]], atol=1e-6)
    assert take.confidence.tolist() == [1.0] * 150
    assert not take.head_translation.any()


def test_the_rate_of_the_timecode_is_seen_in_its_highest_frame(tmp_path: Path) -> None:
    lines = [row(f"00:00:{index // 24:02}:{index % 24:02}.000") for index in range(72)]
    assert read_take(written(tmp_path, HEADER, *lines)).fps == 24.0


def test_an_evening_is_read_in_the_memory_of_its_numbers() -> None:
    count, values = 2000, np.linspace(0.1, 0.9, livelink.COUNT)
    lines = (take_files.csv_line(k * 16_666_667, values, 60, has_face=True) for k in range(count))
    text = "".join((take_files.csv_header(), *lines))
    tracemalloc.start()
    try:
        take_files.parse_csv("take.csv", text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * values.nbytes * count  # Text in pieces needs 15 times as much.


def test_a_row_with_a_count_of_0_has_no_face(tmp_path: Path) -> None:
    lines = [HEADER, row("00:00:00:00.000", JawOpen=1.0), "00:00:00:01.000,0"]
    take = read_take(written(tmp_path, *lines))
    assert take.confidence.tolist() == [1.0, 0.0]
    assert not take.weights[1].any()


def test_tiny_negatives_are_clipped_as_the_app_writes_them(tmp_path: Path) -> None:
    take = read_take(written(tmp_path, HEADER, row("00:00:00:00.000", TongueOut=-0.00000012, CheekPuff=1.00000012)))
    np.testing.assert_array_equal(take.weights[0], arkit.weights({"cheekPuff": 1.0}))


def test_a_take_may_run_over_midnight(tmp_path: Path) -> None:
    take = read_take(written(tmp_path, HEADER, row("23:59:59:59.000"), row("00:00:00:00.000"), row("00:00:02:00.000")))
    np.testing.assert_allclose(take.time_s, [0.0, 1 / 60, 2 + 1 / 60], atol=1e-9)


def test_a_json_of_the_app_is_ignored(tmp_path: Path) -> None:
    take = read_take(written(tmp_path, HEADER, row("00:00:00:00.000"), beside={"fps": "many", "slate": "A"}))
    assert take.fps == 60.0


def test_a_take_of_the_first_version_is_still_read(tmp_path: Path) -> None:
    still = [[0.0, 0.0, 0.5]] * 2
    beside = {
        "omote_take": 1,
        "fps": 30,
        "confidence": [1.0, 0.5],
        "head_translation": still,
        "gaze": [[[0, 0]] * 2] * 2,
    }
    take = read_take(written(tmp_path, *ROWS, beside=beside))
    assert (take.fps, take.confidence.tolist(), take.timecode_ns) == (30.0, [1.0, 0.5], None)
    assert take.time_s[1] == pytest.approx(1 / 30)


def test_a_take_of_the_app_has_its_timecode(tmp_path: Path) -> None:
    take = read_take(written(tmp_path, HEADER, row("14:03:52:30.000"), row("14:03:52:31.000")))
    assert take.timecode_ns == ((14 * 60 + 3) * 60 + 52) * 1_000_000_000 + 500_000_000


ROWS = (HEADER, row("00:00:00:00.000"), row("00:00:00:01.000"))


def test_damaged_rows_are_skipped_and_the_rest_keeps_its_columns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, whole = tmp_path / "a.csv", random_take(9)
    write_take(path, whole)
    lines = path.read_text("utf-8").splitlines()
    lines[3] = lines[3][: len(lines[3]) // 2]  # cut in the middle
    lines[5] = lines[5].replace(lines[5].split(",")[4], "nothing", 1)
    lines[7] = lines[2].split(",")[0] + lines[7][lines[7].index(",") :]  # earlier than the row above
    path.write_text("\n".join(lines) + "\n", "utf-8")
    found, kept = read_take(path), [0, 1, 3, 5, 7, 8]
    np.testing.assert_allclose(found.confidence, whole.confidence[kept], atol=1e-5)
    np.testing.assert_allclose(found.head_translation, whole.head_translation[kept], atol=1e-5)
    np.testing.assert_allclose(found.weights, whole.weights[kept], atol=1e-5)
    assert "3 of 9 rows are damaged and were skipped; the first: a.csv row 4" in caplog.text


def test_the_provenance_of_a_take_cannot_control_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_take(path, replace(random_take(2), provenance="\x1b]52;c;cm0gLXJm\x07 from me\u202e" + "x" * 5000))
    found = read_take(path).provenance
    assert found.startswith("?]52;c;cm0gLXJm? from me?x")
    assert len(found) == 1000


def test_a_take_of_damaged_rows_alone_is_refused_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_take(path, random_take(4))
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], lines[1], "x", "y", lines[4]]) + "\n", "utf-8")
    with pytest.raises(TakeError, match="row 3"):
        read_take(path)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ((), "row 1: no column Timecode"),
        (("a,b",), "row 1: no column Timecode"),
        ((HEADER.replace("JawOpen", "Chin"),), r"no column JawOpen \(1 of 54"),
        ((HEADER,), "no rows"),
        ((*ROWS[:2], "soon" + ROWS[2][15:]), "row 3: the timecode is 'soon'"),
        ((*ROWS[:2], ROWS[2] + ",0"), "row 3: 64 columns; wanted 63"),
        ((*ROWS[:2], ROWS[2].replace("0.00000000", "nan", 1)), "row 3: EyeBlinkLeft is 'nan'; wanted a finite number"),
        ((*ROWS[:2], ROWS[2].replace("0.00000000", "inf", 1)), "row 3: EyeBlinkLeft is 'inf'"),
        ((*ROWS[:2], ROWS[2].replace("0.00000000", "", 1)), "row 3: EyeBlinkLeft is ''"),
        ((ROWS[0], ROWS[2], ROWS[1]), "row 3: the timecode '00:00:00:00.000' lies before the row above"),
    ],
)
def test_a_broken_csv_is_refused_by_row(tmp_path: Path, lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(TakeError, match=says):
        read_take(written(tmp_path, *lines))


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        ({"omote_take": 3}, "version 3; wanted 1 or 2"),
        ({"omote_take": 1, "fps": 0}, "fps is 0"),
        ({"omote_take": 1, "fps": float("nan")}, "fps is nan"),
        ({"omote_take": 1, "confidence": [1.0]}, r"confidence must be numbers \[2\]"),
        ({"omote_take": 1, "confidence": [1.0, 2.0]}, "confidence must be between 0 and 1"),
        ({"omote_take": 1, "gaze": [[[0, 0], [0, float("inf")]]] * 2}, "gaze must be finite"),
        ({"omote_take": 1, "gaze": "left"}, "gaze must be numbers"),
        ({"omote_take": 1, "head_translation": [[1, 2], [3]]}, "head_translation must be numbers"),
    ],
)
def test_a_broken_json_is_refused(tmp_path: Path, beside: object, says: str) -> None:
    with pytest.raises(TakeError, match=says):
        read_take(written(tmp_path, *ROWS, beside=beside))


def test_a_missing_or_binary_file_is_a_source_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"):
            read_take(path)
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    with pytest.raises(SourceError, match="cannot be read"):
        read_take(tmp_path / "bytes.csv")


# Fuzzing.

CELL = st.text(alphabet="0123456789.,:;-+einfa \n\r\0\u0663", max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
SIDECARS = st.fixed_dictionaries({"omote_take": st.just(2), "timecode_rate": JSON | st.just(60), "rows": JSON}) | (
    st.dictionaries(st.sampled_from(["fps", "confidence", "gaze", "head_translation", "provenance"]), JSON).map(
        lambda content: {"omote_take": 1, **content}
    )
)


@pytest.mark.slow
@settings(max_examples=500)
@given(st.lists(CELL, max_size=80).map(",".join) | st.text(max_size=200))
def test_random_rows_raise_nothing_but_take_error(text: str) -> None:
    for content in (text, f"{HEADER}\n{text}", f"{HEADER}\n{ROWS[1]}\n{text}"):
        with suppress(TakeError):
            rows = take_files.parse_csv("fuzz.csv", content)
            assert np.isfinite(rows.values).all()
            assert (np.diff(rows.time_s) >= 0).all()


@pytest.mark.slow
@settings(max_examples=500)
@given(SIDECARS)
def test_random_json_raises_nothing_but_take_error(tmp_path: Path, content: dict[str, object]) -> None:
    with suppress(TakeError):
        read_take(written(tmp_path, *ROWS, beside=content))


def mutated(data: st.DataObject, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".json"])
@settings(max_examples=500)
@given(st.data())
def test_changed_or_cut_files_raise_nothing_but_take_error(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / "fuzz.csv"
    write_take(path, random_take(3))
    changed = path.with_suffix(suffix)
    content = mutated(data, changed.read_bytes())
    changed.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(TakeError):
        read_take(path)
