"""A worker pool on Ray: this machine or a cluster whose machines run the same version."""

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
from importlib import metadata
from typing import Any, Self
from urllib.parse import urlsplit

from .version import edition, version
from .worker_pool import ATTEMPTS, ENVIRONMENT, Result, Shared, Task, WorkerError

_LOG = logging.getLogger(__name__)
_STORE_BYTES = 256 * 2**20  # for what is shared and the results that wait; Ray puts on the disk what is beyond
_LOOK_S = 10.0  # between two looks whether anybody is left who could do the work
_PROBE_S = 120.0  # in which a machine must have imported Omote
# What Ray reads when it is imported. The first keeps the ports of a Ray of one machine on the loopback address, as Ray
# itself does on Windows and macOS; with the token no other user of the machine can have it run code.
_ONE_MACHINE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_task_oom_retries": "3"}
# Nothing is reported, and what Ray says of lost workers is not printed between what a command prints.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": ".", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


class RayPool:
    """A cluster that is there, or without an address a Ray of this machine, started by `with` and ended with it."""

    def __init__(
        self, address: str | None, workers: int | None = None, threads: int | None = None, timeout_s: float = 20.0
    ) -> None:
        """At most so many `workers`, of so many `threads` each; `timeout_s` is for reaching the address."""
        self.size = 0  # known once it is open
        self._address, self._timeout_s = address, timeout_s
        self._asked, self._threads = workers, threads or 1
        self._folder: str | None = None  # of the Ray that is started here

    def __enter__(self) -> Self:
        ray = _import_ray(is_local=self._address is None)
        if ray.is_initialized():
            raise WorkerError("this process is connected to Ray already: call ray.shutdown() first")
        try:
            with _sigterm_kept():
                if self._address is None:
                    self._start(ray)
                else:
                    self._join(ray, self._address)
            self.size = self._capacity(ray)
            if not self.size:
                raise WorkerError(f"no machine of the cluster has {self._threads} free for work: lower --threads")
            self._require_agreement(ray)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        _import_ray(is_local=self._address is None).shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def done(
        self, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """As `Crew` has it; CrewError where a task ends all workers that begin it, or no machine is left."""
        ray = _import_ray(is_local=self._address is None)
        carried = ray.remote(num_cpus=self._threads, max_retries=ATTEMPTS)(_carry_out)
        brief = [ray.put((work, shared))]  # in a list, or Ray would unpack it anew for every task
        key, here = secrets.token_hex(8), installed_versions()
        waiting: dict[Any, int] = {}
        begun = 0
        try:
            while begun < len(tasks) or waiting:
                while begun < len(tasks) and len(waiting) < self._most(ray):
                    waiting[carried.remote(brief, key, here, tasks[begun])] = begun
                    begun += 1
                ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_LOOK_S)
                if not ready and not self._capacity(ray):
                    raise WorkerError("no machine of the cluster is left: start one again, then go on with --resume")
                for one in ready:
                    index = waiting.pop(one)
                    yield tasks[index], _result_of(ray, one, index, len(tasks))
        finally:
            for one in waiting:
                ray.cancel(one, force=True)

    def _start(self, ray: Any) -> None:
        cores = (self._asked or max(1, (os.cpu_count() or 1) // self._threads)) * self._threads
        # Sockets lie in it, whose paths must be short, and logs; other users may not read it.
        self._folder = tempfile.mkdtemp(prefix="omote-ray-", dir="/tmp" if os.name == "posix" else None)
        context = ray.init(
            "local",
            num_cpus=cores,
            num_gpus=0,
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            runtime_env={"env_vars": {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}},
            _node_ip_address="127.0.0.1",
            _temp_dir=self._folder,
            **_logging(),
        )
        listens_at = context.address_info["node_ip_address"]
        if listens_at != "127.0.0.1":
            raise WorkerError(
                f"Ray listens at {listens_at}, wanted 127.0.0.1, because it was imported before: start again"
            )

    def _join(self, ray: Any, address: str) -> None:
        require_listener(address, self._timeout_s)
        try:
            call_with_timeout(
                self._timeout_s,
                lambda: ray.init(address, runtime_env={"env_vars": dict(ENVIRONMENT)}, **_logging()),
            )
        except TimeoutError as error:
            raise WorkerError(f"what listens at {address} has not answered as Ray in {self._timeout_s:g} s") from error
        except ImportError as error:
            raise WorkerError(f"{address} cannot be joined ({error}): pip install 'ray[client]'") from error
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise WorkerError(
                f"the cluster at {address} cannot be joined ({_last_line(error)}): this machine must be one of it "
                "(ray start --address=HOST:6379), or the address be ray://HOST:10001"
            ) from error
        others = {node["NodeManagerAddress"] for node in _alive(ray)} - {ray.util.get_node_ip_address()}
        if others and os.environ.get("RAY_USE_TLS") != "1":
            _LOG.warning(
                "what is drawn travels unencrypted between this machine and %s (RAY_USE_TLS=1 encrypts it)",
                ", ".join(sorted(others)),
            )

    def _capacity(self, ray: Any) -> int:
        """How many tasks find room at the same time, at most as many as were asked for."""
        room = sum(int(node["Resources"].get("CPU", 0) // self._threads) for node in _alive(ray))
        return min(room, self._asked or room)

    def _most(self, ray: Any) -> int:
        """How many tasks may be begun: more than find room, so that nobody waits, unless fewer were asked for."""
        return self.size if self._asked else 2 * self.size

    def _require_agreement(self, ray: Any) -> None:
        at = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        told = {
            f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})": ray.remote(
                num_cpus=0, scheduling_strategy=at(node["NodeID"], soft=False)
            )(installed_versions).remote()
            for node in _alive(ray)
        }
        for machine, answer in told.items():
            try:
                found = ray.get(answer, timeout=_PROBE_S)
            except ray.exceptions.RayError as error:
                raise WorkerError(
                    f"Omote cannot be imported on {machine} ({_last_line(error)}): "
                    f"install Omote {version()} there, into the Python that runs Ray"
                ) from error
            require_same_versions(machine, found, installed_versions())


_kept: dict[str, Any] = {}  # in a worker: what to do and what all tasks share, of the last `done`


def _carry_out(brief: list[Any], key: str, wanted: Versions, task: Any) -> Any:
    """In a worker, which may be of a machine that joined later."""
    if key not in _kept:
        require_same_versions(platform.node(), installed_versions(), wanted)
        _kept.clear()
        _kept[key] = _import_ray(is_local=False).get(brief[0])
    work, shared = _kept[key]
    return work(shared, task)


def _result_of(ray: Any, one: Any, index: int, count: int) -> Any:
    """The result of that task; what the work raised is raised as it was."""
    try:
        return ray.get(one)
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
    """The module, which reads its surroundings when it is first imported; CrewError where there is none."""
    if "ray" not in sys.modules:
        os.environ.update(_QUIET)
        if is_local:
            os.environ.update(_ONE_MACHINE)
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise WorkerError(f"--cluster wants Ray ({error}): pip install 'omote[cluster]'") from error
    return ray


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """SIGTERM goes on to mean what it meant: a Ray that starts would have it abort the process."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _logging() -> dict[str, Any]:
    return {"log_to_driver": False, "configure_logging": True, "logging_level": logging.ERROR}


def _alive(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0)]


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


_REQUIRED_EQUAL = ("omote", "Python")
_LIBRARIES = ("numpy", "pillow", "openvino", "onnxruntime", "torch")  # whose versions may show in the last bits

Versions = Mapping[str, str]


def installed_versions() -> dict[str, str]:
    """What runs here, by name; "" is what is not installed."""
    return {
        "omote": edition(),
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{name: _version_of(name) for name in _LIBRARIES},
    }


def require_same_versions(machine: str, found: Versions, wanted: Versions) -> None:
    """CrewError unless that machine runs the same Omote and Python; a warning where a library differs."""
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


def _version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def require_listener(address: str, timeout_s: float) -> None:
    """CrewError unless something listens there; "auto" is left to Ray, which knows the cluster of this machine."""
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
        socket.create_connection((host, port), timeout_s).close()
    except OSError as error:
        raise WorkerError(
            f"no cluster is reached at {address} ({error.strerror or error}): start one there with "
            "`ray start --head`, and see whether a firewall is between"
        ) from error


def call_with_timeout(seconds: float, call: Callable[[], object]) -> None:
    """Makes the call, and raises what it raises; TimeoutError where it takes longer, and is left behind."""
    raised: list[BaseException] = []

    def made() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=made, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
    if raised:
        raise raised[0]
