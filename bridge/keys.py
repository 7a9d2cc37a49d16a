"""CURVE key files: the server's key pair, the list of allowed clients, and the one file that each client gets."""

from __future__ import annotations

import logging
import os
import re
import stat
import struct
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from .errors import OmoteError

SERVER_FILE = "server.toml"
CLIENTS_FOLDER = "clients"
BUNDLE_SUFFIX = ".omote-key"

_KEY_LETTERS = 40  # of Z85 (RFC 32): 32 bytes
# Without the names that Windows reserves for devices, whatever follows their dot.
_NAME = re.compile(r"(?!(?i:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z))[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z", re.ASCII)
_MAX_FILE_BYTES = 16384

_log = logging.getLogger(__name__)


class KeysError(OmoteError, ValueError):
    """A key file is missing, malformed or not secret; the message names the file, what was found, and the cure."""


@dataclass(frozen=True)
class ServerKeys:
    """The server's key pair, and the folder that lists the allowed clients."""

    public: str  # 40 letters of Z85, as is the secret
    secret: str = field(repr=False)
    clients: Path

    @classmethod
    def load(cls, folder: Path) -> ServerKeys:
        """The key pair in this folder; KeysError where there is none, or where other users can read it."""
        path = folder / SERVER_FILE
        try:
            _check_secret(path)
        except FileNotFoundError as error:
            raise KeysError(f"there are no keys in {folder}: make some with `omote keys new NAME`") from error
        except OSError as error:
            raise KeysError(f"{path} cannot be read ({error.strerror}): {folder} must be a folder of yours") from error
        public, secret = _pair(path, _read(path))
        return cls(public, secret, folder / CLIENTS_FOLDER)

    def allows(self, public: str) -> bool:
        """Whether this client may connect. The list is read each time, so a change takes effect at once."""
        try:
            return public in client_keys(self.clients).values()
        except OSError as error:
            _log.warning("%s cannot be read (%s): all clients are refused", self.clients, error.strerror)
            return False


@dataclass(frozen=True)
class ClientKeys:
    """The keys with which a client connects to one server."""

    server: str  # the server's public key, 40 letters of Z85, as are the others
    public: str
    secret: str = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> ClientKeys:
        """The keys in the file that `omote keys new NAME` wrote."""
        fields = _read(path)
        public, secret = _pair(path, fields)
        return cls(_key(path, fields, "server"), public, secret)

    def apply(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypts the socket's connections with these keys; call it before the socket connects."""
        socket.setsockopt_string(zmq.CURVE_SERVERKEY, self.server)
        socket.setsockopt_string(zmq.CURVE_PUBLICKEY, self.public)
        socket.setsockopt_string(zmq.CURVE_SECRETKEY, self.secret)


def make_server(folder: Path) -> ServerKeys:
    """Makes the server's key pair in this folder; KeysError where one exists, because clients depend on it."""
    path = folder / SERVER_FILE
    if path.exists():
        raise KeysError(f"{path} exists: a new key would lock out every client; move the file away first")
    public, secret = _new_pair()
    title = "# Omote server key: secret. It never leaves this machine."
    _write(path, [title, 'name = "server"', f'public = "{public}"', f'secret = "{secret}"'])
    return ServerKeys(public, secret, folder / CLIENTS_FOLDER)


def make_client(server: ServerKeys, name: str, out: Path, is_replaced: bool = False) -> ClientKeys:
    """Allows the client `name` and writes its keys to the file `out`; existing files are kept unless `is_replaced`."""
    entry = _entry(server.clients, name)
    for path in (entry, out):
        if path.exists() and not is_replaced:
            raise KeysError(f"{path} exists: choose another name, or replace it with --overwrite")
    public, secret = _new_pair()
    title = (
        f'# Omote client key "{name}": secret, for the machine that receives. Whoever has this file sees the pictures.'
    )
    keys = [f'server = "{server.public}"', f'public = "{public}"', f'secret = "{secret}"']
    # The client's file first: an entry without it would only lock out the earlier file.
    _write(out, [title, f'name = "{name}"', *keys], is_replaced)
    _write(entry, [f'name = "{name}"', f'public = "{public}"'], is_replaced)
    return ClientKeys(server.public, public, secret)


def client_keys(clients: Path) -> dict[str, str]:
    """The name and public key of each allowed client; a malformed entry is logged and left out."""
    keys = {}
    for path in sorted(clients.glob("*.toml")):
        try:
            keys[path.stem] = _key(path, _read(path), "public")
        except KeysError as error:
            _log.warning("%s", error)
    return keys


def remove_client(clients: Path, name: str) -> None:
    """Removes `name` from the list; KeysError where it is not there."""
    try:
        _entry(clients, name).unlink()
    except FileNotFoundError as error:
        known = ", ".join(client_keys(clients)) or "none"
        raise KeysError(f"{name} has no key; on the list: {known}") from error


def check_name(name: str) -> None:
    """KeysError unless this can be the name of a client."""
    if not _NAME.match(name):
        raise KeysError(
            f"a client's name is 1 to 64 of A-Z a-z 0-9 _ . -, first a letter or digit, no device, got {name!r}"
        )


def _entry(clients: Path, name: str) -> Path:
    check_name(name)
    return clients / f"{name}.toml"


def _new_pair() -> tuple[str, str]:
    public, secret = zmq.curve_keypair()
    return public.decode("ascii"), secret.decode("ascii")


def _write(path: Path, lines: list[str], is_replaced: bool = False) -> None:
    """Writes a file that other users cannot read at any moment. (Windows has no such modes.)"""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_replaced:
            path.unlink(missing_ok=True)  # an earlier file's mode would stay
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            file.write("\n".join([*lines, ""]))
    except OSError as error:
        raise KeysError(f"{path} cannot be written ({error.strerror}); choose another place") from error


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            found = file.read(_MAX_FILE_BYTES + 1)
        if len(found) > _MAX_FILE_BYTES:
            raise KeysError(f"{path} is not a key file: it has more than {_MAX_FILE_BYTES} bytes")
        return tomllib.loads(found.decode("utf-8"))
    except OSError as error:
        raise KeysError(f"{path} cannot be read ({error.strerror}); `omote keys new NAME` writes key files") from error
    except KeysError:
        raise
    except (ValueError, RecursionError) as error:
        raise KeysError(f"{path} is not a key file ({error}); make a new one with `omote keys new NAME`") from error


def _pair(path: Path, fields: dict[str, object]) -> tuple[str, str]:
    public, secret = _key(path, fields, "public"), _key(path, fields, "secret")
    if zmq.curve_public(secret.encode("ascii")).decode("ascii") != public:
        raise KeysError(f"{path}: public and secret do not belong together; make a new one with `omote keys new NAME`")
    return public, secret


def _key(path: Path, fields: dict[str, object], name: str) -> str:
    if name not in fields:
        raise KeysError(f"{path} has no `{name}`; make a new one with `omote keys new NAME`")
    key = fields[name]
    if not isinstance(key, str) or not _is_key(key):
        found = f"{len(key)} letters" if isinstance(key, str) else type(key).__name__
        raise KeysError(f"{path}: {name} must be {_KEY_LETTERS} letters of Z85, got {found}; copy the whole file again")
    return key


def _is_key(text: str) -> bool:
    try:
        return len(text) == _KEY_LETTERS and bool(z85.decode(text))
    except (ValueError, KeyError, struct.error):  # a letter that Z85 lacks, or five letters of more than 32 bits
        return False


def _check_secret(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise KeysError(f"{path} can be read by other users (mode {mode:o}): chmod 600 {path}")
