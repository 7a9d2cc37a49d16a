"""What was set on the page is there at the next start, whatever happens to the file."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.engine.face.tuning import Tuning
from omote.studio.app.config import DEFAULTS, load_config
from omote.studio.app.hotkeys import Hotkey
from omote.studio.app.lighting import LightChoice
from omote.studio.app.settings import (
    SETTINGS_FILE,
    WRITE_DELAY_S,
    Settings,
    SettingsStore,
    config_from_settings,
    load_settings,
    settings_folder,
)
from omote.studio.app.validation import MAX_DEPTH, JsonError, parse_json

CHOSEN = Settings(
    tuning=Tuning().changed({"gain": {"mouth": 1.5}, "mirror": True}),
    light=LightChoice().changed({"mode": "ball", "direction": [1, 0, 0]}),
    hotkeys=(Hotkey("wink", "Wink", "w", on="smile", weights={"eyeBlinkLeft": 1.0}, mode="timer"),),
    character="noah",
    actor="mika",
)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_folder_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMOTE_SETTINGS", str(tmp_path))
    assert settings_folder() == tmp_path
    monkeypatch.delenv("OMOTE_SETTINGS")
    assert settings_folder().name == "omote"


def test_all_that_was_set_comes_back(tmp_path: Path) -> None:
    store = SettingsStore(Settings(), tmp_path)
    store.update(lambda _: CHOSEN)
    store.write()
    assert load_settings(tmp_path) == CHOSEN


def test_a_slider_that_is_dragged_writes_once_in_a_while_and_nothing_unwritten_is_a_second_old(tmp_path: Path) -> None:
    clock = Clock()
    store = SettingsStore(Settings(), tmp_path, clock)
    written = []
    for share in range(10):
        tuning = Tuning().changed({"head": share / 10})
        store.update(lambda one, tuning=tuning: replace(one, tuning=tuning))  # type: ignore[misc]
        clock.now_s += WRITE_DELAY_S / 2
        store.tick()
        written.append((tmp_path / SETTINGS_FILE).exists() and load_settings(tmp_path).tuning.head)
    assert written == [False, 0.1, 0.1, 0.3, 0.3, 0.5, 0.5, 0.7, 0.7, 0.9]
    assert WRITE_DELAY_S < 1.0


def test_without_a_change_nothing_is_written(tmp_path: Path) -> None:
    store = SettingsStore(Settings(), tmp_path)
    store.write()
    assert list(tmp_path.iterdir()) == []


def test_without_a_file_all_is_as_usual(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_settings(tmp_path / "nowhere") == Settings()
    assert caplog.text == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"a": NaN}', "[" * 10_000, "\udcff"])
def test_a_damaged_file_is_renamed_with_one_warning(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    with caplog.at_level(logging.WARNING):
        assert load_settings(tmp_path) == Settings()
    assert [one.name for one in tmp_path.iterdir()] == ["page.damaged.json"]
    assert len(caplog.records) == 1
    assert "\n" not in caplog.records[0].getMessage()
    assert load_settings(tmp_path) == Settings()
    assert len(caplog.records) == 1  # the second start has nothing to complain of


def test_one_wrong_value_costs_no_more_than_its_own_section(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = {**CHOSEN.as_json(), "light": {"mode": "disco"}, "actor": 7}
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(said))
    with caplog.at_level(logging.WARNING):
        found = load_settings(tmp_path)
    assert found == replace(CHOSEN, light=LightChoice(), actor=None)
    assert "disco" in caplog.text
    assert (tmp_path / "page.damaged.json").exists()
    assert load_settings(tmp_path) == found  # a run reads it twice, and the next start again
    assert len(caplog.records) == 1


def test_what_a_newer_omote_keeps_is_left_out_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / SETTINGS_FILE).write_text(json.dumps({**CHOSEN.as_json(), "version": 9, "smell": "roses"}))
    assert load_settings(tmp_path) == CHOSEN
    assert caplog.text == ""


def test_a_folder_that_cannot_be_written_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    store = SettingsStore(Settings(), tmp_path / "file" / "folder")
    for _ in range(2):
        store.update(lambda _: CHOSEN)
        store.write()
    assert len(caplog.records) == 1
    assert store.settings == CHOSEN


def test_a_flag_wins_over_the_file_and_the_file_over_what_was_chosen_on_the_page(tmp_path: Path) -> None:
    kept = config_from_settings(CHOSEN)
    assert (kept.character, kept.actor) == ("noah", "mika")
    written = tmp_path / "config.toml"
    written.write_text('character = "noah"\n')
    config = load_config(written, kept)
    assert (config.character, config.actor) == ("noah", "mika")
    assert load_config(written) == replace(DEFAULTS, character="noah")


def test_a_missing_character_does_not_stop_a_start(caplog: pytest.LogCaptureFixture) -> None:
    assert config_from_settings(replace(CHOSEN, character="gone", actor=None)) == DEFAULTS
    assert 'no character "gone"' in caplog.text


TEXTS = st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))


@given(TEXTS)
def test_any_bytes_are_json_or_refused(text: bytes) -> None:
    with suppress(JsonError):
        parse_json(text)


def test_json_is_read_to_a_depth_and_no_further() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for text in ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), '{"a":' * 50_000, "1" * 10_000, "1" * 301, "-Infinity"):
        with pytest.raises(JsonError):
            parse_json(text)
