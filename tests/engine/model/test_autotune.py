"""Which build wins a trial, how that is kept, and that every runtime draws the reference picture or is refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
from omote.engine.model.networks import Networks
from omote.engine.model.renderer import MOST_AT_ONCE
from omote.engine.models import WEIGHTS_FOLDER, networks_in, shipped_networks
from omote.engine.runtime.session import Build, Feeds, RuntimeUnavailable
from omote.engine.testing.clock import ManualClock
from omote.engine.testing.drawing import CopyingNetworks
from omote.engine.training import release

FILES = shipped_networks()


def trial(name: str, ms: float = 0.0, refused: str = "") -> Trial:
    return Trial(Build.named(name), name, ms, None, refused)


@pytest.mark.parametrize(
    ("trials", "winner"),
    [
        ([trial("openvino", 30.0), trial("onnxruntime", 25.0)], "onnxruntime"),
        # Similar builds: the first one, so that noise does not decide.
        ([trial("openvino", 25.0), trial("onnxruntime", 24.0)], "openvino"),
        ([trial("openvino", 24.0), trial("onnxruntime", 25.0)], "openvino"),
        ([trial("onnxruntime", refused="another picture"), trial("openvino", 50.0)], "openvino"),
        ([trial("openvino", refused="cannot be loaded")], "openvino"),
    ],
)
def test_the_fastest_build_that_runs_wins(trials: list[Trial], winner: str) -> None:
    assert fastest(trials) == Build.named(winner)


def test_refusals_are_one_line_each() -> None:
    trials = [trial("onnxruntime", refused="another picture"), trial("openvino", 50.0)]
    assert refusals(trials) == ("onnxruntime-f32: another picture",)


def test_runtimes_for_gpus_are_tried_first_and_only_with_a_gpu() -> None:
    without = [build.runtime for build in candidates(())]
    with_one = [build.runtime for build in candidates(("NVIDIA GeForce RTX 4070",))]
    assert without[0] == "openvino"
    assert with_one[:2] == ["tensorrt-rtx", "tensorrt"]
    assert with_one[-len(without) :] == without


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is an extra")
def test_an_extra_that_is_installed_is_tried() -> None:
    assert Build.named("onnxruntime") in candidates(())


def test_an_earlier_choice_is_used(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    assert remembered_choice(FILES, cache) is None
    cache.put(autotune._choice_facts(FILES), {"build": "openvino-f32", "refusals": ["onnxruntime: another picture"]})
    assert remembered_choice(FILES, cache) == RuntimeChoice(
        Build.named("openvino-f32"), ("onnxruntime: another picture",)
    )


def test_a_choice_that_this_version_does_not_have_is_made_again(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    results: tuple[dict[str, object], ...] = ({"build": "abacus", "refusals": []}, {"build": "openvino"}, {})
    for result in results:
        cache.put(autotune._choice_facts(FILES), result)
        assert remembered_choice(FILES, cache) is None


class SlowNetworks(CopyingNetworks):
    """Each run takes the next of these times, and the last one from then on."""

    def __init__(self, clock: ManualClock, *takes_ns: int) -> None:
        super().__init__()
        self.runs, self._clock, self._takes_ns = 0, clock, takes_ns

    def layers(self, inputs: Feeds) -> DrawnLayers:
        self._clock.now_ns += self._takes_ns[min(self.runs, len(self._takes_ns) - 1)]
        self.runs += 1
        return DrawnLayers(*[inputs["t"]] * 7)


def test_a_network_s_time_is_the_median_of_its_best_round() -> None:
    clock, ms = ManualClock(), 1_000_000
    busy = [9 * ms] * (WARM_UP + RUNS)  # the machine is busy in the first round
    networks = SlowNetworks(clock, *busy, *[9 * ms] * WARM_UP, 7 * ms, 7 * ms, 7 * ms, 30 * ms, 8 * ms)
    assert race([networks, SlowNetworks(clock, 5 * ms)], clock) == [7.0, 5.0]
    assert networks.runs == ROUNDS * (WARM_UP + RUNS)


def test_a_round_of_a_slow_network_ends_early() -> None:
    clock = ManualClock()
    networks = SlowNetworks(clock, MOST_NS // 2)
    median_ms(networks, autotune.zero_inputs(), clock)
    assert networks.runs == WARM_UP + 2


def test_a_build_that_fails_in_a_trial_is_refused_by_its_error_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __init__(self, folder: Path, build: Build) -> None:
            raise FileNotFoundError("no such\nfile")

    monkeypatch.setattr(autotune, "Networks", Broken)
    (failed,) = try_builds(FILES, (Build("openvino", "f32"),), ResultCache(tmp_path))
    assert failed.refused == "FileNotFoundError: no such file"


@pytest.mark.skipif(bool(gpu_names()), reason="an NVIDIA GPU is here")
def test_openvino_replaces_a_choice_that_no_longer_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    ResultCache().put(autotune._choice_facts(FILES), {"build": "tensorrt-rtx-f16", "refusals": []})
    renderer, refused = open_renderer("auto", 1)
    assert renderer.networks.build == Build.named("openvino")
    assert len(refused) == 1 and refused[0].startswith("tensorrt-rtx-f16: no NVIDIA GPU is here")
    with pytest.raises(AnimatorError, match="no NVIDIA GPU is here"):
        Animator(runtime="tensorrt-rtx")


def test_a_choice_that_cannot_be_stored_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autotune, "candidates", lambda gpus: ())
    (tmp_path / "file").write_text("", encoding="utf-8")  # not even root can make a folder here
    autotune.decide(FILES, ResultCache(tmp_path / "file"))
    assert f"cannot be stored in {tmp_path / 'file'}: each start tries again" in caplog.text


# The reference picture.


class NamedNetworks(CopyingNetworks):
    """Copying networks under a name, in a folder with a reference picture."""

    def __init__(self, folder: Path, name: str = "copying cpu f32") -> None:
        super().__init__()
        self.session.name, self.files = name, networks_in(folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the reference picture that copying networks draw of the shipped character."""
    for name in ("denoiser", "encoder"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
    monkeypatch.setattr(release, "Networks", lambda folder, build: NamedNetworks(folder))
    release.write_reference(tmp_path, autotune.reference_character(WEIGHTS_FOLDER))
    return tmp_path


def spoil(folder: Path, levels: int) -> None:
    picture = np.asarray(Image.open(folder / autotune.PICTURE)).astype(int)
    Image.fromarray(np.clip(picture + levels, 0, 255).astype(np.uint8), "RGBA").save(folder / autotune.PICTURE)


def test_openvino_draws_the_shipped_reference() -> None:
    networks = Networks()
    found = autotune.measure_parity(networks)
    assert found.fits(autotune.precision_of(networks.name)), found


def test_the_reference_picture_copies_from_all_references_of_its_character() -> None:
    assert 1 <= len(autotune.reference_character(WEIGHTS_FOLDER).references) <= MOST_AT_ONCE


def test_the_same_picture_is_120_db(folder: Path) -> None:
    found = autotune.measure_parity(NamedNetworks(folder), folder)
    assert found.max_abs == 0
    assert found.psnr_db == pytest.approx(autotune.SAME_DB)


def test_another_picture_is_refused_with_the_found_and_the_wanted_difference(folder: Path, tmp_path: Path) -> None:
    spoil(folder, 20)
    with pytest.raises(RuntimeUnavailable, match=r"copying cpu f32 draws .* levels off, wanted 60 dB and 16 levels"):
        autotune.require_parity(NamedNetworks(folder), ResultCache(tmp_path / "kept"))


def test_both_a_refusal_and_a_success_are_stored(folder: Path, tmp_path: Path) -> None:
    cache, good = ResultCache(tmp_path / "kept"), NamedNetworks(folder)
    for _ in range(2):
        assert autotune.require_parity(good, cache) is not None
    assert good.session.calls == 1
    bad = NamedNetworks(folder, "spoilt cpu f32")
    spoil(folder, 20)
    for _ in range(2):
        with pytest.raises(RuntimeUnavailable):
            autotune.require_parity(bad, cache)
    assert bad.session.calls == 1


@pytest.mark.parametrize("damaged", [{}, {"max_abs": "few", "psnr_db": 99.0}, {"max_abs": 1, "psnr_db": None}])
def test_a_damaged_stored_parity_is_measured_again(folder: Path, tmp_path: Path, damaged: dict[str, object]) -> None:
    cache, networks = ResultCache(tmp_path / "kept"), NamedNetworks(folder)
    cache.put(autotune._parity_facts(networks, folder), damaged)
    found = autotune.require_parity(networks, cache)
    assert found is not None and found.max_abs == 0


def test_networks_without_a_reference_picture_are_accepted(folder: Path, tmp_path: Path) -> None:
    (folder / autotune.CHARACTER).unlink()
    assert autotune.require_parity(NamedNetworks(folder), ResultCache(tmp_path / "kept")) is None


def test_the_precision_is_the_last_one_in_a_name() -> None:
    for name, precision in (("openvino cpu bf16", "bf16"), ("tensorrt NVIDIA L4 f16", "f16"), ("anything", "f32")):
        assert autotune.precision_of(name) == precision
