"""CURVE key files: the server's pair, the list of who is let in, and the one file that a client is given."""

from __future__ import annotations

import logging
import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from .errors import OmoteError

SERVER_FILE = "server.toml"
CLIENTS_FOLDER = "clients"
BUNDLE_SUFFIX = ".omote-key"

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"  # Z85, RFC 32
_KEY_LETTERS = 40
# Without what Windows keeps for devices, whatever follows the dot.
_NAME = re.compile(r"(?!(?i:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z))[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z", re.ASCII)
_MAX_FILE_BYTES = 16384

_log = logging.getLogger(__name__)


class KeysError(OmoteError, ValueError):
    """A key file is missing, malformed or not secret; the sentence names the file, what was found, and the cure."""


@dataclass(frozen=True)
class ServerKeys:
    """Omote's own pair, and the folder that lists who is let in."""

    public: str  # 40 letters of Z85; so is the secret
    secret: str = field(repr=False)
    clients: Path

    @classmethod
    def load(cls, folder: Path) -> ServerKeys:
        """The pair in this folder; KeysError where there is none, or where others on this machine can read it."""
        path = folder / SERVER_FILE
        try:
            _check_secret(path)
        except FileNotFoundError as error:
            raise KeysError(f"there are no keys in {folder}: make them with `omote keys new NAME`") from error
        except OSError as error:
            raise KeysError(
                f"{path} cannot be looked at ({error.strerror}): it must be a folder of your own"
            ) from error
        said = _read(path)
        public, secret = _pair(path, said)
        return cls(public, secret, folder / CLIENTS_FOLDER)

    def allows(self, public: str) -> bool:
        """Whether a client with this key is let in; the list is read anew, so who was removed is out at once."""
        try:
            return public in client_keys(self.clients).values()
        except OSError as error:
            _log.warning("%s cannot be read (%s): nobody is let in", self.clients, error.strerror)
            return False


@dataclass(frozen=True)
class ClientKeys:
    """What a client needs to be let in."""

    server: str  # the server's public key, 40 letters of Z85; so are the others
    public: str
    secret: str = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> ClientKeys:
        """The keys in the file that `omote keys new NAME` wrote."""
        said = _read(path)
        public, secret = _pair(path, said)
        return cls(_key(path, said, "server"), public, secret)

    def apply(self, socket: zmq.Socket[bytes]) -> None:
        """Makes the socket speak CURVE with these keys; before it connects."""
        socket.setsockopt_string(zmq.CURVE_SERVERKEY, self.server)
        socket.setsockopt_string(zmq.CURVE_PUBLICKEY, self.public)
        socket.setsockopt_string(zmq.CURVE_SECRETKEY, self.secret)


def make_server(folder: Path) -> ServerKeys:
    """Makes the server's pair in this folder; KeysError where one is, for who was let in would be locked out."""
    path = folder / SERVER_FILE
    if path.exists():
        raise KeysError(f"{path} exists: a new one would lock out every client; move it away first")
    public, secret = _new_pair()
    title = "# Omote server key: secret. It never leaves this machine."
    _write(path, [title, 'name = "server"', f'public = "{public}"', f'secret = "{secret}"'])
    return ServerKeys(public, secret, folder / CLIENTS_FOLDER)


def make_client(server: ServerKeys, name: str, out: Path, is_replaced: bool = False) -> ClientKeys:
    """Lets `name` in and writes all that it needs to the file `out`; what exists is kept unless `is_replaced`."""
    entry = _entry(server.clients, name)
    for path in (entry, out):
        if path.exists() and not is_replaced:
            raise KeysError(f"{path} exists: choose another name, or replace it with --overwrite")
    public, secret = _new_pair()
    title = (
        f'# Omote client key "{name}": secret, for the machine that receives. Whoever has this file sees the pictures.'
    )
    keys = [f'server = "{server.public}"', f'public = "{public}"', f'secret = "{secret}"']
    # First what the client carries: an entry whose secret nobody has would lock an earlier file out for nothing.
    _write(out, [title, f'name = "{name}"', *keys], is_replaced)
    _write(entry, [f'name = "{name}"', f'public = "{public}"'], is_replaced)
    return ClientKeys(server.public, public, secret)


def client_keys(clients: Path) -> dict[str, str]:
    """Name and public key of everybody on the list; a file that is no entry is logged and lets nobody in."""
    keys = {}
    for path in sorted(clients.glob("*.toml")):
        try:
            keys[path.stem] = _key(path, _read(path), "public")
        except KeysError as error:
            _log.warning("%s", error)
    return keys


def remove_client(clients: Path, name: str) -> None:
    """Takes `name` off the list; KeysError where it is not on it."""
    try:
        _entry(clients, name).unlink()
    except FileNotFoundError as error:
        known = ", ".join(client_keys(clients)) or "nobody"
        raise KeysError(f"{name} has no key; on the list: {known}") from error


def check_name(name: str) -> None:
    """KeysError where no client can be called this."""
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
    """Writes a file that others cannot read, not even for a moment. (Windows has no such modes.)"""
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
            raise KeysError(f"{path} is no key file: it has more than {_MAX_FILE_BYTES} bytes")
        return tomllib.loads(found.decode("utf-8"))
    except OSError as error:
        raise KeysError(f"{path} cannot be read ({error.strerror}); `omote keys new NAME` writes key files") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise KeysError(f"{path} is no key file ({error}); make a new one with `omote keys new NAME`") from error


def _pair(path: Path, said: dict[str, object]) -> tuple[str, str]:
    public, secret = _key(path, said, "public"), _key(path, said, "secret")
    if zmq.curve_public(secret.encode("ascii")).decode("ascii") != public:
        raise KeysError(f"{path}: public and secret are no pair; make a new one with `omote keys new NAME`")
    return public, secret


def _key(path: Path, said: dict[str, object], name: str) -> str:
    if name not in said:
        raise KeysError(f"{path} has no `{name}`; make a new one with `omote keys new NAME`")
    key = said[name]
    if not isinstance(key, str) or not _is_key(key):
        found = f"{len(key)} letters" if isinstance(key, str) else type(key).__name__
        raise KeysError(
            f"{path}: {name} must be {_KEY_LETTERS} letters of Z85, got {found}; copy the file again, whole"
        )
    return key


def _is_key(text: str) -> bool:
    """Five letters stand for 32 bits; a few of them would for more."""
    if len(text) != _KEY_LETTERS or not set(text) <= set(_LETTERS):
        return False
    fives = [text[at : at + 5] for at in range(0, _KEY_LETTERS, 5)]
    return all(
        sum(_LETTERS.index(letter) * 85 ** (4 - at) for at, letter in enumerate(five)) < 1 << 32 for five in fives
    )


def _check_secret(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise KeysError(f"{path} can be read by others on this machine (mode {mode:o}): chmod 600 {path}")
