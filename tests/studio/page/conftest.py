"""A page's server with a session whose loop stands still, and a script that uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import LiveSession
from omote.engine.testing.drawing import FlatRenderer, shipped_character
from omote.studio.app.session import StudioSession
from omote.studio.app.settings import SettingsStore
from omote.studio.page.server import PageServer
from tests.studio.clients import PATIENCE_S, Camera, base


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def studio(camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudioSession:
    for name in ("OMOTE_ACTORS", "OMOTE_CHARACTERS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    session = StudioSession("demo", SettingsStore())
    session.bind(LiveLoop(camera, LiveSession(FlatRenderer(), shipped_character())))
    return session


@pytest.fixture
def server(studio: StudioSession) -> Iterator[PageServer]:
    with PageServer(port=0, studio=studio) as page:
        yield page


@pytest.fixture
def api(server: PageServer) -> Iterator[httpx.Client]:
    """A script with the token; it sends no Origin."""
    token = {"Authorization": f"Bearer {server.tokens.control}"}
    with httpx.Client(base_url=base(server), headers=token, timeout=PATIENCE_S, trust_env=False) as client:
        yield client
