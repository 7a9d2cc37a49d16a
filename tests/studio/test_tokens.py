"""The two words that open the page: made once, kept for one user, and replaced when that is wanted."""

from __future__ import annotations

import json
import logging
import stat
import sys
from pathlib import Path

import pytest

from omote.studio.page.access import TOKENS_FILE, Tokens, load_tokens, renew_tokens


def test_tokens_are_kept_so_that_a_scene_of_obs_lives_on(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    first = load_tokens(folder)
    assert load_tokens(folder) == first
    assert first.control != first.view
    assert min(len(first.control), len(first.view)) >= 22  # letters of 6 bits: 128 bits and more


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights, which the user's folder gives")
def test_tokens_are_read_by_nobody_else(tmp_path: Path) -> None:
    load_tokens(tmp_path)
    assert stat.S_IMODE((tmp_path / TOKENS_FILE).stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [TOKENS_FILE]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights, which the user's folder gives")
def test_tokens_that_others_could_read_hold_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = load_tokens(tmp_path)
    (tmp_path / TOKENS_FILE).chmod(0o640)
    with caplog.at_level(logging.WARNING):
        new = load_tokens(tmp_path)
    assert "others on this machine can read it (mode 640)" in caplog.text
    assert new.role_of(old.control) is None
    assert load_tokens(tmp_path) == new


def test_new_tokens_shut_old_addresses_out(tmp_path: Path) -> None:
    old = load_tokens(tmp_path)
    new = renew_tokens(tmp_path)
    assert load_tokens(tmp_path) == new
    assert new.role_of(old.control) is None
    assert new.role_of(old.view) is None


def test_each_token_opens_what_it_is_for_and_no_other_word_opens_anything() -> None:
    tokens = Tokens.random()
    assert tokens.role_of(tokens.control) == "control"
    assert tokens.role_of(tokens.view) == "view"
    for word in ("", "x", tokens.control[:-1], tokens.control + "x", tokens.view.swapcase(), "é", "\ud800"):
        assert tokens.role_of(word) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        '{"control": "short", "view": "shorter"}',
        '{"control": 1, "view": 2}',
        json.dumps({"control": "a" * 32}),
        json.dumps({"control": "a" * 32, "view": "a" * 32}),
        json.dumps({"control": "a b" * 20, "view": "c" * 32}),
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_replaced_and_said(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / TOKENS_FILE).write_text(text)
    (tmp_path / TOKENS_FILE).chmod(0o600)
    with caplog.at_level(logging.WARNING):
        tokens = load_tokens(tmp_path)
    assert "the page's addresses are new" in caplog.text
    assert load_tokens(tmp_path) == tokens


def test_where_nothing_can_be_kept_there_are_tokens_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with caplog.at_level(logging.WARNING):
        tokens = load_tokens(blocked / "folder")
    assert "hold for this run only" in caplog.text
    assert tokens.role_of(tokens.control) == "control"
    assert tokens.control not in caplog.text


def test_tokens_do_not_show_themselves() -> None:
    tokens = Tokens.random()
    assert tokens.control not in repr(tokens)
    assert tokens.view not in f"{tokens}"
