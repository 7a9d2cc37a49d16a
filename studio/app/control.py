"""What a running Omote can be asked over its control endpoint: the methods of WIRE.md, bound to one desk."""

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
from omote.engine.model.character_file import character_names, load_any_character, user_character_names
from omote.engine.model.portrait_renderer import PortraitRenderer

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

MAX_LIGHT = 100.0  # the size of a harmonic

_MOST_NAMES, _MOST_BYTES = 256, 16_000  # of a list in a reply, by the bounds of the wire
_TEXT_HEAD = 3  # bytes that msgpack puts before a text, at most


class ControlMethods:
    """The methods by their names; the desk knows the loop when that exists, and `server` is set when it is open."""

    def __init__(self, wire: WireOutput, artist: PortraitRenderer, desk: StudioSession) -> None:
        self.server: ControlServer | None = None
        self._publisher = wire.publisher
        self._artist, self._desk = artist, desk

    def methods(self) -> dict[str, Method]:
        """What can be asked; `clock` is the server's own."""
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
        """How often a receiver or a client was not let in, on all endpoints."""
        return self._publisher.rejected_handshakes + (self.server.rejected_handshakes if self.server else 0)

    def _running(self) -> LiveLoop:
        return self._desk.running()

    def _hello(self, arguments: Arguments) -> Result:
        return {
            "character": self._running().scene.character.name,
            "session": self._publisher.session,
            "subject": self._publisher.subject,
            "size": self._artist.size,
            "runtime": self._artist.runtime,
            **asdict(self._publisher.hello),
        }

    def _stats(self, arguments: Arguments) -> Result:
        publisher, moment = self._publisher, self._running().moment
        total = moment.latency.total
        return {
            "pictures": moment.pictures,
            "sent_pictures": publisher.sent_pictures,
            "sent_params": publisher.sent_params,
            "dropped": moment.dropped + publisher.dropped,
            "rejected_handshakes": self.rejected_handshakes,
            "rejected_requests": self.server.rejected_requests if self.server else 0,
            "listening": sorted(publisher.listening),
            "fps": moment.fps,
            "tracked": moment.tracked_fraction,
            "latency_p50_ms": total.p50 if total else 0.0,
            "latency_p99_ms": total.p99 if total else 0.0,
            "source": moment.source,
            "phase": moment.phase.value,
            **asdict(moment.counts),
            "budget_ms": moment.budget.ms if moment.budget else 0.0,
            "budget_held": moment.budget is not None and moment.budget.is_held,
            "gear": moment.budget.gear if moment.budget else "",
        }

    def _format(self, arguments: Arguments) -> Result:
        alphas = _choices(arguments, "alpha", ("straight", "premultiplied"))
        origins = _choices(arguments, "origin", ("top", "bottom"))
        wanted = itertools.product(text_list_argument(arguments, "fmt"), alphas, origins)
        for format in itertools.chain.from_iterable(_formats_of(*one) for one in wanted):
            return {"topic": topic(VIDEO, self._publisher.subject, format).decode()}
        raise ControlError("failed", f"none of these can be served; there are {', '.join(FORMATS)}")

    def _characters(self, arguments: Arguments) -> Result:
        return {"names": _fitting_names(_names())}

    def _set_character(self, arguments: Arguments) -> Result:
        live, name = self._running(), choice_argument(arguments, "name", _names())
        try:
            live.scene.change(load_any_character(name))
        except ValueError as error:  # no character file, or not of this network
            raise ControlError("failed", str(error)) from error
        self._desk.wardrobe.forget()
        self._desk.changed()
        return {"character": name}

    def _set_light(self, arguments: Arguments) -> Result:
        self._running()
        self._desk.light_from_game(_harmonics(arguments))
        return {}

    def _set_expression(self, arguments: Arguments) -> Result:
        self._running()
        with as_control_errors():
            self._desk.express(expression_argument(arguments), text_argument(arguments, "layer", default=TOP_LAYER))
        return {}

    def _expressions(self, arguments: Arguments) -> Result:
        return {"names": list(EXPRESSION_NAMES)}

    def _recalibrate(self, arguments: Arguments) -> Result:
        with as_control_errors():
            self._desk.recalibrate()
        return {}

    def _hotkeys(self, arguments: Arguments) -> Result:
        ids = [one.id for one in self._desk.switchboard.hotkeys]
        return {"names": ids, "on": [one.id for one in self._desk.switchboard.on]}

    def _trigger_hotkey(self, arguments: Arguments) -> Result:
        phase = cast(KeyPhase, choice_argument(arguments, "phase", KEY_PHASES, default="press"))
        with as_control_errors():
            return {"is_on": self._desk.trigger(text_argument(arguments, "name"), phase)}

    def _tune(self, arguments: Arguments) -> Result:
        self._running()
        with as_control_errors():
            return self._desk.tune(arguments).as_json()

    def _set_actor(self, arguments: Arguments) -> Result:
        with as_control_errors():
            self._desk.use_actor(text_argument(arguments, "name"))
        return {"actor": self._desk.performer.name}

    def _record(self, arguments: Arguments) -> Result:
        with as_control_errors():
            path = self._desk.record(bool_argument(arguments, "on"))
        return {"path": "" if path is None else path.name}


def _names() -> tuple[str, ...]:
    return tuple(dict.fromkeys((*character_names(), *user_character_names())))


def _fitting_names(names: Sequence[str]) -> list[str]:
    """As many of the names as one reply carries; the others can be shown all the same."""
    ends = itertools.accumulate(len(name.encode()) + _TEXT_HEAD for name in names)
    return [name for name, end in zip(names[:_MOST_NAMES], ends, strict=False) if end <= _MOST_BYTES]


def _choices(arguments: Arguments, key: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """The words that will do, the one liked best first."""
    chosen = choice_argument(arguments, key, (*words, "any"), default=words[0])
    return words if chosen == "any" else (chosen,)


def _formats_of(fmt: str, alpha: str, origin: str) -> list[Format]:
    """The format of these words, if there is one; for one without alpha it does not matter which was wanted."""
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
