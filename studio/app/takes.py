"""The recorded takes of this machine for the page: listed, trimmed, rendered and deleted."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from omote.engine.capture.source import Playback
from omote.engine.capture.take import check_is_new, read_take, trimmed_take, write_take
from omote.engine.capture.take_files import TakeError, timecode_seconds
from omote.engine.child_process import IsCancelled, run_child

from .jobs import NICENESS, JobQueue, JobQueueError
from .recording import takes_folder

MOST_TAKES = 200  # listed, the newest first
RENDER_TIMEOUT_S = 6 * 3600.0
_SUFFIX = ".csv"
_NAME = re.compile(r"\w[\w .-]{0,99}\Z")
_TAIL_BYTES = 4096  # longer than any row

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
    command = ("omote.studio.cli.main", *words)
    try:
        done = run_child(*command, timeout_s=RENDER_TIMEOUT_S, niceness=NICENESS, is_cancelled=is_cancelled)
    except subprocess.TimeoutExpired as error:
        hours = RENDER_TIMEOUT_S / 3600
        raise TakeError(f"the rendering was stopped after {hours:.0f} hours: trim the take first") from error
    except OSError as error:
        raise TakeError(f"no process could be started ({error.strerror or error})") from error
    if done.returncode != 0:
        written = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise TakeError((written or f"exit code {done.returncode}").splitlines()[-1][:300])
