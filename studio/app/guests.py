"""Further characters beside the main one: each has a loop of its own, and a layer of the clean page."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from omote.bridge.errors import OmoteError
from omote.engine.capture.source import Source
from omote.engine.capture.sources import NETWORK_KINDS
from omote.engine.data import AnyCharacter, Array, Character, Portrait
from omote.engine.face.tuning import Tuning
from omote.engine.live.following import FollowedPerformance, FollowedSource
from omote.engine.live.loop import LiveLoop
from omote.engine.live.scene import CENTRED, Placement, Scene, layered
from omote.engine.live.session import LiveSession
from omote.engine.model.animator import Animator, open_renderer
from omote.engine.model.portrait_renderer import PortraitRenderer
from omote.engine.model.renderer import references_at_once
from omote.engine.runtime.session import AUTO

from .quality import QualityChoice
from .validation import shown_value

MOST_GUESTS = 4
SAME = "same"  # the performer of the main character
GUEST_PLACEMENT = Placement(x=0.24, y=-0.22, zoom=0.56)  # lower right, so that it does not hide the main character
STOP_S = 2.0
_MOST_NAME = 128  # letters
_KINDS = "|".join(NETWORK_KINDS)
# Never a path. A phone or a port may follow the kind, but no size or rate of a camera.
_SOURCE = re.compile(rf"(same|demo|webcam(:[0-9]{{1,2}})?|({_KINDS})(:[A-Za-z0-9_.-]{{1,200}})?)\Z", re.ASCII)

log = logging.getLogger(__name__)


class GuestError(OmoteError, ValueError):
    """A guest is impossible; the message says what was expected."""


@dataclass(frozen=True)
class Guest:
    """A character beside the main one, and what moves it."""

    character: str
    source: str = SAME  # or as `open_source` takes it
    is_behind: bool = False  # the main character


def read_guests(data: object) -> tuple[Guest, ...]:
    """The guests in these JSON values, from back to front; GuestError if one is invalid."""
    if not isinstance(data, list) or len(data) > MOST_GUESTS:
        raise GuestError(f"guests are a list of at most {MOST_GUESTS}, got {shown_value(data)}")
    guests = tuple(_guest(one) for one in data)
    names = [one.character for one in guests]
    if twice := [name for name in names if names.count(name) > 1]:
        raise GuestError(f"{shown_value(twice[0])} is a guest twice: each character can be one once")
    return (*(one for one in guests if one.is_behind), *(one for one in guests if not one.is_behind))


def _guest(data: object) -> Guest:
    if not isinstance(data, Mapping) or not set(data) <= {"character", "source", "is_behind"}:
        raise GuestError(f"a guest is an object of character, source and is_behind, got {shown_value(data)}")
    name, source, is_behind = data.get("character"), data.get("source", SAME), data.get("is_behind", False)
    if not (isinstance(name, str) and 0 < len(name) <= _MOST_NAME and name.isprintable()):
        raise GuestError(f'"character" must be the name of a character, got {shown_value(name)}')
    if not (isinstance(source, str) and _SOURCE.match(source)):
        raise GuestError(
            f'"source" must be "{SAME}", demo, webcam:N or one of {", ".join(NETWORK_KINDS)}, got {shown_value(source)}'
        )
    if not isinstance(is_behind, bool):
        raise GuestError(f'"is_behind" must be true or false, got {shown_value(is_behind)}')
    return Guest(name, source, is_behind)


class GuestController:
    """Runs the guests of a session. Methods may be called from any thread; each guest is loaded in its own."""

    def __init__(
        self,
        load: Callable[[str], AnyCharacter],
        open_source: Callable[[str], Source],
        changed: Callable[[], None],
        open_renderer: Callable[[Character], PortraitRenderer] | None = None,
    ) -> None:
        """`load` returns the character of a name; `changed` is called when a guest appears or ends."""
        self.runtime = AUTO  # of the guests' networks
        self._load, self._open_source, self._changed = load, open_source, changed
        self._open_renderer = open_renderer or self._animator
        self._idle: list[PortraitRenderer] = []  # of guests that have left: a compiled network takes 200 MB and seconds
        self._quality = QualityChoice()  # of which they take size and steps
        self._main: LiveSession | None = None
        self._running: tuple[_RunningGuest, ...] = ()  # from back to front; replaced as a whole
        self._look = GuestLook()
        self._lock, self._lending = threading.Lock(), threading.Lock()

    @property
    def guests(self) -> tuple[Guest, ...]:
        """From back to front, those behind the main character first."""
        return tuple(one.guest for one in self._running)

    def bind(self, main: LiveSession) -> None:
        """Lets guests follow this session's performer."""
        self._main = main

    def use(self, guests: tuple[Guest, ...]) -> None:
        """Shows these guests from now on. One that stays with its source goes on; one that has failed begins again."""
        with self._lock:
            main = self._main
            if main is None:
                return
            going = {(one.guest.character, one.guest.source): one for one in self._running if not one.error}
            after: list[_RunningGuest] = []
            for guest in guests:
                running = going.pop((guest.character, guest.source), None)
                if running is None:
                    running = _RunningGuest(guest, self._changed, self._ended)
                    running.start(main, self._opened)
                running.guest = guest
                after.append(running)
            self._running = tuple(after)
            for gone in going.values():
                gone.stop()

    def close(self) -> None:
        """Ends all guests."""
        self.use(())

    def share(self, change: Callable[[GuestLook], GuestLook]) -> None:
        """Changes what the guests have in common with the main character."""
        self._look = change(self._look)
        for one in self._running:
            if live := one.live:
                self._look.apply(one.guest, live.session)

    def use_quality(self, choice: QualityChoice) -> None:
        """Draws guests in this size and with these steps."""
        self._quality = choice
        for one in self._running:
            renderer = one.live.session.renderer if one.live else None
            if isinstance(renderer, Animator):
                renderer.use(choice.size, choice.steps)

    def shown(self, main: Portrait, names: Collection[str] | None) -> Portrait:
        """The main portrait together with its guests, of all or of the characters with these names.

        The same object if it stands alone; a transparent picture if none of the names is shown.
        """
        running = [one for one in self._running if names is None or one.guest.character in names]
        has_main = names is None or (self._main is not None and self._main.character.name in names)
        behind = [one.layer.portrait for one in running if one.guest.is_behind]
        before = [one.layer.portrait for one in running if not one.guest.is_behind]
        layers = [one for one in (*behind, main if has_main else None, *before) if one is not None]
        if len(layers) == 1 and layers[0] is main:
            return main
        background = self._look.scene.background if self._look.scene else None
        rgba, cutout = layered(layers or [replace(main, rgba=np.zeros_like(main.rgba), cutout=None)], background)
        return replace(main, rgba=rgba, cutout=cutout if background else None)

    def as_json(self) -> list[dict[str, object]]:
        """Each guest, its state ("starting", "shown" or "failed") and why it failed, as JSON values."""
        return [{**asdict(one.guest), "state": one.state, "error": one.error} for one in self._running]

    def _opened(self, guest: Guest, main: LiveSession, layer: NewestPortrait) -> LiveLoop:
        """The loop of a guest; loading its character and its network takes seconds."""
        character = self._load(guest.character)
        if not isinstance(character, Character):
            raise GuestError(f"{guest.character} is photoreal and can only be the main character")
        source = FollowedSource(main) if guest.source == SAME else self._open_source(guest.source)
        session = LiveSession(self._renderer(character), character, (layer,))
        if guest.source == SAME:
            session.performance = FollowedPerformance(main)
        self._look.apply(guest, session)
        return LiveLoop(source, session)

    def _renderer(self, character: Character) -> PortraitRenderer:
        with self._lending:
            renderer = self._idle.pop() if self._idle else None
        if renderer is None:
            return self._open_renderer(character)
        if isinstance(renderer, Animator):
            renderer.use(self._quality.size, self._quality.steps)
            renderer.reset()
        return renderer

    def _ended(self, live: LiveLoop) -> None:
        """Keeps the renderer of a loop that draws no more, for the next guest."""
        if not live.is_drawing:
            with self._lending:
                self._idle.append(live.session.renderer)

    def _animator(self, character: Character) -> Animator:
        renderer, _ = open_renderer(self.runtime, references_at_once(character))
        return Animator(self._quality.size, self._quality.steps, renderer=renderer)


@dataclass(frozen=True)
class GuestLook:
    """What guests have in common with the main character."""

    scene: Scene | None = None  # None before the first
    placements: Callable[[str], Placement] = lambda character: CENTRED
    light: tuple[Array | None, float] = (None, 0.0)  # and the seconds of its change
    tuning: Tuning = field(default_factory=Tuning)
    is_paused: bool = False
    is_hidden: bool = False
    is_labelled: bool = False

    def apply(self, guest: Guest, session: LiveSession) -> None:
        """Shows this guest so."""
        if self.scene is not None:
            placement = self.placements(guest.character)
            session.use_scene(replace(self.scene, placement=placement, background=None, items=()))
        session.use_light(*self.light)
        session.performance.tune(self.tuning)
        session.is_paused = self.is_paused
        if session.is_hidden != self.is_hidden:
            session.hide(self.is_hidden)
        session.label(self.is_labelled)


class NewestPortrait:
    """An output that keeps the newest portrait, and tells of the first."""

    name = "layer"

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.portrait: Portrait | None = None
        self._on_first = on_first

    def offer(self, portrait: Portrait) -> None:
        """Keeps this portrait."""
        is_first, self.portrait = self.portrait is None, portrait
        if is_first:
            self._on_first()


class _RunningGuest:
    """One guest and the thread of its loop."""

    def __init__(self, guest: Guest, changed: Callable[[], None], ended: Callable[[LiveLoop], None]) -> None:
        self.guest, self._ended = guest, ended
        self.layer = NewestPortrait(changed)
        self.live: LiveLoop | None = None
        self.error = ""  # why it has ended
        self._changed = changed
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> str:
        if self.error:
            return "failed"
        return "shown" if self.layer.portrait is not None else "starting"

    def start(self, main: LiveSession, open_loop: Callable[[Guest, LiveSession, NewestPortrait], LiveLoop]) -> None:
        """Opens the loop and runs it, in a thread of its own."""
        name = f"guest {self.guest.character}"
        self._thread = threading.Thread(target=self._run, args=(main, open_loop), name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the loop, and waits a moment for it."""
        self._is_stopped.set()
        if self.live and self._thread:
            self.live.end()
            self._thread.join(STOP_S)

    def _run(self, main: LiveSession, open_loop: Callable[[Guest, LiveSession, NewestPortrait], LiveLoop]) -> None:
        try:
            self.live = open_loop(self.guest, main, self.layer)
            if not self._is_stopped.is_set():
                self.live.run()
                self.error = "" if self._is_stopped.is_set() else "its source has ended"
        except (OmoteError, ValueError, OSError) as error:
            self.error = str(error)
        finally:
            if self.error:
                log.warning("the guest %s has ended: %s", self.guest.character, self.error)
            live, self.live, self.layer.portrait = self.live, None, None
            if live:
                self._ended(live)
            self._changed()
