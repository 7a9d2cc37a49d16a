"""What is told of a performance while it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from omote.engine.capture.source import Playback, SourceError
from omote.engine.offline.animation import RenderError
from omote.studio.app.config import Config
from omote.studio.cli.render_inputs import NO_ACTOR, Appearance, PerformancePiece


@pytest.mark.parametrize(("count", "told"), ((5, 5), (1, None)))
def test_a_total_is_told_only_where_the_file_says_one(tmp_path: Path, count: int, told: int | None) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "film.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    for _ in range(count):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    phases: list[tuple[str, int | None]] = []

    def phase(name: str, total: int | None) -> Callable[[int], None]:
        phases.append((name, total))
        return lambda done: None

    config = replace(Config(), source=str(tmp_path / "film.mp4"), actor=NO_ACTOR)
    with pytest.raises((RenderError, SourceError)):  # nobody is in it
        PerformancePiece(config, Playback(), Appearance(None, None, None, None, None), is_heard=False).script(phase)
    assert phases == [("tracking", told)]
