"""How whoever asks wrongly, or for what cannot be, is told: each error of ours as one of the wire's codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from omote.bridge.control import ControlError
from omote.engine.capture import SourceError
from omote.engine.face.expressions import ExpressionError
from omote.engine.face.lamps import LightError
from omote.engine.face.tuning import TuningError

from .hotkeys import HotkeyError

INVALID = (TuningError, LightError, HotkeyError, ExpressionError)  # what was asked makes no sense


def failed(sentence: str) -> ControlError:
    """It was understood and could not be done."""
    return ControlError("failed", sentence)


@contextmanager
def told() -> Iterator[None]:
    """Within it, an error that a person can mend becomes a ControlError with the same sentence."""
    try:
        yield
    except ControlError:
        raise
    except INVALID as error:
        raise ControlError("invalid", str(error)) from error
    except (SourceError, ValueError) as error:  # no such camera, no face, no character: each says what is wrong
        raise failed(str(error)) from error
