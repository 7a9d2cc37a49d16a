"""Downloads one published file from the Hub, going on where an earlier attempt was broken off."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..models import SILENCE_S
from .ledger import PublishedError
from .published_file import PublishedFile

if TYPE_CHECKING:
    from hashlib import _Hash

Told = Callable[[int, int | None], None]  # bytes that are here, and of how many, where the server says

_HUB = "https://huggingface.co"
_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes .*/(\d+)")


def fetch(file: PublishedFile, folder: Path, told: Told) -> str:
    """Puts the file into the folder, and gives its sha256; PublishedError says what went wrong and the cure.

    The bytes stand beside it as `NAME.partial` until all have come, and the next attempt asks for the rest.
    """
    place = folder / file.name
    partial = place.with_name(f"{place.name}.partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        sha256 = _download(_address(file), partial, told)
        partial.replace(place)
    except _WrongError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise _failed(file, place, str(error)) from error
    except urllib.error.URLError as error:
        raise _failed(file, place, str(error.reason)) from error
    except (http.client.HTTPException, OSError) as error:
        raise _failed(file, place, str(error) or type(error).__name__) from error
    return sha256


class _WrongError(Exception):
    """What came is not what was announced: the next attempt must begin again."""


def _failed(file: PublishedFile, place: Path, why: str) -> PublishedError:
    return PublishedError(
        f"{file.name} could not be fetched from {_address(file)} ({why}). Go online and run the same command again, "
        f"which goes on where this one stopped; or fetch the file elsewhere and put it at {place}"
    )


def _address(file: PublishedFile) -> str:
    """Of its newest version; $HF_ENDPOINT names a mirror, as it does to the Hub's own programs."""
    hub = (os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")
    return f"{hub}/{file.repository}/resolve/main/{urllib.parse.quote(file.path_in_repository)}"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows the Hub to where the bytes are, and keeps what it says of them on the way."""

    def __init__(self) -> None:
        self.sha256: str | None = None  # of large files

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        etag = str(headers.get("X-Linked-Etag") or "").strip('"')
        self.sha256 = etag if _SHA256.fullmatch(etag) else self.sha256
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(address: str, partial: Path, told: Told) -> str:
    """All bytes of an address into the file, after those that it holds; their sha256."""
    had = partial.stat().st_size if partial.is_file() else 0
    redirects = _Redirects()
    request = urllib.request.Request(address, headers={"Range": f"bytes={had}-"} if had else {})
    try:
        answer = urllib.request.build_opener(redirects).open(request, timeout=SILENCE_S)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        size, found = _size(error.headers), _hash_of(partial)  # all bytes may have come before it was broken off
    else:
        with answer:
            size, found = _received(answer, partial, had, told)
    _check(partial.stat().st_size, size, found.hexdigest(), redirects.sha256)
    return found.hexdigest()


def _received(answer: http.client.HTTPResponse, partial: Path, had: int, told: Told) -> tuple[int | None, _Hash]:
    """Writes what comes; how many bytes all should be, and the hash of all that are here."""
    start = had if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
    found = _hash_of(partial) if start else hashlib.sha256()
    length = answer.headers.get("Content-Length")
    size = _size(answer.headers) if start else int(length) if length else None
    with partial.open("ab" if start else "wb") as file:
        told(start, size)
        while chunk := answer.read1(_CHUNK):
            file.write(chunk)
            found.update(chunk)
            told(file.tell(), size)
    return size, found


def _check(have: int, size: int | None, found: str, announced: str | None) -> None:
    if size is not None and have < size:
        raise OSError(f"the connection broke after {have} of {size} bytes")
    if size is not None and have > size:
        raise _WrongError(f"it has {size} bytes, and {have} were here")
    if announced not in (None, found):
        raise _WrongError(f"its sha256 is {found[:16]}…, announced was {str(announced)[:16]}…")


def _size(headers: Message) -> int | None:
    """Of the whole file, of which a part was asked for; None where the server does not say."""
    match = _RANGE.search(headers.get("Content-Range") or "")
    return int(match[1]) if match else None


def _hash_of(partial: Path) -> _Hash:
    with partial.open("rb") as file:
        return hashlib.file_digest(file, "sha256")
