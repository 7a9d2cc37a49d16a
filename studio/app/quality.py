"""How the portrait is drawn: size, steps, runtime and latency budget, changed while the loop runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from omote.bridge.errors import OmoteError
from omote.engine.data import Character
from omote.engine.live.adaptive_quality import AdaptiveQuality, QualityLevel, adaptive_quality_for
from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import LiveSession
from omote.engine.model.animator import Animator, open_renderer, runtime_options
from omote.engine.model.renderer import DEFAULT_SIZE, SIZES, STEPS, references_at_once

from .validation import shown_value

BUDGETS_MS = 5.0, 1000.0  # the range of a budget


class QualityError(OmoteError, ValueError):
    """A quality is invalid or cannot be changed; the message says what was expected."""


@dataclass(frozen=True)
class QualityChoice:
    """What the portrait is drawn with; a budget may lower size, steps and rate from here."""

    size: int = DEFAULT_SIZE  # pixels, the picture is square
    steps: int = 1
    runtime: str = "auto"
    budget_ms: float | None = None  # for the p95 of capture to sent

    def changed(self, changes: Mapping[str, object]) -> QualityChoice:
        """A copy with these values; QualityError if one is unknown or invalid."""
        known: Mapping[str, tuple[object, ...]] = {"size": SIZES, "steps": STEPS, "runtime": runtime_options()}
        for name, value in changes.items():
            if name == "budget_ms":
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                if value is not None and not (is_number and BUDGETS_MS[0] <= float(str(value)) <= BUDGETS_MS[1]):
                    low, high = BUDGETS_MS
                    raise QualityError(
                        f'"budget_ms" must be null or from {low:g} to {high:g}, got {shown_value(value)}'
                    )
            elif name not in known:
                raise QualityError(f"quality has no {shown_value(name)}; it has {', '.join((*known, 'budget_ms'))}")
            elif isinstance(value, bool) or value not in known[name]:
                options = ", ".join(map(str, known[name]))
                raise QualityError(f'"{name}" must be one of {options}, got {shown_value(value)}')
        return replace(self, **changes)  # type: ignore[arg-type]  # each was checked above

    def as_json(self) -> dict[str, object]:
        """The same as JSON values."""
        return asdict(self)


class QualityControl:
    """Changes the quality of a loop. `use` takes seconds for another runtime or a budget; the stream goes on."""

    def __init__(self) -> None:
        self.choice = QualityChoice()
        self._live: LiveLoop | None = None
        self._lock = threading.Lock()

    @property
    def is_adjustable(self) -> bool:
        """Whether the renderer of this run has a quality that can be changed; a photoreal one has not."""
        return self._live is not None and isinstance(self._live.session.renderer, Animator)

    def bind(self, live: LiveLoop) -> None:
        """Controls this loop, and takes its present quality as the chosen one."""
        self._live = live
        animator, quality = live.session.renderer, live.session.quality
        if isinstance(animator, Animator):
            budget_ms = quality.budget.ms if quality else None
            self.choice = QualityChoice(animator.size, animator.steps, "auto", budget_ms)

    def use(self, changes: Mapping[str, object]) -> QualityChoice:
        """Changes some values and returns all; QualityError, or AnimatorError if the runtime does not run here.

        TimeoutError if no picture is drawn meanwhile. After an error everything is as it was.
        """
        with self._lock:
            live = self._live
            if live is None or not self.is_adjustable:
                raise QualityError(
                    "a photoreal character's size and steps are chosen when Omote starts: start it again with others"
                )
            choice = self.choice.changed(changes)
            # Whatever may fail comes first, so that a refused change leaves the picture and the choice as they were.
            animator = self._animator(live.session, choice)
            quality = self._adaptive_quality(live, animator, choice)
            if animator is not live.session.renderer:
                live.session.between_pictures(lambda: live.session.use_renderer(animator))
            live.session.use_quality(None)
            live.rate.limit(None)
            animator.use(choice.size, choice.steps)
            live.session.use_quality(quality)
            self.choice = choice
        return choice

    def as_json(self) -> dict[str, object]:
        """The choice, and what can be chosen, as JSON values."""
        renderer = self._live.session.renderer if self._live else None
        return {
            **self.choice.as_json(),
            "is_adjustable": self.is_adjustable,
            "runs": renderer.runtime if renderer else "",
            "sizes": list(SIZES),
            "step_counts": list(STEPS),
            "runtimes": list(runtime_options()),
        }

    def _animator(self, session: LiveSession, choice: QualityChoice) -> Animator:
        """The animator of the session, or another one with the chosen runtime and the character ready."""
        if choice.runtime == self.choice.runtime:
            assert isinstance(session.renderer, Animator)
            return session.renderer
        character = session.character
        references = references_at_once(character) if isinstance(character, Character) else 1
        renderer, _ = open_renderer(choice.runtime, references)
        animator = Animator(choice.size, choice.steps, renderer=renderer)
        animator.check(character)  # prepared here, so that the next picture need not wait for it
        return animator

    def _adaptive_quality(self, live: LiveLoop, animator: Animator, choice: QualityChoice) -> AdaptiveQuality | None:
        """Holds the budget from the chosen size and steps down, measured already; None without a budget."""
        if choice.budget_ms is None:
            return None
        session, character = live.session, live.session.character
        if not isinstance(character, Character):
            raise QualityError(f"{character.name} is photoreal and has no cheaper quality")
        best = QualityLevel(choice.size, choice.steps)
        quality = adaptive_quality_for(animator, choice.budget_ms, character, session.light, best)
        session.between_pictures(quality.__enter__)  # it draws, and only one thread may do so
        quality.on_rate = live.rate.limit
        return quality
