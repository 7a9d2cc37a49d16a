"""Every pool gives the same results and draws the same bytes, also when a worker is killed."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest

from omote.engine.offline.render import RenderSettings, render_animation
from omote.engine.ray_pool import pool_for
from omote.engine.runtime.session import Build
from omote.engine.testing import offline
from omote.engine.testing.drawing import painted_character
from omote.engine.worker_pool import ProcessPool, SerialPool, WorkerError, WorkerPool

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
on_ray = pytest.param("ray", marks=[needs_ray, pytest.mark.slow])
every_pool = pytest.mark.parametrize("pool", ["serial", "processes", on_ray], indirect=True)
with_workers = pytest.mark.parametrize("pool", ["processes", on_ray], indirect=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[WorkerPool]:
    """One Ray for all tests of this file, because it takes seconds to start."""
    with pool_for("local", 2, 1) as pool:
        yield pool


@pytest.fixture
def pool(request: pytest.FixtureRequest) -> Iterator[WorkerPool]:
    if request.param == "ray":
        yield request.getfixturevalue("cluster")
        return
    made: WorkerPool = SerialPool() if request.param == "serial" else ProcessPool(2)
    with made as opened:
        yield opened


@every_pool
def test_every_task_comes_back_with_its_result(pool: WorkerPool) -> None:
    assert sorted(pool.run(offline.multiply, 7, range(12))) == [(k, 7 * k) for k in range(12)]
    assert list(pool.run(offline.multiply, 7, ())) == []


@every_pool
def test_exceptions_of_the_work_are_raised_and_the_pool_goes_on(pool: WorkerPool) -> None:
    with pytest.raises(offline.WorkFailed) as raised:
        list(pool.run(offline.fail, "no", range(5)))
    assert raised.value.args[0] == "no"
    assert dict(pool.run(offline.multiply, 2, (4,))) == {4: 8}


class WatchedTasks(Sequence[int]):
    """Tasks that remember the highest index that was read."""

    def __init__(self, length: int) -> None:
        self.length, self.highest = length, -1

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if index >= self.length:
            raise IndexError
        self.highest = max(self.highest, index)
        return int(index)


@every_pool
def test_tasks_are_begun_as_their_results_are_taken(pool: WorkerPool) -> None:
    tasks = WatchedTasks(20)
    for taken, _ in enumerate(pool.run(offline.multiply, 1, tasks)):
        assert tasks.highest + 1 - taken <= 2 * pool.size + 1


@with_workers
def test_a_worker_keeps_what_is_shared_and_gives_numpy_one_thread(pool: WorkerPool) -> None:
    answers = [answer for _, answer in pool.run(offline.identify, [1, 2], range(8))]
    workers = {pid for pid, _, _ in answers}
    assert {threads for _, _, threads in answers} == {"1"}
    assert os.getpid() not in workers
    # With a copy for each task a network would be built for each task.
    assert len({shared for _, shared, _ in answers}) <= len(workers)


@with_workers
def test_a_task_whose_worker_ends_is_run_again(pool: WorkerPool, tmp_path: Path) -> None:
    assert sorted(pool.run(offline.exit_once, tmp_path, range(8))) == [(k, 2 * k) for k in range(8)]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (9, r"exit code 9\): what it printed is above"),
        pytest.param(
            -9,
            r"killed by signal 9\): most likely memory runs out: use fewer --workers",
            marks=pytest.mark.skipif(os.name != "posix", reason="Windows has no signals"),
        ),
    ],
)
def test_a_task_that_ends_every_worker_is_named(code: int, says: str) -> None:
    with ProcessPool(1) as pool, pytest.raises(WorkerError, match=rf"task 1 of 1 has ended 3 workers .*{says}"):
        list(pool.run(offline.exit_always, code, (0,)))


def test_processes_end_when_results_are_no_longer_taken() -> None:
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    with ProcessPool(2) as pool:
        results = pool.run(offline.multiply, 1, range(50))
        next(results)
        assert len(multiprocessing.active_children()) == 2
        results.close()  # type: ignore[attr-defined]
        assert multiprocessing.active_children() == []
        next(pool.run(offline.multiply, 1, range(50)))
    assert multiprocessing.active_children() == []
    assert os.environ.get("OPENBLAS_NUM_THREADS") == before


PROGRAM = """
from omote.engine.ray_pool import pool_for

def twice(shared, task):
    return 2 * task

if __name__ == "__main__":
    with pool_for(*{options}) as pool:
        print(list(pool.run(twice, None, [21])))
"""


@pytest.mark.parametrize(
    "options", [(None, 2, 1), pytest.param(("local", 1, 1), marks=needs_ray)], ids=["processes", "ray"]
)
def test_workers_run_no_python_file_of_the_current_folder(tmp_path: Path, options: tuple[object, ...]) -> None:
    """Without a safe path every worker would run a file called threading.py beside a downloaded timeline."""
    downloads, ran = tmp_path / "downloads", tmp_path / "ran"
    downloads.mkdir()
    for name in ("threading", "signal", "pickle", "omote"):
        (downloads / f"{name}.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(options=options))
    path = os.pathsep.join(filter(None, sys.path))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"} | {"PYTHONPATH": path}
    command = [sys.executable, str(program)]
    found = subprocess.run(command, check=False, cwd=downloads, env=environment, capture_output=True, text=True)
    assert found.stdout.strip() == "[(21, 42)]", found.stderr
    assert not ran.exists()


# Pools that draw.


def draw(pool: WorkerPool, folder: Path, *, kill_one: bool = False) -> list[bytes]:
    """PNGs of a mouth that opens."""
    animation = offline.still_animation(108, character="mika")
    animation.faces[:, 50] = np.linspace(0.0, 0.3, 108)
    settings = RenderSettings((painted_character("mika"),), 128, 1, Build(threads=1), 256, consistency=False)
    is_killed = False

    def on_progress(done: int) -> None:
        nonlocal is_killed
        if kill_one and done and not is_killed:
            kill_a_ray_worker()
            is_killed = True

    render_animation(animation, settings, pool, folder, on_progress)
    assert is_killed == kill_one
    return [path.read_bytes() for path in sorted(folder.glob("*.png"))]


def kill_a_ray_worker() -> None:
    """As the system does when memory runs out; a worker that draws, if there is one."""
    names = {one: " ".join(one.cmdline()[:1]) for one in psutil.Process().children(recursive=True)}
    workers = [one for kind in ("ray::_run_task", "ray::IDLE") for one, name in names.items() if name.startswith(kind)]
    workers[0].kill()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What one process draws."""
    return draw(SerialPool(), tmp_path_factory.mktemp("serial"))


@with_workers
def test_workers_draw_the_bytes_that_one_process_draws(pool: WorkerPool, expected: list[bytes], tmp_path: Path) -> None:
    assert len(expected) == 108
    assert expected[0] != expected[-1]
    assert draw(pool, tmp_path) == expected


@pytest.mark.slow
@needs_ray
def test_a_killed_ray_worker_changes_no_byte(cluster: WorkerPool, expected: list[bytes], tmp_path: Path) -> None:
    assert draw(cluster, tmp_path, kill_one=True) == expected
