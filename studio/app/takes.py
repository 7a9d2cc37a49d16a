"""The recorded takes of this machine for the page: listed, trimmed, rendered and deleted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from omote.engine.capture.source import Playback
from omote.engine.capture.take import check_is_new, read_take, trimmed_take, write_take
from omote.engine.capture.take_files import TakeError, timecode_seconds

from .jobs import NICENESS, IsCancelled, JobQueue, JobQueueError
from .recording import takes_folder

MOST_TAKES = 200  # listed, the newest first
RENDER_TIMEOUT_S = 6 * 3600.0
_SUFFIX = ".csv"
_NAME = re.compile(r"\w[\w .-]{0,99}\Z")
_TAIL_BYTES = 4096  # longer than any row
_POLL_S = 0.2
_LOW_PRIORITY = ("nice", "-n", str(NICENESS)) if os.name == "posix" else ()

Render = Callable[[Sequence[str], IsCancelled], None]


@dataclass(frozen=True)
class TakeSummary:
    """What the list shows of a take."""

    name: str
    seconds: float  # about, by the timecodes of its first and last row
    megabytes: float
    made_s: float  # of its last change, by the wall clock


class TakeLibrary:
    """The takes of one folder. Methods may be called from any thread but the one that draws."""

    def __init__(
        self, on_change: Callable[[], None], folder: Callable[[], Path] = takes_folder, render: Render | None = None
    ) -> None:
        """`render` runs `omote` with these arguments, in a process of its own unless a test says otherwise."""
        self._on_change, self._folder, self._render = on_change, folder, render or _run_omote
        self._jobs = JobQueue(on_change)
        self._cache: dict[Path, tuple[tuple[int, int], TakeSummary]] = {}

    def rows(self) -> list[dict[str, object]]:
        """The newest takes as JSON values; files are read again only if they have changed."""
        files = [(path.stat().st_mtime_ns, path) for path in self._folder().glob(f"*{_SUFFIX}") if path.is_file()]
        newest = sorted(files, reverse=True)[:MOST_TAKES]
        return [asdict(self._summary(path)) for _, path in newest if _NAME.match(path.stem)]

    @property
    def jobs(self) -> list[dict[str, object]]:
        """The last renderings as JSON values: the fields of `QueuedJob`."""
        return [asdict(job) for job in self._jobs.rows]

    def path(self, name: str) -> Path:
        """The file of this take; TakeError if there is none. A name is never a path."""
        path = self._folder() / f"{name}{_SUFFIX}"
        if not _NAME.match(name) or not path.is_file():
            raise TakeError(f'there is no take "{name[:100]}"')
        return path

    def trim(self, name: str, start_s: float, end_s: float, to: str) -> None:
        """Writes a part of a take as a new one; TakeError if there is nothing in it, or `to` exists."""
        if not _NAME.match(to):
            raise TakeError("a take's name has letters, digits, spaces, dots, - and _")
        source, path = self.path(name), self._folder() / f"{to}{_SUFFIX}"
        check_is_new(path)
        write_take(path, trimmed_take(read_take(source), Playback(1.0, start_s, end_s)))
        self._on_change()

    def render(self, name: str, character: str) -> int:
        """Starts to render a take as an MP4 beside it and returns the number of the job."""
        source = self.path(name)
        out = source.with_suffix(".mp4")
        words = ("render", "--take", str(source), "--character", character, "--out", str(out))

        def work(is_cancelled: IsCancelled) -> str:
            self._render(words, is_cancelled)
            return str(out)

        try:
            return self._jobs.add(name, "rendering", work)
        except JobQueueError as error:
            raise TakeError(str(error)) from error

    def remove_job(self, number: int) -> None:
        """Cancels a rendering that waits or runs, and forgets one that is over; JobQueueError if there is none."""
        self._jobs.remove(number)

    def remove(self, name: str) -> None:
        """Deletes a take and the JSON beside it; TakeError if it cannot be deleted."""
        path = self.path(name)
        try:
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            raise TakeError(f"cannot delete {path} ({error.strerror or error})") from error
        self._cache.pop(path, None)
        self._on_change()

    def _summary(self, path: Path) -> TakeSummary:
        stat = path.stat()
        signature = (stat.st_size, stat.st_mtime_ns)
        known = self._cache.get(path)
        if known is None or known[0] != signature:
            summary = TakeSummary(path.stem, _seconds_of(path), round(stat.st_size / 1e6, 1), stat.st_mtime)
            known = self._cache[path] = (signature, summary)
        return known[1]


def _seconds_of(path: Path) -> float:
    """The time from the first row to the last, from the ends of the file alone: an evening has a million rows."""
    with path.open("rb") as file:
        head = file.read(2 * _TAIL_BYTES)
        file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
        tail = file.read(_TAIL_BYTES)
    times = [timecode_seconds(line.partition(b",")[0].decode("ascii", "replace")) for line in head.splitlines()[1:2]]
    times += [timecode_seconds(line.partition(b",")[0].decode("ascii", "replace")) for line in tail.splitlines()[-1:]]
    known = [time for time in times if time is not None]
    return round((known[1] - known[0]) % 86400.0, 1) if len(known) == 2 else 0.0


def _run_omote(words: Sequence[str], is_cancelled: IsCancelled) -> None:
    """Runs a command of Omote in a process of low priority; TakeError with its last line if it fails."""
    flags = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    command = (*_LOW_PRIORITY, sys.executable, "-P", "-m", "omote.studio.cli.main", *words)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, creationflags=flags
    ) as process:
        for _ in range(int(RENDER_TIMEOUT_S / _POLL_S)):
            try:
                output, _ = process.communicate(timeout=_POLL_S)
            except subprocess.TimeoutExpired:
                if is_cancelled():
                    why = "the rendering was cancelled"
                    break
            else:
                if process.returncode == 0:
                    return
                lines = output.decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
                raise TakeError(lines[-1][:300])
        else:
            why = f"the rendering was stopped after {RENDER_TIMEOUT_S / 3600:.0f} hours: trim the take first"
        process.kill()
    raise TakeError(why)
