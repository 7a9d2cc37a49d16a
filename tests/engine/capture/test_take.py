"""Takes: the CSV of the Live Link Face app, the JSON beside it, and playing them."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omote.bridge import arkit, livelink
from omote.engine.capture import take_files
from omote.engine.capture.source import EndOfSource, Playback, SourceError
from omote.engine.capture.take import Take, TakeSource, csv_values, read_take, trimmed_take, write_take
from omote.engine.capture.take_files import TakeError
from omote.engine.data import Signal

HEADER = ",".join(take_files.COLUMNS)


def row(timecode: str, **named: float) -> str:
    values = {**dict.fromkeys(livelink.NAMES, 0.0), **named}
    return f"{timecode},61," + ",".join(f"{values[name]:.8f}" for name in take_files.COLUMNS[2:])


def written(folder: Path, *lines: str, beside: object = None) -> Path:
    path = folder / "take.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    if beside is not None:
        path.with_suffix(".json").write_text(json.dumps(beside), "utf-8")
    return path


def performance(count: int = 30, fps: float = 30.0, seed: int = 1) -> Take:
    rng = np.random.default_rng(seed)

    def spread(*shape: int, scale: float = 0.3) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.normal(0.0, scale, (count, *shape)).astype(np.float32)

    return Take(
        fps=fps,
        time_s=np.arange(count) / fps,
        weights=rng.uniform(0.0, 1.0, (count, arkit.COUNT)).astype(np.float32),
        head_rotation=spread(3),
        head_translation=spread(3),
        gaze=spread(2, 2),
        confidence=rng.uniform(0.0, 1.0, count).astype(np.float32),
        provenance="made of random numbers",
    )


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0, 60.0, 120.0])
def test_a_take_comes_back_with_the_printed_digits(tmp_path: Path, fps: float) -> None:
    take = performance(90, fps)
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


def test_it_is_written_under_the_header_of_the_app(tmp_path: Path) -> None:
    write_take(tmp_path / "a.csv", performance(1))
    first, second = (tmp_path / "a.csv").read_text("utf-8").splitlines()
    assert first.startswith("Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,")
    assert "JawForward,JawRight,JawLeft,JawOpen" in first  # the app's order, which is not that of its packets
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


def test_what_the_app_records_alone_is_enough(tmp_path: Path) -> None:
    lines = [
        row(f"14:03:{52 + index // 60}:{index % 60:02}.207", EyeLookUpLeft=1.0, HeadPitch=0.1) for index in range(150)
    ]
    take = read_take(written(tmp_path, "\ufeff" + HEADER, *lines))
    assert take.fps == 60.0
    np.testing.assert_allclose(take.time_s, np.arange(150) / 60, atol=1e-9)
    np.testing.assert_allclose(take.head_rotation[7], (-0.1, 0.0, 0.0), atol=1e-7)  # the app's +pitch looks up
    np.testing.assert_allclose(take.gaze[7], [[-0.36, 0.0], [0.0, 0.0]], atol=1e-6)
    assert take.confidence.tolist() == [1.0] * 150
    assert not take.head_translation.any()


def test_the_rate_of_the_timecode_is_seen_in_its_highest_frame(tmp_path: Path) -> None:
    lines = [row(f"00:00:{index // 24:02}:{index % 24:02}.000") for index in range(72)]
    assert read_take(written(tmp_path, HEADER, *lines)).fps == 24.0


def test_an_evening_is_read_in_the_room_of_its_numbers() -> None:
    count, values = 2000, np.linspace(0.1, 0.9, livelink.COUNT)
    lines = (take_files.csv_line(k * 16_666_667, values, 60, has_face=True) for k in range(count))
    text = "".join((take_files.csv_header(), *lines))
    tracemalloc.start()
    try:
        take_files.parse_csv("take.csv", text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * values.nbytes * count  # as text in pieces it were 15 times


def test_a_row_that_counts_nothing_saw_no_face(tmp_path: Path) -> None:
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


def test_a_json_of_the_app_itself_says_nothing(tmp_path: Path) -> None:
    take = read_take(written(tmp_path, HEADER, row("00:00:00:00.000"), beside={"fps": "many", "slate": "A"}))
    assert take.fps == 60.0


ROWS = (HEADER, row("00:00:00:00.000"), row("00:00:00:01.000"))


def test_damaged_rows_are_skipped_and_the_rest_keeps_its_columns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, whole = tmp_path / "a.csv", performance(9)
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


def test_where_a_take_is_from_cannot_steer_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_take(path, replace(performance(2), provenance="\x1b]52;c;cm0gLXJm\x07 from me\u202e" + "x" * 5000))
    found = read_take(path).provenance
    assert found.startswith("?]52;c;cm0gLXJm? from me?x")
    assert len(found) == 1000


def test_a_take_of_damaged_rows_alone_is_refused_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_take(path, performance(4))
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], lines[1], "x", "y", lines[4]]) + "\n", "utf-8")
    with pytest.raises(TakeError, match="row 3"):
        read_take(path)


@pytest.mark.parametrize(
    ("lines", "said"),
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
def test_a_broken_csv_is_refused_by_row(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(TakeError, match=said):
        read_take(written(tmp_path, *lines))


@pytest.mark.parametrize(
    ("beside", "said"),
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
def test_a_broken_json_is_refused(tmp_path: Path, beside: object, said: str) -> None:
    with pytest.raises(TakeError, match=said):
        read_take(written(tmp_path, *ROWS, beside=beside))


def test_a_missing_or_binary_file_is_a_source_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"):
            read_take(path)
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    with pytest.raises(SourceError, match="cannot be read"):
        read_take(tmp_path / "bytes.csv")


def test_a_take_of_odd_shapes_is_refused() -> None:
    take = performance(3)
    with pytest.raises(TakeError, match=r"gaze must be finite \[3, 2, 2\]"):
        replace(take, gaze=take.gaze[:2])
    with pytest.raises(TakeError, match="begin at 0 and never go back"):
        replace(take, time_s=take.time_s + 1.0)
    with pytest.raises(TakeError, match="weights must be between 0 and 1"):
        replace(take, weights=take.weights + 1)


CELL = st.text(alphabet="0123456789.,:;-+einfa \n\r\0\u0663", max_size=12)


@settings(max_examples=500, deadline=None)
@given(st.lists(CELL, max_size=80).map(",".join) | st.text(max_size=200))
def test_random_rows_raise_nothing_but_take_error(text: str) -> None:
    for content in (text, f"{HEADER}\n{text}", f"{HEADER}\n{ROWS[1]}\n{text}"):
        try:
            rows = take_files.parse_csv("fuzz.csv", content)
        except TakeError as error:
            assert str(error)
        else:
            assert np.isfinite(rows.values).all()
            assert (np.diff(rows.time_s) >= 0).all()


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_changed_takes_raise_nothing_but_take_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray("\n".join(ROWS).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path / "fuzz.csv"
    path.write_bytes(content)
    try:
        read_take(path)
    except TakeError as error:
        assert str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["fps", "confidence", "gaze", "head_translation", "provenance"]), JSON))
def test_random_json_raises_nothing_but_take_error(tmp_path: Path, said: dict[str, object]) -> None:
    try:
        read_take(written(tmp_path, *ROWS, beside={"omote_take": 1, **said}))
    except TakeError as error:
        assert str(error)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000
        self.slept_s: list[float] = []

    def __call__(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_ns += round(seconds * 1e9)


def playing(
    take: Take, clock: Clock, fps: float | None = None, loop: bool = False, is_offline: bool = False
) -> TakeSource:
    return TakeSource(take, "test", fps, loop, is_offline, clock, lambda: 77, clock.sleep)


def read(source: TakeSource) -> Signal:
    signal = source.read(10.0)
    assert signal
    return signal


def test_a_take_plays_in_real_time_and_ends() -> None:
    clock, take = Clock(), performance(3, 50.0)
    with playing(take, clock) as source:
        signals = [read(source) for _ in range(3)]
        with pytest.raises(EndOfSource):
            source.read(10.0)
    assert [signal.stamp.index for signal in signals] == [0, 1, 2]
    assert [signal.stamp.captured_ns for signal in signals] == [5_000_000_000, 5_020_000_000, 5_040_000_000]
    assert [signal.stamp.captured_wall_ns for signal in signals] == [77, 20_000_077, 40_000_077]
    assert clock.slept_s == [0.02, 0.02]
    np.testing.assert_array_equal(signals[2].weights, take.weights[2])
    np.testing.assert_array_equal(signals[2].gaze, take.gaze[2])
    assert signals[2].confidence == take.confidence[2]


def test_late_pictures_are_dropped_and_counted() -> None:
    clock = Clock()
    source = playing(performance(10, 50.0), clock)
    read(source)
    clock.now_ns += 70_000_000
    assert read(source).stamp.index == 3
    assert source.dropped == 2
    assert read(source).stamp.index == 4


def test_a_late_reader_still_sees_the_last_picture() -> None:
    clock = Clock()
    source = playing(performance(10, 50.0), clock)
    read(source)
    clock.now_ns += 1_000_000_000
    assert read(source).stamp.index == 9
    assert source.dropped == 8
    with pytest.raises(EndOfSource):
        source.read(1.0)


@pytest.mark.parametrize("loop", [False, True])
def test_a_machine_that_slept_plays_on_from_where_it_was(loop: bool) -> None:
    clock = Clock()
    source = playing(performance(10, 50.0), clock, loop=loop)
    read(source)
    clock.now_ns += 3_600_000_000_000
    stamps = [read(source).stamp for _ in range(2)]
    assert [stamp.index for stamp in stamps] == [1, 2]
    assert stamps[0].captured_ns == clock.now_ns - 20_000_000  # now, and not an hour ago
    assert source.dropped == 0


def test_nothing_in_time_is_none_after_the_timeout() -> None:
    clock = Clock()
    source = playing(performance(2, 1.0), clock)
    read(source)
    assert source.read(0.25) is None
    assert clock.slept_s == [0.25]
    assert read(source).stamp.index == 1


def test_a_loop_goes_on_counting_and_keeps_the_pace() -> None:
    clock = Clock()
    source = playing(performance(3, 50.0), clock, loop=True)
    stamps = [read(source).stamp for _ in range(7)]
    assert [stamp.index for stamp in stamps] == list(range(7))
    assert [stamp.captured_ns - stamps[0].captured_ns for stamp in stamps] == [20_000_000 * lap for lap in range(7)]
    clock.now_ns += 100_000_000
    assert read(source).stamp.index == 11


def test_another_rate_plays_the_same_pictures_at_it() -> None:
    clock, take = Clock(), performance(3, 60.0)
    source = playing(take, clock, fps=10.0)
    signals = [read(source) for _ in range(3)]
    assert [signal.stamp.captured_ns - 5_000_000_000 for signal in signals] == [0, 100_000_000, 200_000_000]
    np.testing.assert_array_equal(signals[1].weights, take.weights[1])


def test_offline_every_picture_comes_with_its_time_in_the_take() -> None:
    clock = Clock()
    source = playing(performance(4, 40.0), clock, is_offline=True)
    stamps = []
    for _ in range(4):
        clock.now_ns += 1_000_000_000  # a slow reader
        stamps.append(read(source).stamp)
    assert [stamp.captured_ns for stamp in stamps] == [0, 25_000_000, 50_000_000, 75_000_000]
    assert (source.dropped, clock.slept_s) == (0, [])
    with pytest.raises(EndOfSource):
        source.read(1.0)


def test_loading_a_model_before_the_first_read_loses_nothing() -> None:
    clock = Clock()
    with playing(performance(3), clock) as source:
        clock.now_ns += 10_000_000_000
        assert read(source).stamp.index == 0
        assert source.dropped == 0


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), 1001.0])
def test_an_impossible_rate_is_refused(fps: float) -> None:
    with pytest.raises(SourceError, match="pictures a second"):
        playing(performance(2), Clock(), fps=fps)


def test_half_the_speed_takes_twice_as_long_and_keeps_the_timecodes() -> None:
    clock, take = Clock(), replace(performance(4, 50.0), timecode_ns=3_600_000_000_000)
    source = TakeSource(take, "test", clock=clock, sleep=clock.sleep, loop=True, playback=Playback(speed=0.5))
    stamps = [read(source).stamp for _ in range(5)]
    assert [stamp.captured_ns - 5_000_000_000 for stamp in stamps] == [k * 40_000_000 for k in range(5)]
    assert [stamp.timecode_ns for stamp in stamps] == [3_600_000_000_000 + k % 4 * 20_000_000 for k in range(5)]


def test_a_part_begins_at_0_and_keeps_its_timecode() -> None:
    take = replace(performance(100, 50.0), timecode_ns=86_399_000_000_000)
    part = trimmed_take(take, Playback(start_s=1.0, end_s=1.5))
    assert (len(part), part.time_s[0], part.timecode_ns) == (25, 0.0, 0)  # over midnight
    np.testing.assert_array_equal(part.weights, take.weights[50:75])
    np.testing.assert_array_equal(part.gaze, take.gaze[50:75])
    rest = trimmed_take(take, Playback(start_s=1.5))
    np.testing.assert_array_equal(rest.confidence, take.confidence[75:])


def test_parts_that_meet_share_no_picture_whatever_the_digits(tmp_path: Path) -> None:
    write_take(tmp_path / "a.csv", performance(90, 29.97))
    take = read_take(tmp_path / "a.csv")
    for row in range(1, 90):
        border_s = row / 29.97
        first, second = trimmed_take(take, Playback(end_s=border_s)), trimmed_take(take, Playback(start_s=border_s))
        assert (len(first), len(second)) == (row, 90 - row)


def test_a_part_without_pictures_is_refused_with_the_length() -> None:
    with pytest.raises(TakeError, match=r"no picture lies from 5 s to 6 s: the take lasts 0\.10 s"):
        trimmed_take(performance(3), Playback(start_s=5.0, end_s=6.0))


@pytest.mark.parametrize(
    "asked", [{"start_s": 2.0, "end_s": 2.0}, {"start_s": -1.0}, {"end_s": 0.0}, {"start_s": float("nan")}]
)
def test_a_span_that_is_none_is_refused(asked: dict[str, float]) -> None:
    with pytest.raises(SourceError, match="wanted a start from 0 s on, and an end after it"):
        Playback(**asked)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(SourceError, match="speed above 0"):
        Playback(speed=speed)


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


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({"omote_take": st.just(2), "timecode_rate": JSON | st.just(60), "rows": JSON}))
def test_random_rows_in_the_json_raise_nothing_but_take_error(tmp_path: Path, said: dict[str, object]) -> None:
    try:
        read_take(written(tmp_path, *ROWS, beside=said))
    except TakeError as error:
        assert str(error)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_or_cut_sidecar_raises_nothing_but_take_error(tmp_path: Path, data: st.DataObject) -> None:
    write_take(tmp_path / "fuzz.csv", performance(3))
    path = tmp_path / "fuzz.json"
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_take(tmp_path / "fuzz.csv")
    except TakeError as error:
        assert str(error)
