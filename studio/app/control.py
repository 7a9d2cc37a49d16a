"""The methods of the control endpoint, as bridge/WIRE.md describes them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import cast

import numpy as np

from omote.bridge.control import ControlError, ControlServer, Method
from omote.bridge.frame import VIDEO, topic
from omote.bridge.picture import FORMATS, Format
from omote.engine.data import LIGHT_SIZE, Array
from omote.engine.face.expressions import EXPRESSION_NAMES, TOP_LAYER
from omote.engine.live.loop import LiveLoop
from omote.engine.live.outputs import WireOutput
from omote.engine.model.character_file import character_names, load_any_character

from .hotkeys import KEY_PHASES, KeyPhase
from .session import StudioSession, as_control_errors
from .validation import (
    Arguments,
    bool_argument,
    checked_number,
    choice_argument,
    expression_argument,
    invalid_argument,
    text_argument,
    text_list_argument,
)

Result = Mapping[str, object]

MAX_LIGHT = 100.0  # of a harmonic

_MOST_NAMES, _MOST_BYTES = 256, 16_000  # of a list in a reply, by the limits of the wire
_TEXT_HEAD = 3  # bytes that msgpack puts before a text, at most


class ControlMethods:
    """The methods of one session; `server` is set once it is open."""

    def __init__(self, wire: WireOutput, studio: StudioSession) -> None:
        self.server: ControlServer | None = None
        self._publisher = wire.publisher
        self._studio = studio

    def methods(self) -> dict[str, Method]:
        """The methods by name; the server itself adds `clock`."""
        return {
            "hello": self._hello,
            "stats": self._stats,
            "format": self._format,
            "characters": self._characters,
            "set_character": self._set_character,
            "set_light": self._set_light,
            "set_expression": self._set_expression,
            "expressions": self._expressions,
            "recalibrate": self._recalibrate,
            "hotkeys": self._hotkeys,
            "trigger_hotkey": self._trigger_hotkey,
            "tune": self._tune,
            "set_actor": self._set_actor,
            "record": self._record,
        }

    @property
    def rejected_handshakes(self) -> int:
        """How often a receiver or a client was refused, on all endpoints."""
        return self._publisher.rejected_handshakes + (self.server.rejected_handshakes if self.server else 0)

    def _running(self) -> LiveLoop:
        return self._studio.running()

    def _hello(self, arguments: Arguments) -> Result:
        session = self._running().session
        return {
            "character": session.character.name,
            "session": self._publisher.session,
            "subject": self._publisher.subject,
            "size": session.renderer.size,
            "runtime": session.renderer.runtime,
            **asdict(self._publisher.hello),
        }

    def _stats(self, arguments: Arguments) -> Result:
        publisher, status = self._publisher, self._running().status
        total = status.latency.total
        return {
            "pictures": status.pictures,
            "sent_pictures": publisher.sent_pictures,
            "sent_params": publisher.sent_params,
            "dropped": status.dropped + publisher.dropped,
            "rejected_handshakes": self.rejected_handshakes,
            "rejected_requests": self.server.rejected_requests if self.server else 0,
            "listening": sorted(publisher.listening),
            "fps": status.fps,
            "tracked": status.tracked_fraction,
            "latency_p50_ms": total.p50 if total else 0.0,
            "latency_p99_ms": total.p99 if total else 0.0,
            "source": status.source,
            "phase": status.phase.value,
            **asdict(status.counts),
            "budget_ms": status.budget.ms if status.budget else 0.0,
            "budget_held": status.budget is not None and status.budget.is_held,
            "gear": status.budget.gear if status.budget else "",
        }

    def _format(self, arguments: Arguments) -> Result:
        alphas = _choices(arguments, "alpha", ("straight", "premultiplied"))
        origins = _choices(arguments, "origin", ("top", "bottom"))
        combinations = itertools.product(text_list_argument(arguments, "fmt"), alphas, origins)
        for format in itertools.chain.from_iterable(_formats_of(*one) for one in combinations):
            return {"topic": topic(VIDEO, self._publisher.subject, format).decode()}
        raise ControlError("failed", f"none of these can be served; there are {', '.join(FORMATS)}")

    def _characters(self, arguments: Arguments) -> Result:
        return {"names": _names_that_fit(_names())}

    def _set_character(self, arguments: Arguments) -> Result:
        live, name = self._running(), choice_argument(arguments, "name", _names())
        try:
            live.session.change(load_any_character(name))
        except ValueError as error:  # the file is damaged, or another network draws it
            raise ControlError("failed", str(error)) from error
        self._studio.hotkey_characters.keep_current()
        self._studio.changed()
        return {"character": name}

    def _set_light(self, arguments: Arguments) -> Result:
        self._running()
        self._studio.light_from_game(_harmonics(arguments))
        return {}

    def _set_expression(self, arguments: Arguments) -> Result:
        self._running()
        with as_control_errors():
            self._studio.express(expression_argument(arguments), text_argument(arguments, "layer", default=TOP_LAYER))
        return {}

    def _expressions(self, arguments: Arguments) -> Result:
        return {"names": list(EXPRESSION_NAMES)}

    def _recalibrate(self, arguments: Arguments) -> Result:
        with as_control_errors():
            self._studio.recalibrate()
        return {}

    def _hotkeys(self, arguments: Arguments) -> Result:
        ids = [one.id for one in self._studio.hotkeys.definitions]
        return {"names": ids, "on": [one.id for one in self._studio.hotkeys.active]}

    def _trigger_hotkey(self, arguments: Arguments) -> Result:
        phase = cast(KeyPhase, choice_argument(arguments, "phase", KEY_PHASES, default="press"))
        with as_control_errors():
            return {"is_on": self._studio.trigger(text_argument(arguments, "name"), phase)}

    def _tune(self, arguments: Arguments) -> Result:
        self._running()
        with as_control_errors():
            return self._studio.tune(arguments).as_json()

    def _set_actor(self, arguments: Arguments) -> Result:
        with as_control_errors():
            self._studio.use_actor(text_argument(arguments, "name"))
        return {"actor": self._studio.performer.name}

    def _record(self, arguments: Arguments) -> Result:
        with as_control_errors():
            is_on = bool_argument(arguments, "on")
            progress = self._studio.record(is_on)
        has_file = progress is not None and (is_on or progress.rows > 0)
        return {"path": progress.path.name if progress and has_file else ""}


def _names() -> tuple[str, ...]:
    return character_names()


def _names_that_fit(names: Sequence[str]) -> list[str]:
    """As many of the names as one reply can hold."""
    ends = itertools.accumulate(len(name.encode()) + _TEXT_HEAD for name in names)
    return [name for name, end in zip(names[:_MOST_NAMES], ends, strict=False) if end <= _MOST_BYTES]


def _choices(arguments: Arguments, key: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """The acceptable options, the preferred one first."""
    chosen = choice_argument(arguments, key, (*options, "any"), default=options[0])
    return options if chosen == "any" else (chosen,)


def _formats_of(fmt: str, alpha: str, origin: str) -> list[Format]:
    """The formats with these properties; one without alpha matches every `alpha`."""
    formats = [Format.parse(name) for name in FORMATS]
    return [one for one in formats if one.fmt == fmt and one.alpha in (alpha, "opaque") and one.origin == origin]


def _harmonics(arguments: Arguments) -> Array | None:
    value = arguments.get("harmonics")
    if value is None and "harmonics" in arguments:
        return None
    if not isinstance(value, list) or len(value) != LIGHT_SIZE:
        got = f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__
        raise invalid_argument(
            f'"harmonics" must be a list of {LIGHT_SIZE} numbers, or nil for the studio\'s light; got {got}'
        )
    numbers = [checked_number(one, f"harmonic {at}", -MAX_LIGHT, MAX_LIGHT) for at, one in enumerate(value)]
    return np.array(numbers, np.float32)
