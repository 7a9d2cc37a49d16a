"""Every crew does the same work, whoever of it is killed meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest

from omote.engine.face.light import studio_light
from omote.engine.offline.animation import FACE_SIZE, Animation, single_character_animation
from omote.engine.offline.render import RenderSettings, render_animation
from omote.engine.runtime.session import Build
from omote.engine.testing.drawing import painted_character
from omote.engine.worker_pool import ProcessPool, SerialPool, WorkerError, WorkerPool, pool_for
from tests.engine.offline import errands

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
on_ray = pytest.param("ray", marks=needs_ray)


@pytest.fixture(scope="module")
def cluster() -> Iterator[WorkerPool]:
    """One Ray for all tests of this file: it takes seconds to start."""
    with pool_for("local", 2, 1) as crew:
        yield crew


@pytest.fixture
def crew(request: pytest.FixtureRequest) -> Iterator[WorkerPool]:
    if request.param == "ray":
        yield request.getfixturevalue("cluster")
        return
    made: WorkerPool = SerialPool() if request.param == "alone" else ProcessPool(2)
    with made as opened:
        yield opened


every = pytest.mark.parametrize("crew", ["alone", "processes", on_ray], indirect=True)
with_workers = pytest.mark.parametrize("crew", ["processes", on_ray], indirect=True)


@every
def test_every_task_comes_back_with_its_result(crew: WorkerPool) -> None:
    assert sorted(crew.done(errands.product, 7, range(12))) == [(k, 7 * k) for k in range(12)]
    assert list(crew.done(errands.product, 7, ())) == []


@every
def test_what_the_work_raises_is_raised_here_as_it_was(crew: WorkerPool) -> None:
    with pytest.raises(errands.Refusal) as raised:
        list(crew.done(errands.refused, "no", range(5)))
    assert raised.value.args[0] == "no"
    assert dict(crew.done(errands.product, 2, (4,))) == {4: 8}, "the crew works on"


class Watched(Sequence[int]):
    """Tasks that know how many of them were looked at."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.highest = -1

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if index >= self.length:
            raise IndexError
        self.highest = max(self.highest, index)
        return int(index)


@every
def test_tasks_are_begun_as_their_results_are_taken(crew: WorkerPool) -> None:
    tasks = Watched(20)
    for taken, _ in enumerate(crew.done(errands.product, 1, tasks)):
        assert tasks.highest + 1 - taken <= 2 * crew.size + 1


@with_workers
def test_a_worker_keeps_what_is_shared_and_leaves_numpy_one_thread(crew: WorkerPool) -> None:
    told = [answer for _, answer in crew.done(errands.whose, [1, 2], range(8))]
    assert {threads for _, _, threads in told} == {"1"}
    assert os.getpid() not in {pid for pid, _, _ in told}
    assert len({place for _, place, _ in told}) <= len({pid for pid, _, _ in told}), "else a network is built each time"


@with_workers
def test_a_task_whose_worker_is_killed_is_done_again(crew: WorkerPool, tmp_path: Path) -> None:
    assert sorted(crew.done(errands.fatal_at_first, tmp_path, range(8))) == [(k, 2 * k) for k in range(8)]


def test_a_task_that_ends_every_worker_is_named() -> None:
    with (
        ProcessPool(1) as crew,
        pytest.raises(WorkerError, match=r"task 1 of 1 has ended 3 workers .*exit code 9.*memory"),
    ):
        list(crew.done(errands.fatal, None, (0,)))


def test_processes_end_with_the_work_and_when_nobody_takes_more() -> None:
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    with ProcessPool(2) as crew:
        results = crew.done(errands.product, 1, range(50))
        next(results)
        assert len(multiprocessing.active_children()) == 2
        results.close()  # type: ignore[attr-defined]
        assert multiprocessing.active_children() == []
        left = crew.done(errands.product, 1, range(50))
        next(left)
    assert multiprocessing.active_children() == []
    assert os.environ.get("OPENBLAS_NUM_THREADS") == before


def test_no_cluster_and_no_number_is_this_process_alone() -> None:
    assert isinstance(pool_for(None, None, None), SerialPool)
    assert isinstance(pool_for(None, 1, 4), SerialPool)
    assert pool_for(None, 3, None).size == 3
    with pytest.raises(WorkerError, match="--workers takes 1 or more, got 0"):
        pool_for(None, 0, None)
    with pytest.raises(WorkerError, match="--threads takes 1 or more, got -2"):
        pool_for("local", None, -2)


@pytest.mark.parametrize("cluster_name", [None, "local"])
def test_more_workers_than_a_machine_has_memory_for_are_refused(
    cluster_name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(WorkerError, match="--workers takes 8 at most with the 2 cores of this machine, got 1000"):
        pool_for(cluster_name, 1000, None)
    assert pool_for(None, 8, None).size == 8


def test_a_cluster_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(WorkerError, match=r"pip install 'omote\[cluster\]'"), pool_for("local", 1, 1):
        pass


@needs_ray
def test_a_ray_of_this_machine_is_heard_nowhere_else(cluster: WorkerPool) -> None:
    list(cluster.done(errands.product, 1, range(4)))  # the workers are there
    here = psutil.Process()
    heard = [
        (process.name(), one.laddr.ip)
        for process in (here, *here.children(recursive=True))
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    ]
    assert heard
    assert {ip for _, ip in heard} <= LOOPBACK, heard
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert os.environ["RAY_AUTH_MODE"] == "token"


@needs_ray
def test_who_asks_it_to_end_is_heard_as_before_where_a_ray_runs() -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDED], stdout=subprocess.PIPE, text=True)
    said = process.communicate(timeout=120)[0]
    assert said.splitlines()[-1] == "heard", "and Ray has not aborted it"


ENDED = """
import signal
from omote.engine.offline.crew import crew_for

def heard(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, heard)
try:
    with crew_for("local", 1, 1):
        signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt:
    print("heard", flush=True)
"""

CHARACTER = "mika"
EASEL = RenderSettings((painted_character(CHARACTER),), 128, 1, Build(threads=1), 256, consistency=False)


def script(count: int) -> Animation:
    """A mouth that opens."""
    faces = np.zeros((count, FACE_SIZE), np.float32)
    faces[:, 50] = np.linspace(0.0, 0.3, count)
    return single_character_animation(Fraction(30), faces, studio_light(), CHARACTER)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What one process alone draws."""
    return drawn(SerialPool(), tmp_path_factory.mktemp("alone"))


def drawn(crew: WorkerPool, folder: Path, is_one_killed: bool = False) -> list[bytes]:
    killed: list[int] = []

    def tell(done: int) -> None:
        if is_one_killed and done and not killed:
            killed.extend(kill_a_worker())

    render_animation(script(108), EASEL, crew, folder, tell)
    assert len(killed) == is_one_killed
    return [path.read_bytes() for path in sorted(folder.glob("*.png"))]


def kill_a_worker() -> list[int]:
    """Of Ray, as the system does where memory ends; one that draws if there is one."""
    names = {one: " ".join(one.cmdline()[:1]) for one in psutil.Process().children(recursive=True)}
    workers = [one for kind in ("ray::_carry_out", "ray::IDLE") for one, name in names.items() if name.startswith(kind)]
    workers[0].kill()
    return [workers[0].pid]


@with_workers
def test_a_crew_draws_the_bytes_that_one_process_draws(crew: WorkerPool, expected: list[bytes], tmp_path: Path) -> None:
    assert len(expected) == 108
    assert expected[0] != expected[-1]
    assert drawn(crew, tmp_path) == expected


@needs_ray
def test_a_ray_worker_that_is_killed_in_the_middle_changes_no_byte(
    cluster: WorkerPool, expected: list[bytes], tmp_path: Path
) -> None:
    assert drawn(cluster, tmp_path, is_one_killed=True) == expected


_PROGRAM = """
from omote.engine.offline.processes import Processes

def twice(shared, task):
    return 2 * task

if __name__ == "__main__":
    with Processes(1) as crew:
        print(list(crew.done(twice, None, [21])))
"""


def test_workers_run_no_python_file_of_the_current_folder(tmp_path: Path) -> None:
    """A file called threading.py beside a downloaded timeline was run by every worker."""
    downloads, ran = tmp_path / "downloads", tmp_path / "ran"
    downloads.mkdir()
    for name in ("threading", "signal", "pickle", "omote"):
        (downloads / f"{name}.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    path = os.pathsep.join(filter(None, sys.path))
    surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"} | {"PYTHONPATH": path}
    found = subprocess.run(
        [sys.executable, program], cwd=downloads, env=surroundings, capture_output=True, text=True, check=False
    )
    assert found.stdout.strip() == "[(21, 42)]", found.stderr
    assert not ran.exists()
