"""Encryption of the Unity core: who has a key that is known is let in, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omote.bridge import keys, picture
from omote.bridge.control import ControlServer
from omote.bridge.keys import ServerKeys
from omote.bridge.publisher import Publisher

from ..bridge.probe import Command, Probe, ask
from ..bridge.sending import FREE_PORT, checksum, noise, shot, wait_for
from .test_probe_control import echo

SIDE = 32


@pytest.fixture
def server(tmp_path: Path) -> ServerKeys:
    return keys.make_server(tmp_path / "server")


@pytest.fixture
def client(server: ServerKeys, tmp_path: Path) -> Path:
    """The file of a client that is let in."""
    path = tmp_path / "unity.omote-key"
    keys.make_client(server, "unity", path)
    return path


def of_another_server(folder: Path) -> Path:
    keys.make_client(keys.make_server(folder / "another"), "unity", folder / "another.omote-key")
    return folder / "another.omote-key"


def taken_off_the_list(folder: Path) -> Path:
    server = ServerKeys.load(folder / "server")
    keys.make_client(server, "gone", folder / "gone.omote-key")
    keys.remove_client(server.clients, "gone")
    return folder / "gone.omote-key"


def test_client_that_is_known_receives(probe: Command, server: ServerKeys, client: Path) -> None:
    video = noise(1, SIDE)
    with Publisher(FREE_PORT, FREE_PORT, keys=server) as source:
        with Probe(probe, source.video_endpoint, "--keys", client, "--frames", "--count", 1) as listener:
            listener.line_that_begins("ready")
            wait_for(lambda: "v/omote" in source.listening)
            source.publish(shot(5, video))
            assert listener.line_that_begins("frame").split()[5] == checksum(video, picture.RGBA8)
        assert source.rejected_handshakes == 0


@pytest.mark.parametrize(
    ("key_of", "said"),
    [(of_another_server, "the key file is of another Omote"), (taken_off_the_list, "does not know this key")],
)
def test_client_that_is_not_known_is_refused_and_told(
    probe: Command, server: ServerKeys, tmp_path: Path, key_of: Callable[[Path], Path], said: str
) -> None:
    with Publisher(FREE_PORT, FREE_PORT, keys=server) as source:
        arguments = ("--keys", key_of(tmp_path), "--until-error")
        with Probe(probe, source.video_endpoint, *arguments) as listener:
            wait_for(lambda: source.rejected_handshakes > 0)
            figures = listener.figures()
    assert figures["received"] == 0
    assert said in str(figures["error"])


def test_client_that_is_let_in_later_need_not_be_started_again(
    probe: Command, server: ServerKeys, client: Path
) -> None:
    entry = server.clients / "unity.toml"
    elsewhere = entry.rename(entry.with_suffix(".away"))
    with (
        Publisher(FREE_PORT, FREE_PORT, keys=server) as source,
        Probe(probe, source.video_endpoint, "--keys", client, "--frames", "--count", 1) as listener,
    ):
        wait_for(lambda: source.rejected_handshakes > 0)
        elsewhere.rename(entry)
        listener.line_that_begins("ready")
        wait_for(lambda: "v/omote" in source.listening)
        source.publish(shot(5, noise(1, SIDE)))
        listener.line_that_begins("frame 5")


@pytest.mark.parametrize("transport", ["managed", "libzmq"])
def test_client_without_a_key_is_refused(probe: Command, server: ServerKeys, transport: str) -> None:
    arguments = ("--transport", transport, "--until-error")
    with (
        Publisher(FREE_PORT, FREE_PORT, keys=server) as source,
        Probe(probe, source.video_endpoint, *arguments) as listener,
    ):
        wait_for(lambda: source.rejected_handshakes > 0)
        figures = listener.figures()
    assert figures["received"] == 0
    assert ("omote keys new" if transport == "managed" else "encrypted, and no key file is named here") in str(
        figures["error"]
    )


def test_managed_transport_says_that_it_knows_no_encryption(probe: Command, client: Path) -> None:
    with Probe(probe, "tcp://127.0.0.1:9", "--keys", client, "--transport", "managed") as listener:
        assert "knows no encryption" in listener.refusal()


def test_control_is_encrypted_too(probe: Command, server: ServerKeys, client: Path) -> None:
    with ControlServer(FREE_PORT, {"echo": echo}, session=1, keys=server) as control:
        said = ask(probe, control.endpoint, "echo", "--keys", str(client), "name=mira")
    assert said == {"result": {"heard": {"name": "mira"}}}
