"""CURVE key files: what is written, who can read it, and the errors of broken ones."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import keys
from omote.bridge.keys import ClientKeys, KeysError, ServerKeys

# Windows knows no such modes: the user's folder is closed to others there by its access list.
has_modes = pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX")


@pytest.fixture
def server(tmp_path: Path) -> ServerKeys:
    return keys.make_server(tmp_path / "keys")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@has_modes
def test_key_files_are_for_their_owner_alone(server: ServerKeys, tmp_path: Path) -> None:
    before = os.umask(0)  # the most open there is
    try:
        keys.make_server(tmp_path / "open")
        keys.make_client(server, "studio-pc", tmp_path / "studio-pc.omote-key")
    finally:
        os.umask(before)
    for path in (tmp_path / "open/server.toml", tmp_path / "studio-pc.omote-key", server.clients / "studio-pc.toml"):
        assert mode(path) == 0o600
    for folder in (tmp_path / "open", server.clients):
        assert mode(folder) == 0o700


@has_modes
def test_a_replaced_key_file_does_not_keep_its_open_mode(server: ServerKeys, tmp_path: Path) -> None:
    out = tmp_path / "a.omote-key"
    out.write_text("of old")
    out.chmod(0o644)
    made = keys.make_client(server, "a", out, is_replaced=True)
    assert mode(out) == 0o600
    assert ClientKeys.load(out) == made


@has_modes
def test_a_server_key_that_others_can_read_is_refused_with_the_cure(server: ServerKeys, tmp_path: Path) -> None:
    path = tmp_path / "keys" / keys.SERVER_FILE
    path.chmod(0o640)
    with pytest.raises(KeysError, match=rf"mode 640\): chmod 600 {path}"):
        ServerKeys.load(path.parent)


def test_what_was_written_is_read_again(server: ServerKeys, tmp_path: Path) -> None:
    out = tmp_path / "some where" / "a.omote-key"
    client = keys.make_client(server, "a", out)
    assert ServerKeys.load(tmp_path / "keys") == server
    assert ClientKeys.load(out) == client
    assert client.server == server.public
    assert out.read_text().startswith('# Omote client key "a": secret, for the machine that receives.')
    assert all(line.startswith("#") or ' = "' in line for line in out.read_text().splitlines())


def test_only_clients_on_the_list_are_allowed(server: ServerKeys, tmp_path: Path) -> None:
    first = keys.make_client(server, "first", tmp_path / "1")
    second = keys.make_client(server, "second", tmp_path / "2")
    assert server.allows(first.public)
    assert keys.client_keys(server.clients) == {"first": first.public, "second": second.public}
    keys.remove_client(server.clients, "first")
    assert not server.allows(first.public)
    assert server.allows(second.public)
    assert not server.allows(server.public)


def test_a_client_of_that_name_or_file_is_kept(server: ServerKeys, tmp_path: Path) -> None:
    first = keys.make_client(server, "a", tmp_path / "a")
    for name, out in (("a", "b"), ("b", "a")):
        with pytest.raises(KeysError, match=r"exists: .*--overwrite"):
            keys.make_client(server, name, tmp_path / out)
    assert ClientKeys.load(tmp_path / "a") == first
    assert server.allows(first.public)
    keys.make_client(server, "a", tmp_path / "a", is_replaced=True)
    assert not server.allows(first.public)


def test_the_servers_pair_is_never_replaced(server: ServerKeys, tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="would lock out every client"):
        keys.make_server(tmp_path / "keys")
    assert ServerKeys.load(tmp_path / "keys") == server


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "-a", "a" * 65, "ä", "a b", "a\n", "con", "LPT1.x"])
def test_a_name_that_is_no_name_is_refused(server: ServerKeys, tmp_path: Path, name: str) -> None:
    with pytest.raises(KeysError, match="a client's name is"):
        keys.make_client(server, name, tmp_path / "out")
    with pytest.raises(KeysError, match="a client's name is"):
        keys.remove_client(server.clients, name)
    assert not (tmp_path / "out").exists()


def test_an_unknown_client_cannot_be_removed(server: ServerKeys, tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="a has no key; on the list: none"):
        keys.remove_client(server.clients, "a")
    keys.make_client(server, "b", tmp_path / "b")
    with pytest.raises(KeysError, match="a has no key; on the list: b"):
        keys.remove_client(server.clients, "a")


def test_missing_keys_name_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="`omote keys new NAME`"):
        ServerKeys.load(tmp_path)
    with pytest.raises(KeysError, match="`omote keys new NAME`"):
        ClientKeys.load(tmp_path / "none")
    with pytest.raises(KeysError, match="cannot be read"):
        ClientKeys.load(tmp_path)  # a folder


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        (lambda text: text.replace("secret = ", "secrets = "), "has no `secret`"),
        (lambda text: text.replace("server = ", "# "), "has no `server`"),
        (lambda text: text[:-10], "is not a key file"),
        (lambda text: text + "\xff", "is not a key file"),
        (lambda text: text + "#" * 20000, "more than 16384 bytes"),
        (lambda text: text.replace('public = "', 'public = "x'), "public must be 40 letters of Z85, got 41 letters"),
        (lambda text: text.replace('server = "', 'server = 3 # "'), "server must be 40 letters of Z85, got int"),
    ],
)
def test_a_broken_client_file_says_what_is_wrong(
    server: ServerKeys, tmp_path: Path, changed: object, wanted: str
) -> None:
    assert callable(changed)
    path = tmp_path / "a.omote-key"
    keys.make_client(server, "a", path)
    path.write_text(changed(path.read_text()), encoding="latin-1")
    with pytest.raises(KeysError, match=wanted) as refused:
        ClientKeys.load(path)
    assert str(path) in str(refused.value)


def test_keys_of_two_pairs_are_refused(server: ServerKeys, tmp_path: Path) -> None:
    path = tmp_path / "keys" / keys.SERVER_FILE
    other = keys.make_server(tmp_path / "other")
    path.write_text(path.read_text().replace(server.public, other.public))
    with pytest.raises(KeysError, match="do not belong together"):
        ServerKeys.load(path.parent)


def test_letters_that_are_no_z85_are_refused(server: ServerKeys, tmp_path: Path) -> None:
    path = tmp_path / "a.omote-key"
    client = keys.make_client(server, "a", path)
    path.write_text(path.read_text().replace(client.secret, "#" * 40))  # five of them exceed 32 bits
    with pytest.raises(KeysError, match="secret must be 40 letters of Z85"):
        ClientKeys.load(path)


def test_a_broken_entry_allows_no_client_and_the_others_stay(
    server: ServerKeys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = keys.make_client(server, "a", tmp_path / "a")
    (server.clients / "broken.toml").write_text("public = 1")
    assert server.allows(client.public)
    assert "broken.toml: public must be" in caplog.text


def test_secrets_are_not_shown() -> None:
    public, secret = (key.decode() for key in zmq.curve_keypair())
    assert secret not in repr(ServerKeys(public, secret, Path())) + repr(ClientKeys(public, public, secret))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_key_file_or_a_keys_error(tmp_path_factory: pytest.TempPathFactory, found: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.omote-key"
    path.write_bytes(found)
    with pytest.raises(KeysError):
        ClientKeys.load(path)


@has_modes
def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(KeysError, match=r"server\.toml cannot be read"):
        ServerKeys.load(tmp_path / "keys")
