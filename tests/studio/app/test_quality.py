"""Size, steps and budget, changed while the loop runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import LiveSession
from omote.engine.model.animator import Animator
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character
from omote.engine.testing.live import ScriptedSource
from omote.studio.app.quality import QualityChoice, QualityControl


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> LiveLoop:
    """A loop whose pictures come at once: what waits for the next one is run by the caller."""
    session = LiveSession(Animator(384, renderer=Renderer(CopyingNetworks())), painted_character())
    monkeypatch.setattr(session, "between_pictures", lambda job: job())
    return LiveLoop(ScriptedSource(), session)


def test_a_change_that_fails_leaves_everything_as_it_was(live: LiveLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    control, animator = QualityControl(), live.session.renderer
    control.bind(live)
    before = control.use({"budget_ms": 900.0})
    quality = live.session.quality
    assert quality
    assert before == QualityChoice(384, 1, "auto", 900.0)

    def no_picture(job: Callable[[], object]) -> None:
        raise TimeoutError("no picture is drawn")

    monkeypatch.setattr(live.session, "between_pictures", no_picture)
    with pytest.raises(TimeoutError):
        control.use({"size": 256, "budget_ms": 500.0})
    assert isinstance(animator, Animator)
    assert (control.choice, animator.size) == (before, 384)
    assert live.session.quality is quality
    assert live.session.meter.on_sent == quality.observe


def test_a_budget_is_held_from_the_chosen_size_down(live: LiveLoop) -> None:
    control = QualityControl()
    control.bind(live)
    assert control.use({"size": 256, "budget_ms": 900.0}) == QualityChoice(256, 1, "auto", 900.0)
    assert live.session.quality
    assert " 256x256 1 step" in live.session.quality.budget.gear
    control.use({"budget_ms": None})
    assert live.session.quality is None
