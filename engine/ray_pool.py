"""Worker pools on Ray, on this machine or a cluster whose machines run the same version; the choice of a pool."""

from __future__ import annotations

import logging
import os
import platform
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

from .version import edition, library_version, version
from .worker_pool import (
    ATTEMPTS,
    ENVIRONMENT,
    ProcessPool,
    Result,
    SerialPool,
    Shared,
    Task,
    WorkerError,
    WorkerPool,
)

LOCAL = "local"  # the address of a Ray of this machine alone

_MAX_WORKERS_PER_CORE = 4  # on one machine: each worker takes its memory, and more than one a core draw no faster
_STORE_BYTES = 256 * 2**20  # for shared data and waiting results; Ray writes what does not fit to the disk
_JOIN_TIMEOUT_S = 20.0  # for reaching an address
_POLL_S = 10.0  # between two checks whether any machine is left
_PROBE_S = 120.0  # for a machine to import Omote
_REQUIRED_EQUAL = ("omote", "Python")
_LIBRARIES = ("numpy", "pillow", "openvino", "onnxruntime", "torch")  # whose versions may show in the last bits

# Ray reads these when it is imported. The first keeps the ports of a Ray of one machine on the loopback address, as Ray
# itself does on Windows and macOS. Without the token no other user of the machine can make it run code.
_ONE_MACHINE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_task_oom_retries": "3"}
# No usage report, and no messages of Ray about lost workers between the lines that a command prints.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": ".", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}

_LOGGING = {"log_to_driver": False, "configure_logging": True, "logging_level": logging.ERROR}

_LOG = logging.getLogger(__name__)

Versions = Mapping[str, str]


def pool_for(cluster: str | None, workers: int | None, threads: int | None) -> WorkerPool:
    """The pool for these options; WorkerError if there is none.

    `cluster` is "local" or an address that Ray knows. Without it, `workers` are processes of this machine, and one
    worker (or None) is this process itself. `threads` is the number of threads that each worker uses; None counts as 1.
    """
    for name, number in (("--workers", workers), ("--threads", threads)):
        if number is not None and number < 1:
            raise WorkerError(f"{name} takes 1 or more, got {number}")
    cores = os.cpu_count() or 1
    if cluster in (None, LOCAL) and (workers or 1) > _MAX_WORKERS_PER_CORE * cores:
        raise WorkerError(
            f"--workers takes {_MAX_WORKERS_PER_CORE * cores} at most with the {cores} cores of this machine, "
            f"got {workers}"
        )
    if cluster is not None:
        return RayPool(None if cluster == LOCAL else cluster, workers, threads)
    return SerialPool() if workers in (None, 1) else ProcessPool(workers)


class RayPool:
    """A running cluster, or without an address a Ray of this machine, which `with` starts and ends."""

    def __init__(self, address: str | None, workers: int | None, threads: int | None) -> None:
        """At most `workers` workers of `threads` threads each."""
        self.size = 0  # known once it is open
        self._address = address
        self._max_workers, self._threads = workers, threads or 1
        self._folder: str | None = None  # of a Ray that is started here

    def __enter__(self) -> Self:
        ray = _import_ray(is_local=self._address is None)
        if ray.is_initialized():
            raise WorkerError("this process is connected to Ray already: call ray.shutdown() first")
        try:
            with _kept_sigterm_handler():
                if self._address is None:
                    self._start(ray)
                else:
                    self._join(ray, self._address)
            self.size = self._capacity(ray)
            if not self.size:
                raise WorkerError(f"no machine of the cluster has {self._threads} free for work: lower --threads")
            self._require_same_versions(ray)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        _import_ray(is_local=self._address is None).shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def run(
        self, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """As `WorkerPool.run`; WorkerError if a task ends every worker that begins it, or no machine is left."""
        ray = _import_ray(is_local=self._address is None)
        remote = ray.remote(num_cpus=self._threads, max_retries=ATTEMPTS)(_run_task)
        work_ref = [ray.put((work, shared))]  # in a list, because Ray would otherwise unpack it for every task
        key, here = secrets.token_hex(8), installed_versions()
        waiting: dict[Any, int] = {}
        begun = 0
        try:
            while begun < len(tasks) or waiting:
                while begun < len(tasks) and len(waiting) < self._max_begun:
                    waiting[remote.remote(work_ref, key, here, tasks[begun])] = begun
                    begun += 1
                ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_POLL_S)
                if not ready and not self._capacity(ray):
                    raise WorkerError("no machine of the cluster is left: start one again, then go on with --resume")
                for ref in ready:
                    index = waiting.pop(ref)
                    yield tasks[index], _result_of(ray, ref, index, len(tasks))
        finally:
            for ref in waiting:
                ray.cancel(ref, force=True)

    def _start(self, ray: Any) -> None:
        cores = (self._max_workers or max(1, (os.cpu_count() or 1) // self._threads)) * self._threads
        # It holds logs, and sockets, whose paths must be short. Other users may not read it.
        self._folder = tempfile.mkdtemp(prefix="omote-ray-", dir="/tmp" if os.name == "posix" else None)
        with _runtime_env(PYTHONPATH=os.pathsep.join(filter(None, sys.path))) as runtime_env:
            context = ray.init(
                "local",
                num_cpus=cores,
                num_gpus=0,
                object_store_memory=_STORE_BYTES,
                include_dashboard=False,
                runtime_env=runtime_env,
                _node_ip_address="127.0.0.1",
                _temp_dir=self._folder,
                **_LOGGING,
            )
        address = context.address_info["node_ip_address"]
        if address != "127.0.0.1":
            raise WorkerError(
                f"Ray listens at {address}, wanted 127.0.0.1, because it was imported before: start again"
            )

    def _join(self, ray: Any, address: str) -> None:
        _require_listener(address)
        try:
            with _runtime_env() as runtime_env:
                _call_with_timeout(lambda: ray.init(address, runtime_env=runtime_env, **_LOGGING))
        except TimeoutError as error:
            raise WorkerError(f"what listens at {address} has not answered as Ray in {_JOIN_TIMEOUT_S:g} s") from error
        except ImportError as error:
            raise WorkerError(f"{address} cannot be joined ({error}): pip install 'ray[client]'") from error
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise WorkerError(
                f"the cluster at {address} cannot be joined ({_last_line(error)}): this machine must be one of it "
                "(ray start --address=HOST:6379), or the address be ray://HOST:10001"
            ) from error
        others = {node["NodeManagerAddress"] for node in _live_nodes(ray)} - {ray.util.get_node_ip_address()}
        if others and os.environ.get("RAY_USE_TLS") != "1":
            _LOG.warning(
                "data travels unencrypted between this machine and %s (RAY_USE_TLS=1 encrypts it)",
                ", ".join(sorted(others)),
            )

    def _capacity(self, ray: Any) -> int:
        """Number of tasks that find room at the same time, at most the number of workers that was asked for."""
        room = sum(int(node["Resources"].get("CPU", 0) // self._threads) for node in _live_nodes(ray))
        return min(room, self._max_workers or room)

    @property
    def _max_begun(self) -> int:
        """Number of begun tasks: more than find room, so that no worker waits, unless `workers` was given."""
        return self.size if self._max_workers else 2 * self.size

    def _require_same_versions(self, ray: Any) -> None:
        on_node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        answers = {
            f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})": ray.remote(
                num_cpus=0, scheduling_strategy=on_node(node["NodeID"], soft=False)
            )(installed_versions).remote()
            for node in _live_nodes(ray)
        }
        for machine, answer in answers.items():
            try:
                found = ray.get(answer, timeout=_PROBE_S)
            except ray.exceptions.RayError as error:
                raise WorkerError(
                    f"Omote cannot be imported on {machine} ({_last_line(error)}): "
                    f"install Omote {version()} there, into the Python that runs Ray"
                ) from error
            require_same_versions(machine, found, installed_versions())


# In a worker: the function and the shared data of the last `run`, by its key.
_work: dict[str, Any] = {}


def _run_task(work_ref: list[Any], key: str, wanted: Versions, task: Any) -> Any:
    """Runs one task in a worker, perhaps on a machine that joined after the others were checked."""
    if key not in _work:
        require_same_versions(platform.node(), installed_versions(), wanted)
        _work.clear()
        _work[key] = _import_ray(is_local=False).get(work_ref[0])
    work, shared = _work[key]
    return work(shared, task)


def _result_of(ray: Any, ref: Any, index: int, count: int) -> Any:
    """The result of that task; an exception of the work is raised as it was."""
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, Exception):
            raise error.cause from error
        raise
    except ray.exceptions.LocalRayletDiedError as error:
        raise WorkerError("the Ray of this machine has ended: start it again, then go on with --resume") from error
    except ray.exceptions.RayError as error:
        raise WorkerError(
            f"task {index + 1} of {count} has ended every worker that began it ({type(error).__name__}): "
            "most likely memory runs out; use fewer --workers"
        ) from error


def _import_ray(*, is_local: bool) -> Any:
    """The module, which reads its environment when it is first imported; WorkerError if it is not installed."""
    if "ray" not in sys.modules:
        os.environ.update(_QUIET)
        if is_local:
            os.environ.update(_ONE_MACHINE)
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise WorkerError(f"--cluster needs Ray ({error}): pip install 'omote[cluster]'") from error
    return ray


@contextmanager
def _kept_sigterm_handler() -> Iterator[None]:
    """Restores the handler of SIGTERM: a Ray that starts sets one that aborts the process."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _live_nodes(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0)]


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


# Versions on the machines of a cluster.


def installed_versions() -> dict[str, str]:
    """The versions that run here, by name; "" for a library that is not installed."""
    return {
        "omote": edition(),
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{name: library_version(name) for name in _LIBRARIES},
    }


def require_same_versions(machine: str, found: Versions, wanted: Versions) -> None:
    """WorkerError unless that machine runs the same Omote and Python; a warning if a library differs."""
    for name in _REQUIRED_EQUAL:
        if found[name] != wanted[name]:
            raise WorkerError(
                f"{machine} runs {name} {found[name]}, wanted {wanted[name]}, which is what runs here: "
                "install the same on every machine of the cluster"
            )
    differing = [f"{name} {found[name] or 'missing'}" for name in _LIBRARIES if found[name] != wanted[name]]
    if differing:
        _LOG.warning(
            "%s has other libraries than this machine: its pictures may differ (%s)", machine, ", ".join(differing)
        )


# Reaching a cluster.


@contextmanager
def _runtime_env(**variables: str) -> Iterator[dict[str, Any]]:
    """What `ray.init` gives each worker: the environment, and an empty folder to work in.

    Without that folder Ray puts the current folder of this process first in the path of its workers, which would import
    an omote.py that lies there.
    """
    with tempfile.TemporaryDirectory(prefix="omote-ray-empty-") as empty:
        yield {"env_vars": {**ENVIRONMENT, **variables}, "working_dir": empty}


def _require_listener(address: str) -> None:
    """WorkerError unless a program listens there. "auto" is left to Ray, which finds the cluster of this machine."""
    if address == "auto":
        return
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme not in ("", "ray"):
        raise WorkerError(f'--cluster takes "local", "auto", HOST:6379 or ray://HOST:10001, got "{address}"')
    try:
        socket.create_connection((host, port), _JOIN_TIMEOUT_S).close()
    except OSError as error:
        raise WorkerError(
            f"no cluster is reached at {address} ({error.strerror or error}): start one there with "
            "`ray start --head`, and check for a firewall in between"
        ) from error


def _call_with_timeout(call: Callable[[], object]) -> None:
    """Makes the call and raises what it raises; TimeoutError if it takes too long, while its thread goes on."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_JOIN_TIMEOUT_S)
    if thread.is_alive():
        raise TimeoutError
    if raised:
        raise raised[0]
