"""Every runtime draws the reference's picture, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.hardware import ResultCache
from omote.engine.model import autotune
from omote.engine.model.networks import Networks
from omote.engine.models import WEIGHTS_FOLDER, networks_in
from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.testing.drawing import CopyingNetworks
from omote.engine.training import release


class Copying(CopyingNetworks):
    """Networks in a folder with a reference of their own."""

    def __init__(self, folder: Path, name: str = "copying cpu f32") -> None:
        super().__init__()
        self.session.name, self.files = name, networks_in(folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the reference that copying networks draw of the shipped character."""
    for name in ("denoiser", "encoder"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
    monkeypatch.setattr(release, "Networks", lambda folder, build: Copying(folder))
    release.write_reference(tmp_path, autotune.reference_character(WEIGHTS_FOLDER))
    return tmp_path


def spoil(folder: Path, levels: int) -> None:
    picture = np.asarray(Image.open(folder / autotune.PICTURE)).astype(int)
    Image.fromarray(np.clip(picture + levels, 0, 255).astype(np.uint8), "RGBA").save(folder / autotune.PICTURE)


def test_openvino_draws_the_shipped_reference() -> None:
    networks = Networks()
    found = autotune.measure_parity(networks)
    assert found.fits(autotune.precision_of(networks.name)), found


def test_the_shipped_reference_is_copied_from_as_many_pictures_as_are_copied_from_at_once() -> None:
    assert 1 <= len(autotune.reference_character(WEIGHTS_FOLDER).references) <= 3


def test_the_same_picture_is_120_db(folder: Path) -> None:
    found = autotune.measure_parity(Copying(folder), folder)
    assert found.max_abs == 0
    assert found.psnr_db == pytest.approx(autotune.SAME_DB)


def test_another_picture_is_refused_with_what_was_found_and_wanted(folder: Path, tmp_path: Path) -> None:
    spoil(folder, 20)
    with pytest.raises(RuntimeUnavailable, match=r"copying cpu f32 draws .* levels off, wanted 60 dB and 16 levels"):
        autotune.require_parity(Copying(folder), ResultCache(tmp_path / "kept"))


def test_a_refusal_is_remembered_as_well_as_a_likeness(folder: Path, tmp_path: Path) -> None:
    kept, good = ResultCache(tmp_path / "kept"), Copying(folder)
    for _ in range(2):
        assert autotune.require_parity(good, kept) is not None
    assert good.session.calls == 1
    bad = Copying(folder, "spoilt cpu f32")
    spoil(folder, 20)
    for _ in range(2):
        with pytest.raises(RuntimeUnavailable):
            autotune.require_parity(bad, kept)
    assert bad.session.calls == 1


@pytest.mark.parametrize("damaged", [{}, {"max_abs": "few", "psnr_db": 99.0}, {"max_abs": 1, "psnr_db": None}])
def test_what_is_remembered_in_other_words_is_found_out_again(
    folder: Path, tmp_path: Path, damaged: dict[str, object]
) -> None:
    kept, networks = ResultCache(tmp_path / "kept"), Copying(folder)
    kept.put(autotune._parity_facts(networks, folder), damaged)
    found = autotune.require_parity(networks, kept)
    assert found is not None and found.max_abs == 0


def test_networks_without_a_reference_are_not_judged(folder: Path, tmp_path: Path) -> None:
    (folder / autotune.CHARACTER).unlink()
    assert autotune.require_parity(Copying(folder), ResultCache(tmp_path / "kept")) is None


def test_the_last_precision_that_a_name_says_counts() -> None:
    for name, precision in (("openvino cpu bf16", "bf16"), ("tensorrt NVIDIA L4 f16", "f16"), ("anything", "f32")):
        assert autotune.precision_of(name) == precision
