"""Which build wins a trial, and how that is remembered."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from omote.engine.errors import AnimatorError
from omote.engine.hardware import ResultCache, gpu_names
from omote.engine.model import autotune
from omote.engine.model.animator import Animator, open_renderer
from omote.engine.model.autotune import (
    MOST_NS,
    ROUNDS,
    RUNS,
    WARM_UP,
    RuntimeChoice,
    Trial,
    candidates,
    fastest,
    median_ms,
    race,
    refusals,
    remembered_choice,
    try_builds,
)
from omote.engine.model.compositing import DrawnLayers
from omote.engine.models import shipped_networks
from omote.engine.runtime.session import Build, Feeds
from omote.engine.testing.drawing import CopyingNetworks

FILES = shipped_networks()


def tried(name: str, ms: float = 0.0, refused: str = "") -> Trial:
    return Trial(Build.named(name), name, ms, None, refused)


def test_of_those_that_are_as_good_as_equal_the_likeliest_wins() -> None:
    for first_ms, second_ms in ((25.0, 24.0), (24.0, 25.0)):
        assert fastest([tried("openvino", first_ms), tried("onnxruntime", second_ms)]).runtime == "openvino"


def test_the_fastest_wins() -> None:
    assert fastest([tried("openvino", 30.0), tried("onnxruntime", 25.0)]).runtime == "onnxruntime"


def test_what_was_refused_does_not_win_and_is_told_in_one_line() -> None:
    trials = [tried("onnxruntime", refused="another picture"), tried("openvino", 50.0)]
    assert fastest(trials) == Build.named("openvino")
    assert refusals(trials) == ("onnxruntime-f32: another picture",)


def test_where_nothing_runs_openvino_is_left_to_say_why() -> None:
    assert fastest([tried("openvino", refused="cannot be loaded")]) == Build.named("openvino")


def test_a_gpu_s_runtimes_are_tried_first_and_only_where_there_is_one() -> None:
    without = [build.runtime for build in candidates(())]
    with_one = [build.runtime for build in candidates(("NVIDIA GeForce RTX 4070",))]
    assert without[0] == "openvino"
    assert with_one[:2] == ["tensorrt-rtx", "tensorrt"]
    assert with_one[-len(without) :] == without


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is an extra")
def test_an_extra_that_is_installed_is_tried() -> None:
    assert Build.named("onnxruntime") in candidates(())


def test_an_earlier_choice_is_taken(tmp_path: Path) -> None:
    kept = ResultCache(tmp_path)
    assert remembered_choice(FILES, kept) is None
    kept.put(autotune._choice_facts(FILES), {"build": "openvino-f32", "refusals": ["onnxruntime: another picture"]})
    assert remembered_choice(FILES, kept) == RuntimeChoice(
        Build.named("openvino-f32"), ("onnxruntime: another picture",)
    )


def test_a_choice_that_this_version_does_not_know_is_made_again(tmp_path: Path) -> None:
    kept = ResultCache(tmp_path)
    answers: tuple[dict[str, object], ...] = ({"build": "abacus", "refusals": []}, {"build": "openvino"}, {})
    for answer in answers:
        kept.put(autotune._choice_facts(FILES), answer)
        assert remembered_choice(FILES, kept) is None


class Clock:
    """Time that passes only while a network runs."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class Slow(CopyingNetworks):
    """Takes so long, each run by itself; then the last again and again."""

    def __init__(self, clock: Clock, *takes_ns: int) -> None:
        super().__init__()
        self.runs, self._clock, self._takes_ns = 0, clock, takes_ns

    def layers(self, inputs: Feeds) -> DrawnLayers:
        self._clock.now_ns += self._takes_ns[min(self.runs, len(self._takes_ns) - 1)]
        self.runs += 1
        return DrawnLayers(*[inputs["t"]] * 7)


def test_a_network_s_time_is_the_median_of_its_best_round() -> None:
    clock, ms = Clock(), 1_000_000
    busy = [9 * ms] * (WARM_UP + RUNS)  # something else has the machine in the first round
    networks = Slow(clock, *busy, *[9 * ms] * WARM_UP, 7 * ms, 7 * ms, 7 * ms, 30 * ms, 8 * ms)
    assert race([networks, Slow(clock, 5 * ms)], clock) == [7.0, 5.0]
    assert networks.runs == ROUNDS * (WARM_UP + RUNS)


def test_a_round_of_a_slow_network_ends_early() -> None:
    clock = Clock()
    networks = Slow(clock, MOST_NS // 2)
    median_ms(networks, autotune.zero_inputs(), clock)
    assert networks.runs == WARM_UP + 2


def test_what_breaks_down_in_a_trial_is_refused_by_its_error_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __init__(self, folder: Path, build: Build) -> None:
            raise FileNotFoundError("no such\nfile")

    monkeypatch.setattr(autotune, "Networks", Broken)
    (odd,) = try_builds(FILES, (Build("openvino", "f32"),), ResultCache(tmp_path))
    assert odd.refused == "FileNotFoundError: no such file"


@pytest.mark.skipif(bool(gpu_names()), reason="an NVIDIA GPU is here")
def test_a_choice_that_no_longer_runs_is_told_and_openvino_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    ResultCache().put(autotune._choice_facts(FILES), {"build": "tensorrt-rtx-f16", "refusals": []})
    renderer, refused = open_renderer("auto", 1)
    assert renderer.networks.build == Build.named("openvino")
    assert len(refused) == 1 and refused[0].startswith("tensorrt-rtx-f16: no NVIDIA GPU is here")
    with pytest.raises(AnimatorError, match="no NVIDIA GPU is here"):
        Animator(runtime="tensorrt-rtx")


def test_a_choice_that_cannot_be_kept_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autotune, "candidates", lambda gpus: ())
    (tmp_path / "file").write_text("", encoding="utf-8")  # no folder can be made here, for root neither
    autotune.decide(FILES, ResultCache(tmp_path / "file"))
    assert f"cannot be kept in {tmp_path / 'file'}: each start tries again" in caplog.text
