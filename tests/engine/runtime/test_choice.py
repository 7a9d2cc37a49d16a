"""Which build wins a trial, and how that is remembered."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from omote.engine.animator import Animator
from omote.engine.look import AnimatorError
from omote.engine.runtime import choice
from omote.engine.runtime.build import Build
from omote.engine.runtime.choice import Choice, candidates, chosen, fastest, refusals
from omote.engine.runtime.gpu import gpu_names
from omote.engine.runtime.kept import Kept
from omote.engine.runtime.network import Array, Inputs
from omote.engine.runtime.parity import stored_reference
from omote.engine.runtime.trial import MOST_NS, ROUNDS, RUNS, WARM_UP, Trial, median_ms, race, try_builds
from omote.engine.weights import networks

FILE = networks()[-1]


def tried(name: str, ms: float = 0.0, refused: str = "") -> Trial:
    return Trial(Build.named(name), name, ms, None, refused)


def test_the_fastest_wins() -> None:
    assert fastest([tried("openvino", 30.0), tried("onnxruntime", 25.0)]).runtime == "onnxruntime"


def test_int8_wins_only_where_it_is_a_quarter_faster() -> None:
    assert fastest([tried("openvino", 50.0), tried("openvino-int8", 40.0)]).precision == "int8"
    assert fastest([tried("openvino", 50.0), tried("openvino-int8", 40.1)]).precision == ""


def test_int8_is_held_against_the_fastest_of_the_others() -> None:
    trials = [tried("openvino", 60.0), tried("openvino-int8", 40.0), tried("onnxruntime", 45.0)]
    assert fastest(trials).runtime == "onnxruntime"


def test_what_was_refused_does_not_win_and_is_told_in_one_line() -> None:
    trials = [tried("openvino-int8", refused="another picture"), tried("openvino", 50.0)]
    assert fastest(trials) == Build.named("openvino")
    assert refusals(trials) == ("openvino-int8: another picture",)


def test_where_nothing_runs_openvino_is_left_to_say_why() -> None:
    assert fastest([tried("openvino", refused="cannot be loaded")]) == Build.named("openvino")


def test_a_gpu_s_runtimes_are_tried_first_and_only_where_there_is_one() -> None:
    without = [build.runtime for build in candidates(256, ())]
    with_one = [build.runtime for build in candidates(256, ("NVIDIA GeForce RTX 4070",))]
    assert without[:2] == ["openvino", "openvino"]
    assert with_one[:2] == ["tensorrt-rtx", "tensorrt"]
    assert with_one[-len(without) :] == without


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is an extra")
def test_an_extra_that_is_installed_is_tried() -> None:
    assert Build.named("onnxruntime", 128) in candidates(128, ())


def test_an_earlier_choice_is_taken_for_its_size_alone(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    facts = choice._facts(FILE, 192)
    kept.put(facts, {"build": "openvino-int8", "refusals": ["onnxruntime: another picture"]})
    assert chosen(FILE, 192, kept) == Choice(Build.named("openvino-int8", 192), ("onnxruntime: another picture",))
    assert chosen(FILE, 256, kept) is None


def test_a_choice_that_this_version_does_not_know_is_made_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    answers: tuple[dict[str, object], ...] = ({"build": "abacus", "refusals": []}, {"build": "openvino"}, {})
    for answer in answers:
        kept.put(choice._facts(FILE, 256), answer)
        assert chosen(FILE, 256, kept) is None


class Clock:
    """Time that passes only while a network runs."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class Slow:
    """A network that takes so long, each run by itself; then the last again and again."""

    name = "slow cpu f32"

    def __init__(self, clock: Clock, *takes_ns: int) -> None:
        self.runs, self._clock, self._takes_ns = 0, clock, takes_ns

    def run(self, inputs: Inputs) -> Array:
        self._clock.now_ns += self._takes_ns[min(self.runs, len(self._takes_ns) - 1)]
        self.runs += 1
        return np.zeros((1, 4, 128, 128), np.float32)


def test_a_network_s_time_is_the_median_of_its_best_round() -> None:
    clock, ms = Clock(), 1_000_000
    busy = [9 * ms] * (WARM_UP + RUNS)  # somebody else has the machine in the first round
    network = Slow(clock, *busy, *[9 * ms] * WARM_UP, 7 * ms, 7 * ms, 7 * ms, 30 * ms, 8 * ms)
    assert race([network, Slow(clock, 5 * ms)], stored_reference().at(128, 1), clock) == [7.0, 5.0]
    assert network.runs == ROUNDS * (WARM_UP + RUNS)


def test_a_round_of_a_slow_network_ends_early() -> None:
    clock = Clock()
    network = Slow(clock, MOST_NS // 2)
    median_ms(network, stored_reference().at(128, 1), clock)
    assert network.runs == WARM_UP + 2


def test_what_breaks_down_in_a_trial_is_refused_by_its_error_in_one_line(tmp_path: Path) -> None:
    (odd,) = try_builds(FILE, (Build("openvino", "f32", 160),), Kept(tmp_path))  # of which there is no reference
    assert odd.refused.startswith("FileNotFoundError: ") and "160.png" in odd.refused and "\n" not in odd.refused


@pytest.mark.skipif(bool(gpu_names()), reason="an NVIDIA GPU is here")
def test_a_choice_that_no_longer_runs_is_told_and_openvino_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    Kept().put(choice._facts(FILE, 128), {"build": "tensorrt-rtx-f16", "refusals": []})
    animator = Animator(128, runtime="auto")
    assert animator.painter.build == Build.named("openvino", 128)
    assert len(animator.refusals) == 1 and animator.refusals[0].startswith("tensorrt-rtx-f16: no NVIDIA GPU is here")
    with pytest.raises(AnimatorError, match="no NVIDIA GPU is here"):
        Animator(128, runtime="tensorrt-rtx")


def test_a_choice_that_cannot_be_kept_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")  # no folder can be made here, for root neither
    choice.decide(FILE, 128, Kept(tmp_path / "file"))
    assert f"cannot be kept in {tmp_path / 'file'}: each start tries again" in caplog.text
