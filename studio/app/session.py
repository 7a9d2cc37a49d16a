"""One run of the studio: all controls that the page, a hotkey or a script may change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self

from omote.bridge.control import ControlError
from omote.engine.capture.recorder import RecordingProgress
from omote.engine.capture.source import CameraView, SourceError, TrackedPicture
from omote.engine.data import Actor, Array, Character, Portrait
from omote.engine.face.expressions import EXPRESSION_RULES, TOP_LAYER, Expression, ExpressionError
from omote.engine.face.light import LightError
from omote.engine.face.tuning import Tuning, TuningError
from omote.engine.live.loop import LiveLoop

from .characters import CharacterLibrary
from .hotkeys import Hotkey, HotkeyCharacters, HotkeyController, HotkeyError, KeyPhase
from .lighting import LightChoice, LightController
from .performer import DEFAULT_ACTOR, PerformerController
from .recording import Recording
from .settings import Settings, SettingsStore
from .sources import SourceSwitch

POLL_S = 0.05  # between two looks at what is due

log = logging.getLogger(__name__)


class SessionListener(Protocol):
    """Who is told what happens; from any thread, and never blocks."""

    def changed(self) -> None: ...

    def recognised(self, name: str, is_on: bool) -> None: ...


class StudioSession:
    """Holds every control of one run. `with` starts its thread, `bind` gives it the loop.

    It is an output of the loop too, because that is how it learns what the performer is seen to do. Its methods may be
    called from any thread; those that read files or open cameras take their time.
    """

    name = "desk"

    def __init__(self, spec: str = "demo", keeper: SettingsStore | None = None, actor: str | None = None) -> None:
        """`spec` is the source that the loop begins with, `actor` who performs where it is not the one kept."""
        self.keeper = keeper or SettingsStore()
        kept = self.keeper.settings
        self.live: LiveLoop | None = None
        self.audience: SessionListener | None = None
        self.clean_url = ""  # where OBS looks, once the page is open
        self.switch = SourceSwitch(spec)
        self.performer = PerformerController(actor or kept.actor or DEFAULT_ACTOR)
        self.recording = Recording()
        self.lighting = LightController(self._use_light, kept.light)
        self.casting = CharacterLibrary(lambda: self.live.scene if self.live else None, self.changed)
        self.wardrobe = HotkeyCharacters(self.casting.show, self.shown_name)
        self.switchboard = HotkeyController(kept.hotkeys, self._express, self.wardrobe.ask)
        self.recognised: tuple[str, ...] = ()  # now
        self.confidence = 0.0  # of the tracker, now; 0 without a face
        self._told: tuple[object, int, str] = (None, -1, "")  # calibration and recording, as the page knows them
        self._setting = threading.Lock()  # two sliders at once: neither forgets what the other says
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self.settle()

    def settle(self) -> RecordingProgress | None:
        """Ends a recording, and keeps what was set; called again, it does so for what came since.

        How the recording went; None where there was none.
        """
        try:
            return self.recording.end()
        finally:
            self.keeper.write()

    def bind(self, live: LiveLoop) -> None:
        """This loop is the one: it gets all that was kept."""
        self.live = self.switch.live = live
        live.scene.tune(self.keeper.settings.tuning)
        self.lighting.choose(self.lighting.choice, fade_s=0.0)
        self.performer.bind(live)
        self.recording.bind(live)
        self.changed()

    def running(self) -> LiveLoop:
        """The loop; ControlError before there is one."""
        if self.live is None:
            raise failed_request("Omote is still starting: ask again in a moment")
        return self.live

    # What may be changed.

    def use_source(self, kind: str) -> None:
        """Goes over to one of the sources that are offered; SourceError says why not."""
        before = self.switch.kind
        self.switch.use(kind)
        if kind == before:
            return
        self.performer.leave()  # who calibrated did so before the other one
        self.performer.remember()
        self.changed()

    def use_character(self, name: str) -> None:
        """Shows this one, also at the next start; ValueError says why not.

        A photoreal one is not remembered: at the next start its licence wants to be agreed to anew.
        """
        self.casting.show(name)
        self.wardrobe.forget()
        if isinstance(self.running().scene.character, Character):
            self._keep(lambda settings: replace(settings, character=name))
        self.changed()

    def use_actor(self, name: str) -> None:
        """It is this person who performs, also at the next start; ActorError where the name can be nobody's."""
        self.performer.use(name)
        self._keep(lambda settings: replace(settings, actor=name))

    def recalibrate(self) -> Actor:
        """Makes the face of now the one at rest; NoFaceError where none is seen."""
        actor = self.performer.recalibrate()
        self.changed()
        return actor

    def calibrate(self, do: str, step: str = "") -> None:
        """Does with a calibration session what a person wants; ControlError where that cannot be."""
        self.performer.calibrate(do, step)
        self.changed()

    def record(self, is_on: bool) -> Path | None:
        """Begins a recording, or ends the one that is on; where it goes, TakeError where none can be written."""
        if is_on:
            path: Path | None = self.recording.begin()
        else:
            over = self.recording.end()
            path = over.path if over else None
        self.changed()
        return path

    def express(self, expression: Expression, layer: str = TOP_LAYER) -> None:
        """Puts an expression on top of what is performed."""
        self.running().scene.express(expression, layer)

    def tune(self, said: Mapping[str, object]) -> Tuning:
        """Changes what is said of the tuning; TuningError where it makes no sense."""
        with self._setting:
            tuning = self.keeper.settings.tuning.changed(said)
            self._tune(tuning)
        return tuning

    def untune(self) -> None:
        """Makes the tuning the usual one."""
        with self._setting:
            self._tune(Tuning())

    def light(self, said: Mapping[str, object]) -> None:
        """Chooses a light; LightError where it makes no sense."""
        with self._setting:
            choice: LightChoice = self.lighting.choice.changed(said)
            self.lighting.choose(choice)
            self._keep(lambda settings: replace(settings, light=choice))

    def light_from_game(self, harmonics: Array | None) -> None:
        """A game says its light; ValueError where it is none."""
        was_seen = self.lighting.is_game_seen
        self.lighting.from_game(harmonics)
        if was_seen != self.lighting.is_game_seen:
            self.changed()

    def use_hotkeys(self, hotkeys: tuple[Hotkey, ...]) -> None:
        """These are the hotkeys from now on."""
        with self._setting:
            self.switchboard.replace(hotkeys)
            self._keep(lambda settings: replace(settings, hotkeys=hotkeys))

    def trigger(self, id: str, phase: KeyPhase = "press") -> bool:
        """Presses a hotkey; whether it is on now. HotkeyError where there is none."""
        self.running()
        is_on = self.switchboard.trigger(id, phase)
        self.changed()
        return is_on

    # What there is to be seen.

    @property
    def sight(self) -> TrackedPicture | None:
        """What the camera saw last; None where the source has none."""
        source = self.live.source if self.live else None
        return source.sight if isinstance(source, CameraView) else None

    def shown_name(self) -> str | None:
        """Of the character on stage; None before there is one."""
        return self.live.scene.character.name if self.live else None

    def offer(self, portrait: Portrait) -> None:
        """Sees what the performer does; called by the thread that draws."""
        self.confidence = portrait.signal.confidence if portrait.signal else 0.0
        before, self.recognised = self.recognised, portrait.recognised
        if before is portrait.recognised or before == portrait.recognised:
            return
        for name in EXPRESSION_RULES:
            is_on = name in portrait.recognised
            if is_on != (name in before):
                if self.switchboard.recognise(name, is_on):
                    self.changed()
                if audience := self.audience:  # which goes when the page is closed
                    audience.recognised(name, is_on)

    def changed(self) -> None:
        """Tells the page that the state is another."""
        if audience := self.audience:
            audience.changed()

    def _tune(self, tuning: Tuning) -> None:
        if self.live:
            self.live.scene.tune(tuning)
        self._keep(lambda settings: replace(settings, tuning=tuning))

    def _keep(self, change: Callable[[Settings], Settings]) -> None:
        self.keeper.keep(change)
        self.changed()

    def _use_light(self, harmonics: Array | None, within_s: float) -> None:
        if self.live:
            self.live.scene.use_light(harmonics, within_s)

    def _express(self, expression: Expression, layer: str) -> None:
        if self.live:
            self.live.scene.express(expression, layer)

    def _run(self) -> None:
        while not self._is_over.wait(POLL_S):
            try:
                self._turn()
            except Exception:  # one thing that fails must not stop the others, nor the stream
                log.exception("the desk's thread failed at something and goes on")

    def _turn(self) -> None:
        view, progress = self.performer.view, self.recording.progress
        now = view, int(progress.seconds) if progress else -1, progress.error if progress else ""
        if self.switchboard.tick() | self.wardrobe.tick() or now != self._told:
            self.changed()
        self._told = now
        self.keeper.tick()


INVALID_ERRORS = (TuningError, LightError, HotkeyError, ExpressionError)  # what was asked makes no sense


def failed_request(sentence: str) -> ControlError:
    """It was understood and could not be done."""
    return ControlError("failed", sentence)


@contextmanager
def as_control_errors() -> Iterator[None]:
    """Within it, an error that a person can mend becomes a ControlError with the same sentence."""
    try:
        yield
    except ControlError:
        raise
    except INVALID_ERRORS as error:
        raise ControlError("invalid", str(error)) from error
    except (SourceError, ValueError) as error:  # no such camera, no face, no character: each says what is wrong
        raise failed_request(str(error)) from error
