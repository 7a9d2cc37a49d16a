"""`omote keys`, as a person meets it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from omote.bridge.keys import ClientKeys, ServerKeys
from omote.studio.app.config import keys_folder
from omote.studio.cli.main import main
from tests.studio.commands import error_line


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, and no keys of the user's."""
    monkeypatch.setenv("OMOTE_KEYS", str(tmp_path / "keys"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_first_key_makes_the_servers_pair_too_and_says_what_to_do(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "new", "studio-pc"]) == 0
    said = capsys.readouterr().out
    client, server = ClientKeys.load(here / "studio-pc.omote-key"), ServerKeys.load(keys_folder())
    assert client.server == server.public
    assert server.allows(client.public)
    assert f"made this machine's own key pair: {keys_folder() / 'server.toml'}" in said
    assert str(here / "studio-pc.omote-key") in said
    assert "copy the file to studio-pc" in said
    assert "omote live --curve" in said
    assert "--video-endpoint tcp://0.0.0.0:5557" in said
    assert ":5557 --key studio-pc.omote-key" in said
    assert client.secret not in said


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX")
def test_what_it_writes_is_for_the_owner_alone(here: Path) -> None:
    main(["keys", "new", "a", "--out", str(here / "carry")])
    for path in (here / "carry", keys_folder() / "server.toml", keys_folder() / "clients" / "a.toml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_servers_pair_is_made_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new"]) == 0
    first = ServerKeys.load(keys_folder())
    assert main(["keys", "new"]) == 0
    assert main(["keys", "new", "a"]) == 0
    assert ServerKeys.load(keys_folder()) == first
    assert capsys.readouterr().out.count("made this machine's own key pair") == 1


def test_a_key_file_is_replaced_only_on_demand(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new", "a"]) == 0
    first = ClientKeys.load(here / "a.omote-key")
    assert "replace it with --overwrite" in error_line(capsys, "keys", "new", "a")
    assert "replace it with --overwrite" in error_line(capsys, "keys", "new", "b", "--out", "a.omote-key")
    assert ClientKeys.load(here / "a.omote-key") == first
    assert main(["keys", "new", "a", "--overwrite"]) == 0
    assert not ServerKeys.load(keys_folder()).allows(first.public)


def test_the_list_names_admitted_machines_until_they_are_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list"]) == 0
    assert "no machine is admitted" in capsys.readouterr().out
    for name in ("b", "a"):
        main(["keys", "new", name])
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]
    assert main(["keys", "remove", "a"]) == 0
    assert "a is no longer admitted" in capsys.readouterr().out
    assert "a has no key; on the list: b" in error_line(capsys, "keys", "remove", "a")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("new", "../a"), "a client's name is"),
        (("new", "--out", "a"), "omote keys new NAME"),
        (("new", "a", "--out", "plain/a"), "cannot be written"),
    ],
)
def test_an_error_is_one_line(arguments: tuple[str, ...], wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("plain").touch()
    assert wanted in error_line(capsys, "keys", *arguments)
