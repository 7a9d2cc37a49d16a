"""One run of the studio: everything that the page, a hotkey or a script can change."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol, Self

from PIL import Image

from omote.bridge import arkit
from omote.bridge.control import ControlError
from omote.bridge.endpoint import BindError
from omote.bridge.outputs import SenderError
from omote.engine.capture.cameras import AdjustableCamera, list_cameras
from omote.engine.capture.recorder import RecordingProgress
from omote.engine.capture.source import CameraView, Picture, Source, SourceError, TrackedPicture
from omote.engine.capture.sources import open_source
from omote.engine.data import Actor, Array, Character, Portrait
from omote.engine.face.expressions import TOP_LAYER, Expression, ExpressionError
from omote.engine.face.light import LightError
from omote.engine.face.lipsync import VoiceError
from omote.engine.face.performance import RECOGNISABLE
from omote.engine.face.tuning import Tuning, TuningError
from omote.engine.hardware import return_free_memory
from omote.engine.live.loop import LiveLoop
from omote.engine.live.overlays import Sprite
from omote.engine.live.scene import Scene, SceneError

from .apps import AppError, AppRegistry
from .cameras import chosen_camera
from .characters import CharacterLibrary
from .config import user_config_path
from .endpoints import EndpointSwitch, read_endpoints
from .global_hotkeys import GlobalHotkeys
from .guests import GUEST_PLACEMENT, Guest, GuestController, GuestError
from .hotkeys import Hotkey, HotkeyCharacters, HotkeyCommand, HotkeyController, HotkeyError, HotkeyEvent, KeyPhase
from .items import Item, ItemController, ItemError, item_named, with_changes, with_item, without_item
from .lighting import LightChoice, LightController
from .outputs import OutputSwitch
from .performer import DEFAULT_ACTOR, PerformerController
from .pictures import PictureError, PictureLibrary
from .profiles import ProfileLibrary
from .quality import QualityControl, QualityError
from .recording import Recording
from .scenes import SceneChoice, SceneController
from .screen import Rgb, small_picture
from .settings import Settings, SettingsStore
from .sources import FILE, SourceSwitch, check_no_feedback
from .takes import TakeLibrary
from .validation import Arguments, shown_value
from .voice import VoiceController, read_device

POLL_S = 0.05
TRIM_S = 5.0  # after which free memory goes back to the system, which takes about 6 ms
CAPTURED = 0.05  # a smaller weight is no part of an expression that is captured
MOST_EVENTS = 16  # that wait; older ones are dropped

log = logging.getLogger(__name__)

INVALID_ERRORS = (
    *(TuningError, LightError, HotkeyError, ExpressionError),
    *(SceneError, ItemError, AppError, VoiceError, QualityError, GuestError),
)


class SessionListener(Protocol):
    """Hears of changes. Its methods are called from any thread and must not block."""

    def changed(self) -> None: ...

    def recognised(self, name: str, is_on: bool) -> None: ...


class StudioSession:
    """Holds every control of one run. `with` starts its thread, `bind` gives it the loop.

    It is an output of the loop too, from which it learns the recognised expressions. Its methods may be called from any
    thread; those that read files or open cameras take a while.
    """

    name = "studio"

    def __init__(self, source: str = "demo", store: SettingsStore | None = None, actor: str | None = None) -> None:
        """`source` is what the loop begins with. `actor` performs, else the one from the settings."""
        self.store = store or SettingsStore()
        kept = self.store.settings
        self.live: LiveLoop | None = None
        self.listener: SessionListener | None = None
        self.clean_url = ""  # of the page for OBS, once it is open
        self.obs_page: Path | None = None  # a local file that waits for it
        self.switch = SourceSwitch(source, self._camera_spec)
        self.performer = PerformerController(actor or kept.actor or DEFAULT_ACTOR)
        self.recording = Recording()
        self.lighting = LightController(self._use_light, kept.light, self._colours_of)
        self.characters = CharacterLibrary(lambda: self.live.session if self.live else None, self._character_changed)
        self.pictures = PictureLibrary()
        self.profiles = ProfileLibrary()
        self.takes = TakeLibrary(self.changed)
        self.guests = GuestController(self.characters.load, self._guest_source, self.changed)
        self.scenes = SceneController(self._use_scene, kept.scene, self.pictures, self.character_name)
        self.voice = VoiceController(kept.voice, self.changed)
        self.items = ItemController(self.scenes.show_items, self._throw, kept.items, self.pictures)
        self.apps = AppRegistry(self.store.folder, self.changed)
        self.hotkey_characters = HotkeyCharacters(self.characters.show, self.character_name)
        self.hotkeys = HotkeyController(
            kept.hotkeys, self._express, self.hotkey_characters.request, self._run_command, self._queue_event
        )
        self._events: deque[tuple[HotkeyEvent, str]] = deque(maxlen=MOST_EVENTS)  # for the thread
        self.failed_event = ""  # why the last of them failed
        self.endpoints: EndpointSwitch | None = None  # of ZeroMQ, once they are open
        self.outputs = OutputSwitch(user_config_path().parent)
        self.quality = QualityControl()
        self.global_hotkeys = GlobalHotkeys(lambda: self.hotkeys.definitions, self.trigger)
        self.global_problem = ""  # why they are off although they were chosen
        self.recognised: tuple[str, ...] = ()  # now
        self.confidence = 0.0  # of the tracker, 0 without a face
        # Of calibration and recording, as the listener knows it.
        self._last_progress: tuple[object, int, str] = (None, -1, "")
        self._lock = threading.Lock()  # so that of two changes at once neither undoes the other
        self._showing = threading.Lock()  # so that the character that is remembered is the one that is shown
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="studio", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_stopping.set()
        self.lighting.close()
        self.voice.close()
        self.guests.close()
        self.global_hotkeys.turn(False)
        self.finish()

    def finish(self) -> RecordingProgress | None:
        """Ends the recording, writes the settings, and returns how the recording went, if there was one.

        It may be called again for what has changed since.
        """
        try:
            return self.recording.end()
        finally:
            self.store.write()

    def bind(self, live: LiveLoop) -> None:
        """Applies the settings to this loop, which is controlled from now on."""
        self.live = self.switch.live = live
        live.session.performance.tune(self.store.settings.tuning)
        self.lighting.choose(self.lighting.choice, fade_s=0.0)
        self.items.refresh()
        self.performer.bind(live)
        self.recording.bind(live)
        self.voice.bind(live)
        self.quality.bind(live)
        self.guests.bind(live.session)
        self.guests.use_quality(self.quality.choice)
        self.guests.share(lambda look: replace(look, tuning=self.store.settings.tuning))
        self.guests.use(self.store.settings.guests)
        self._open_kept_outputs()
        if self.store.settings.global_hotkeys:
            try:
                self.global_hotkeys.turn(True)
            except HotkeyError as error:
                self.global_problem = str(error)
                log.warning("%s", error)
        self.changed()

    def running(self) -> LiveLoop:
        """Returns the loop; ControlError before there is one."""
        if self.live is None:
            raise failed_request("Omote is still starting: ask again in a moment")
        return self.live

    # What can be changed.

    def use_source(self, kind: str) -> None:
        """Switches to one of the offered sources; SourceError if it cannot be opened."""
        before = self.switch.kind
        self.switch.use(kind)
        if kind == before:
            return
        self.performer.end_session()  # a calibration holds for one camera
        self.performer.reload()
        self.changed()

    def use_camera(self, arguments: Arguments) -> None:
        """Switches to this camera, also for the next start; SourceError if it cannot be opened."""
        choice = chosen_camera(arguments, list_cameras())
        self._choose("webcam", choice.spec((choice.camera,)))
        self._keep(lambda settings: replace(settings, camera=choice))

    def use_phone(self, kind: str, phone: str) -> None:
        """Listens to an app, or, with the phone's address, asks that phone; SourceError if it cannot."""
        self._choose(kind, f"{kind}:{phone}" if phone else kind)

    def use_file(self, path: Path) -> None:
        """Plays a video or a take in a loop; SourceError if it cannot be opened."""
        self._choose(FILE, str(path))

    def camera_still(self, index: int) -> Picture:
        """A picture of this camera, which is opened for a moment unless it is in use; SourceError without one."""
        source = self.live.source if self.live else None
        if isinstance(source, AdjustableCamera) and source.index == index:
            tracked = self.camera_picture
            if tracked is None:
                raise SourceError("this camera has given no picture yet")
            return tracked.picture
        from omote.engine.capture.webcam import still_picture

        return still_picture(index)

    def use_character(self, name: str) -> None:
        """Shows this character, also at the next start; ValueError if it cannot be shown.

        A photoreal one is not remembered, because its licence needs the user's word at each start.
        """
        with self._showing:
            self.characters.show(name)
            self.hotkey_characters.keep_current()
            if isinstance(self.running().session.character, Character):
                self._keep(lambda settings: replace(settings, character=name))
        self.changed()

    def use_actor(self, name: str) -> None:
        """Selects the performer, also for the next start; ActorError if the name is invalid."""
        self.performer.use(name)
        self._keep(lambda settings: replace(settings, actor=name))

    def recalibrate(self) -> Actor:
        """Makes the current face the resting one; NoFaceError if no face is seen."""
        actor = self.performer.recalibrate()
        self.changed()
        return actor

    def undo_rest(self) -> None:
        """Restores the resting face from before the last `recalibrate`; ControlError if there is nothing to undo."""
        self.performer.undo_rest()
        self.changed()

    def forget_rest(self) -> None:
        """Goes back to the resting face of the last calibration; ActorError if no other one was set."""
        self.performer.forget_rest()
        self.changed()

    def calibrate(self, action: str, step: str = "") -> None:
        """Controls the calibration session; ControlError if the action is not possible now."""
        self.performer.calibrate(action, step)
        self.changed()

    def record(self, is_on: bool) -> RecordingProgress | None:
        """Starts or stops the recording and returns how far it is, or None if there is none to stop.

        A recording of no rows leaves no file. TakeError if it cannot be written.
        """
        if is_on:
            self.recording.begin()
            progress = self.recording.progress
        else:
            progress = self.recording.end()
        self.changed()
        return progress

    def express(self, expression: Expression, layer: str = TOP_LAYER) -> None:
        """Adds an expression to the performance."""
        self.running().session.performance.express(expression, layer)

    def captured_expression(self) -> dict[str, float]:
        """The ARKit weights that the performer shows now, without those that are hardly there; NoFaceError."""
        weights = self.running().session.performance.recent_weights()
        return {name: round(float(one), 2) for name, one in zip(arkit.NAMES, weights, strict=True) if one >= CAPTURED}

    def tune(self, changes: Mapping[str, object]) -> Tuning:
        """Changes some values of the tuning and returns all; TuningError if one is invalid."""
        with self._lock:
            tuning = self.store.settings.tuning.changed(changes)
            self._tune(tuning)
        return tuning

    def reset_tuning(self) -> None:
        """Resets the tuning to its defaults."""
        with self._lock:
            self._tune(Tuning())

    def use_voice(self, changes: Mapping[str, object]) -> None:
        """Opens or closes a microphone with `device`, and changes values of `VoiceTuning`; VoiceError if it cannot.

        The tuning is kept for the next start; the microphone is not, since it opens only when it is chosen.
        """
        with self._lock:
            if tuned := {name: value for name, value in changes.items() if name != "device"}:
                tuning = self.voice.tuning.changed(tuned)
                self.voice.tune(tuning)
                self._keep(lambda settings: replace(settings, voice=tuning))
        if "device" in changes:
            device = read_device(changes)
            if device is None:
                self.voice.close()
            else:
                self.voice.open(device)
        self.changed()

    def light(self, changes: Mapping[str, object]) -> None:
        """Changes the light; LightError if a value is invalid."""
        with self._lock:
            choice: LightChoice = self.lighting.choice.changed(changes)
            self.lighting.choose(choice)
            self._keep(lambda settings: replace(settings, light=choice))

    def light_from_game(self, harmonics: Array | None) -> None:
        """Sets the light of a game; ValueError if these are no harmonics."""
        was_seen = self.lighting.is_game_seen
        self.lighting.from_game(harmonics)
        if was_seen != self.lighting.is_game_seen:
            self.changed()

    def change_scene(self, changes: Mapping[str, object]) -> None:
        """Changes the background or the place of a character, by default the main one; SceneError if it cannot."""
        values = dict(changes)
        character = values.pop("character", self.scenes.character)
        known = (self.scenes.character, *(one.character for one in self.guests.guests))
        if not isinstance(character, str) or character not in known:
            raise SceneError(f"{shown_value(character)} is not shown; shown are {', '.join(known)}")
        self._choose_scene(lambda choice: choice.changed(values, character))

    def use_guests(self, guests: tuple[Guest, ...]) -> None:
        """Shows these characters beside the main one, also at the next start; GuestError if one is impossible.

        They are loaded meanwhile; a guest that fails says so in its state.
        """
        main, before = self.running().session.character, {one.character for one in self.guests.guests}
        new = [one.character for one in guests if one.character not in before]
        if main.name in new:
            raise GuestError(f"{main.name} is the main character: choose another one to stand beside it")
        for name in new:
            self.characters.load(name)  # CharacterError before anything changes
            if name not in self.scenes.choice.placements:
                self._place_guest(name)
        with self._lock:
            self.guests.use(guests)
            self._keep(lambda settings: replace(settings, guests=guests))

    def save_scene(self, name: str) -> None:
        """Keeps the present scene as a preset; SceneError if the name is invalid."""
        self._choose_scene(lambda choice: choice.with_preset(name, self.scenes.character))

    def show_scene(self, name: str) -> None:
        """Shows a preset; SceneError if it does not exist."""
        self._choose_scene(lambda choice: choice.showing(choice.preset(name), self.scenes.character))

    def remove_scene(self, name: str) -> None:
        """Removes a preset; SceneError if it does not exist."""
        self._choose_scene(lambda choice: choice.without_preset(name))

    def add_item(self, picture: str) -> None:
        """Adds an item with this picture; ItemError or PictureError if that is impossible."""
        self.pictures.read(picture)
        self._change_items(lambda items: with_item(items, picture))

    def change_item(self, name: object, changes: Mapping[str, object]) -> None:
        """Changes an item; ItemError if there is none, or a value is invalid."""
        self._change_items(lambda items: with_changes(items, name, changes))

    def remove_item(self, name: object) -> None:
        """Removes an item; ItemError if there is none."""
        self._change_items(lambda items: without_item(items, name))

    def throw(self, picture: str, count: int = 1) -> None:
        """Throws a picture at the portrait; PictureError if there is none."""
        self.running()
        self.items.throw(picture, count)

    def add_picture(self, name: str, data: bytes) -> str:
        """Adds a picture for backgrounds and returns its name; PictureError if it cannot be added."""
        added = self.pictures.add(name, data)
        self.changed()
        return added

    def remove_picture(self, name: str) -> None:
        """Deletes one of the user's pictures; PictureError if it does not exist."""
        self.pictures.remove(name)
        self.scenes.refresh()
        self.items.refresh()
        self.lighting.refresh()
        self.changed()

    def use_hotkeys(self, hotkeys: tuple[Hotkey, ...], seen: tuple[Hotkey, ...] | None = None) -> None:
        """Replaces all hotkeys; ControlError if they are no longer those that an editor has `seen`."""
        with self._lock:
            if seen is not None and seen != self.hotkeys.definitions:
                raise failed_request(
                    "the hotkeys were changed elsewhere since this editor was opened, and Save would undo that: "
                    "cancel, and edit them again"
                )
            self.hotkeys.replace(hotkeys)
            self._keep(lambda settings: replace(settings, hotkeys=hotkeys))

    def use_quality(self, changes: Mapping[str, object]) -> None:
        """Changes size, steps, runtime or budget, also for the next start; QualityError or AnimatorError if not."""
        self.running()
        choice = self.quality.use(changes)
        self.guests.use_quality(choice)
        self._keep(lambda settings: replace(settings, quality=choice))

    def use_output(self, destination: str, is_on: bool) -> None:
        """Switches an output on or off, also for the next start; SenderError or SourceError if it cannot be."""
        if is_on:
            check_no_feedback(self.running().source, (destination,))
            self.outputs.open(destination)
        else:
            self.outputs.close(destination)
        self.switch.destinations = self.outputs.destinations
        self._keep(lambda settings: replace(settings, outputs=_with(settings.outputs, destination, is_on)))

    def use_endpoint(self, name: str, is_on: object, port: object) -> None:
        """Switches an endpoint of ZeroMQ on or off, or moves it to another port, also for the next start.

        EndpointError or PortInUseError if it cannot be bound: then nothing has changed.
        """
        if self.endpoints is None:
            raise failed_request("this run has no ZeroMQ endpoints")
        ((known, choice),) = read_endpoints({name: {"is_on": is_on, "port": port}}).items()
        self.endpoints.use(known, choice)
        self._keep(lambda settings: replace(settings, endpoints={**settings.endpoints, known: choice}))

    def save_profile(self, name: str) -> None:
        """Keeps what the page sets under a name; ProfileError if it cannot be written."""
        self.profiles.save(name, self.store.settings)
        self.changed()

    def use_profile(self, name: str) -> None:
        """Sets everything as in this profile; ProfileError if it cannot be read, and then nothing has changed.

        Its character and outputs come last: an error says which of them is not here, and the rest holds.
        """
        before = self.store.settings
        wanted = self.profiles.applied(name, before)
        self.use_hotkeys(wanted.hotkeys)
        with self._lock:
            self._tune(wanted.tuning)
            self.voice.tune(wanted.voice)
            self.lighting.choose(wanted.light)
            self._keep(lambda settings: replace(settings, light=wanted.light, voice=wanted.voice))
        self._choose_scene(lambda choice: wanted.scene)
        self._change_items(lambda items: wanted.items)
        if wanted.character is not None and wanted.character != self.character_name():
            self.use_character(wanted.character)
        for destination in before.outputs:
            if destination not in wanted.outputs:
                self.use_output(destination, is_on=False)
        for destination in wanted.outputs:
            if destination not in before.outputs:
                self.use_output(destination, is_on=True)
        if wanted.guests != before.guests:
            self.use_guests(wanted.guests)

    def add_profile(self, name: str, data: bytes) -> None:
        """Adds a profile from another machine; ProfileError if it is none."""
        self.profiles.add(name, data)
        self.changed()

    def remove_profile(self, name: str) -> None:
        """Deletes a profile."""
        self.profiles.remove(name)
        self.changed()

    def play_take(self, name: str) -> None:
        """Plays a recorded take in a loop; TakeError if there is none."""
        self.use_file(self.takes.path(name))

    def use_global_hotkeys(self, is_on: bool) -> None:
        """Hears hotkeys while another program has the keyboard, or no longer; HotkeyError if it cannot."""
        self.global_hotkeys.turn(is_on)
        self.global_problem = ""
        self._keep(lambda settings: replace(settings, global_hotkeys=is_on))

    def trigger(self, id: str, phase: KeyPhase = "press") -> bool:
        """Presses a hotkey and returns whether it is on now; HotkeyError if it does not exist."""
        self.running()
        is_on = self.hotkeys.trigger(id, phase)
        self.changed()
        return is_on

    def command(self, command: HotkeyCommand, is_on: bool = True) -> None:
        """Clears all that was added to the performance, pauses the performer, hides the portrait, or labels it."""
        self.running()
        self.hotkeys.command(command, is_on)
        self.changed()

    # What can be read.

    @property
    def camera_picture(self) -> TrackedPicture | None:
        """The last picture of the camera; None if the source has no camera."""
        source = self.live.source if self.live else None
        return source.tracked_picture if isinstance(source, CameraView) else None

    def character_name(self) -> str | None:
        """The name of the character that is shown; None before the loop exists."""
        return self.live.session.character.name if self.live else None

    def offer(self, portrait: Portrait) -> None:
        """Takes the recognised expressions from a portrait; called by the drawing thread."""
        self.confidence = portrait.signal.confidence if portrait.signal else 0.0
        before, self.recognised = self.recognised, portrait.recognised
        if before is portrait.recognised or before == portrait.recognised:
            return
        for name in RECOGNISABLE:
            is_on = name in portrait.recognised
            if is_on != (name in before):
                if self.hotkeys.recognise(name, is_on):
                    self.changed()
                if listener := self.listener:
                    listener.recognised(name, is_on)

    def changed(self) -> None:
        """Tells the listener that the state has changed."""
        if listener := self.listener:
            listener.changed()

    def _choose_scene(self, change: Callable[[SceneChoice], SceneChoice]) -> None:
        with self._lock:
            choice = change(self.scenes.choice)
            self.scenes.choose(choice)
            self.lighting.refresh()
            self._keep(lambda settings: replace(settings, scene=choice))

    def _place_guest(self, name: str) -> None:
        self._choose_scene(lambda choice: choice.changed({"placement": asdict(GUEST_PLACEMENT)}, name))

    def _change_items(self, change: Callable[[tuple[Item, ...]], tuple[Item, ...]]) -> None:
        with self._lock:
            items = change(self.items.items)
            self.items.replace(items)
            self._keep(lambda settings: replace(settings, items=items))

    def _throw(self, sprite: Sprite, count: int) -> None:
        if self.live:
            self.live.session.throw(sprite, count)

    def _character_changed(self) -> None:
        self.scenes.refresh()
        self.changed()

    def _colours_of(self, name: str) -> Rgb:
        """The colours of one of the user's pictures, by default the background's."""
        return small_picture(Image.fromarray(self.pictures.read(name or self.scenes.choice.look.picture)))

    def _use_scene(self, scene: Scene) -> None:
        if self.live:
            self.live.session.use_scene(scene)
        self.guests.share(lambda look: replace(look, scene=scene, placements=self.scenes.choice.placement_of))

    def _guest_source(self, spec: str) -> Source:
        return check_no_feedback(open_source(spec, loop=spec == "demo"), self.outputs.destinations)

    def _open_kept_outputs(self) -> None:
        for destination in self.store.settings.outputs:
            try:
                check_no_feedback(self.running().source, (destination,))
                self.outputs.open(destination)
            except (SenderError, SourceError) as error:
                log.warning("the output %s of the page cannot be opened: %s", destination, error)
        self.switch.destinations = self.outputs.destinations

    def _choose(self, kind: str, spec: str) -> None:
        before = self.running().source
        self.switch.choose(kind, spec)
        if self.running().source is not before:
            self.performer.end_session()
            self.performer.reload()
        self.changed()

    def _camera_spec(self) -> str:
        choice = self.store.settings.camera
        return choice.spec(list_cameras()) if choice else "webcam"

    def _tune(self, tuning: Tuning) -> None:
        if self.live:
            self.live.session.performance.tune(tuning)
        self.guests.share(lambda look: replace(look, tuning=tuning))
        self._keep(lambda settings: replace(settings, tuning=tuning))

    def _keep(self, change: Callable[[Settings], Settings]) -> None:
        self.store.update(change)
        self.changed()

    def _use_light(self, harmonics: Array | None, within_s: float) -> None:
        if self.live:
            self.live.session.use_light(harmonics, within_s)
        self.guests.share(lambda look: replace(look, light=(harmonics, within_s)))

    def _express(self, expression: Expression, layer: str) -> None:
        if self.live:
            self.live.session.performance.express(expression, layer)

    def _run_command(self, command: HotkeyCommand, is_on: bool) -> None:
        if self.live is None:
            return
        if command == "clear":
            self.live.session.performance.clear_expressions()
        elif command == "pause":
            self.live.session.is_paused = is_on
            self.guests.share(lambda look: replace(look, is_paused=is_on))
        elif command == "hide":
            self.live.session.hide(is_on)
            self.guests.share(lambda look: replace(look, is_hidden=is_on))
        else:
            self.live.session.label(is_on)
            self.guests.share(lambda look: replace(look, is_labelled=is_on))

    def _queue_event(self, event: HotkeyEvent, name: str) -> None:
        """Takes what a hotkey asks for; the session's thread does it, because it may read a file."""
        self._events.append((event, name))

    def _do_events(self) -> None:
        while self._events:
            event, name = self._events.popleft()
            try:
                if event == "scene":
                    self.show_scene(name)
                elif event == "item":
                    is_shown = item_named(self.items.items, name).is_shown
                    self.change_item(name, {"is_shown": not is_shown})
                else:
                    self.throw(name)
                self.failed_event = ""
            except (SceneError, ItemError, PictureError) as error:
                self.failed_event = f"a hotkey failed: {error}"
                self.changed()

    def _run(self) -> None:
        trimmed_s = time.monotonic()
        while not self._is_stopping.wait(POLL_S):
            if time.monotonic() - trimmed_s >= TRIM_S:
                return_free_memory()
                trimmed_s = time.monotonic()
            try:
                self._poll()
            except Exception:  # one failure must stop neither the other controls nor the stream
                log.exception("a control failed; the others go on")

    def _poll(self) -> None:
        self._do_events()
        view, progress = self.performer.view, self.recording.progress
        now = (
            view,
            int(progress.seconds) if progress else -1,
            (progress.error if progress else "") + self.lighting.notice,
        )
        if self.hotkeys.tick() | self.hotkey_characters.tick() or now != self._last_progress:
            self.changed()
        self._last_progress = now
        self.store.tick()


def _with(destinations: tuple[str, ...], destination: str, is_on: bool) -> tuple[str, ...]:
    others = tuple(one for one in destinations if one != destination)
    return (*others, destination) if is_on else others


def failed_request(sentence: str) -> ControlError:
    """The error of a valid request that cannot be done now."""
    return ControlError("failed", sentence)


@contextmanager
def as_control_errors() -> Iterator[None]:
    """Turns errors that the user can fix into ControlErrors with the same message."""
    try:
        yield
    except ControlError:
        raise
    except INVALID_ERRORS as error:
        raise ControlError("invalid", str(error)) from error
    except (SourceError, BindError, ValueError) as error:  # no such camera, no face, no character
        raise failed_request(str(error)) from error
