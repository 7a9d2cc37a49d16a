"""Engines on disk: the one that fits is found, any other is refused with the difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.runtime.tensorrt_engine import (
    EngineMismatch,
    EngineSpec,
    find_engine,
    keep_engine,
    read_engine,
    read_engine_label,
    save_engine,
)

SPEC = EngineSpec("5977" * 16, "f16", "0123456789ab", "tensorrt-rtx 1.7.1")
ENGINE = b"kernels and weights"


def saved(folder: Path) -> Path:
    return save_engine(folder, ENGINE, SPEC, ("sm86", "sm89"), "2026-11-22T12:00:00+00:00")


def test_an_engine_is_read_for_each_of_its_targets(tmp_path: Path) -> None:
    path = saved(tmp_path / "engines")
    assert read_engine(path, SPEC, "sm86") == read_engine(path, SPEC, "sm89") == ENGINE
    assert read_engine_label(path).make == SPEC
    assert [each.name for each in sorted(path.parent.iterdir())] == [path.name, path.with_suffix(".json").name]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (replace(SPEC, network="0bad" * 16), "network 597759775977597759775977, wanted 0bad0bad0bad0bad0bad0bad"),
        (replace(SPEC, library="tensorrt-rtx 1.8.0"), "library tensorrt-rtx 1.7.1, wanted tensorrt-rtx 1.8.0"),
        (replace(SPEC, shapes="fedcba987654"), "shapes 0123456789ab, wanted fedcba987654"),
    ],
)
def test_an_engine_of_another_spec_is_refused_by_what_differs(tmp_path: Path, wanted: EngineSpec, said: str) -> None:
    with pytest.raises(EngineMismatch, match=f"was made of another {said}: omote compile --again"):
        read_engine(saved(tmp_path), wanted, "sm89")


def test_an_engine_for_other_gpus_is_refused_with_those_it_is_for(tmp_path: Path) -> None:
    with pytest.raises(EngineMismatch, match="was made for sm86, sm89, wanted sm120"):
        read_engine(saved(tmp_path), SPEC, "sm120")


def test_a_damaged_engine_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    path.write_bytes(ENGINE[:-1])
    with pytest.raises(EngineMismatch, match="is damaged"):
        read_engine(path, SPEC, "sm89")


@pytest.mark.parametrize("label", ["", "[]", '{"make": {}}', '{"make": {"size": 1, "else": 2}}'])
def test_an_engine_whose_label_is_nonsense_is_refused(tmp_path: Path, label: str) -> None:
    path = saved(tmp_path)
    path.with_suffix(".json").write_text(label)
    with pytest.raises(EngineMismatch, match=r"json is missing or damaged"):
        read_engine(path, SPEC, "sm89")


def test_a_folder_that_cannot_be_made_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "engines").write_text("a file where a folder should be")
    with pytest.raises(RuntimeUnavailable, match=r"the engine cannot be kept in .*engines .*--out"):
        saved(tmp_path / "engines")


def test_of_all_engines_in_a_folder_the_one_that_fits_is_found(tmp_path: Path) -> None:
    assert find_engine(tmp_path / "none", SPEC, "sm89") is None
    other = replace(SPEC, shapes="fedcba987654")
    save_engine(tmp_path, b"larger", other, ("sm89",), "2026-11-22T12:00:00+00:00")
    path = saved(tmp_path)
    assert find_engine(tmp_path, SPEC, "sm89") == (path, ENGINE)
    assert find_engine(tmp_path, SPEC, "sm120") is None


def test_an_engine_that_cannot_be_kept_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "omote").write_text("", encoding="utf-8")  # no folder can be made here, not even by root
    (tmp_path / "Library").write_text("", encoding="utf-8")
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert not keep_engine(ENGINE, SPEC, "sm89", "2026-11-22T12:00:00+00:00").exists()
    assert "each start builds it again" in caplog.text
