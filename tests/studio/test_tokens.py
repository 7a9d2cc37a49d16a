"""The two words that open the page: made once, kept for one user, and replaced when that is wanted."""

from __future__ import annotations

import json
import logging
import stat
import sys
from pathlib import Path

import pytest

from omote.studio.page.tokens import FILE, Tokens, kept_tokens, renewed_tokens


def test_tokens_are_kept_so_that_a_scene_of_obs_lives_on(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    first = kept_tokens(folder)
    assert kept_tokens(folder) == first
    assert first.control != first.view
    assert min(len(first.control), len(first.view)) >= 22  # letters of 6 bits: 128 bits and more


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights, which the user's folder gives")
def test_tokens_are_read_by_nobody_else(tmp_path: Path) -> None:
    kept_tokens(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [FILE]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights, which the user's folder gives")
def test_tokens_that_others_could_read_hold_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = kept_tokens(tmp_path)
    (tmp_path / FILE).chmod(0o640)
    with caplog.at_level(logging.WARNING):
        new = kept_tokens(tmp_path)
    assert "others on this machine can read it (mode 640)" in caplog.text
    assert new.role_of(old.control) is None
    assert kept_tokens(tmp_path) == new


def test_new_tokens_shut_old_addresses_out(tmp_path: Path) -> None:
    old = kept_tokens(tmp_path)
    new = renewed_tokens(tmp_path)
    assert kept_tokens(tmp_path) == new
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
    (tmp_path / FILE).write_text(text)
    (tmp_path / FILE).chmod(0o600)
    with caplog.at_level(logging.WARNING):
        tokens = kept_tokens(tmp_path)
    assert "the page's addresses are new" in caplog.text
    assert kept_tokens(tmp_path) == tokens


def test_where_nothing_can_be_kept_there_are_tokens_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with caplog.at_level(logging.WARNING):
        tokens = kept_tokens(blocked / "folder")
    assert "hold for this run only" in caplog.text
    assert tokens.role_of(tokens.control) == "control"
    assert tokens.control not in caplog.text


def test_tokens_do_not_show_themselves() -> None:
    tokens = Tokens.random()
    assert tokens.control not in repr(tokens)
    assert tokens.view not in f"{tokens}"
