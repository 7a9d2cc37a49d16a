"""Which pool is chosen; machines that would not draw the same are refused; a Ray of this machine keeps to itself."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from unittest.mock import MagicMock

import psutil
import pytest

from omote.engine.ray_pool import installed_versions, pool_for, require_same_versions
from omote.engine.testing import offline
from omote.engine.version import edition, version
from omote.engine.worker_pool import ProcessPool, SerialPool, WorkerError

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


def test_options_choose_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert isinstance(pool_for(None, None, None), SerialPool)
    assert isinstance(pool_for(None, 1, 4), SerialPool)
    assert isinstance(pool_for(None, 8, None), ProcessPool)
    assert pool_for(None, 3, None).size == 3


@pytest.mark.parametrize(
    ("cluster", "workers", "threads", "message"),
    [
        (None, 0, None, "--workers takes 1 or more, got 0"),
        ("local", None, -2, "--threads takes 1 or more, got -2"),
        (None, 1000, None, "--workers takes 8 at most with the 2 cores of this machine, got 1000"),
        ("local", 1000, None, "--workers takes 8 at most with the 2 cores of this machine, got 1000"),
    ],
)
def test_numbers_out_of_range_are_refused(
    cluster: str | None, workers: int | None, threads: int | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(WorkerError, match=message):
        pool_for(cluster, workers, threads)


def test_a_cluster_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(WorkerError, match=r"pip install 'omote\[cluster\]'"), pool_for("local", 1, 1):
        pass


@pytest.mark.parametrize(
    ("address", "message"),
    [("HOST", "--cluster takes"), ("http://HOST:1", "--cluster takes"), ("127.0.0.1:1", "no cluster is reached")],
)
def test_an_address_without_a_cluster_is_refused(address: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not Ray itself: imported for a cluster, it could no longer be started on this machine alone.
    ray = MagicMock(**{"is_initialized.return_value": False})
    for name in ("ray", "ray.util", "ray.util.scheduling_strategies"):
        monkeypatch.setitem(sys.modules, name, ray)
    with pytest.raises(WorkerError, match=message), pool_for(address, 1, 1):
        pass


def test_the_same_program_is_admitted() -> None:
    assert edition().startswith(f"{version()} (")
    assert installed_versions()["omote"] == edition()
    require_same_versions("atlas", installed_versions(), installed_versions())


@pytest.mark.parametrize(
    ("name", "other"), [("omote", "0.0.9 (0123456789ab)"), ("omote", f"{version()} (0123456789ab)"), ("Python", "3.9")]
)
def test_another_omote_or_python_is_refused_by_name(name: str, other: str) -> None:
    with pytest.raises(WorkerError) as refused:
        require_same_versions("atlas", {**installed_versions(), name: other}, installed_versions())
    assert f"atlas runs {name} {other}, wanted {installed_versions()[name]}" in str(refused.value)


def test_another_library_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        require_same_versions("atlas", {**installed_versions(), "openvino": "1.0", "numpy": ""}, installed_versions())
    assert "atlas has other libraries" in caplog.text
    assert "numpy missing, openvino 1.0" in caplog.text


@needs_ray
def test_a_ray_of_this_machine_listens_on_loopback_only() -> None:
    with pool_for("local", 1, 1) as pool:
        list(pool.run(offline.multiply, 1, range(4)))  # starts the workers
        here = psutil.Process()
        addresses = {
            connection.laddr.ip
            for process in (here, *here.children(recursive=True))
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
    assert addresses
    assert addresses <= LOOPBACK
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert os.environ["RAY_AUTH_MODE"] == "token"


@pytest.mark.slow
@needs_ray
def test_ray_leaves_the_handler_of_sigterm() -> None:
    command = [sys.executable, "-c", SIGTERM_PROGRAM]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert found.stdout.splitlines()[-1:] == ["handled"], found.stderr


SIGTERM_PROGRAM = """
import signal
from omote.engine.ray_pool import pool_for

def handle(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, handle)
try:
    with pool_for("local", 1, 1):
        signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt:
    print("handled", flush=True)
"""
