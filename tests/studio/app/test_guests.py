"""Guests: further characters beside the main one, their performers, their order and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.source import NoCamera, Source, SourceError
from omote.engine.data import Character, Portrait, Signal, Stamp
from omote.engine.live.loop import LiveLoop
from omote.engine.live.scene import Background, Placement, Scene
from omote.engine.live.scheduling import CapturedSignal
from omote.engine.live.session import LiveSession
from omote.engine.tensor_file import CharacterError
from omote.engine.testing.drawing import FlatRenderer, painted_character, shipped_character
from omote.studio.app.guests import GUEST_PLACEMENT, Guest, GuestController, GuestError, read_guests
from omote.studio.app.session import StudioSession
from omote.studio.app.settings import Settings, SettingsStore, read_settings
from tests.studio.running import until

SIDE = FlatRenderer.size


class Stage:
    """A main character whose pictures the test draws, and guests that run by themselves."""

    def __init__(self) -> None:
        self.broken: set[str] = set()  # sources that do not open
        self.main = LiveSession(FlatRenderer(), painted_character("hana"), (self,))
        self.newest: Portrait | None = None
        self.name = "test"
        self.opened: list[str] = []  # characters for which a renderer was opened
        self.guests = GuestController(painted_character, self._source, lambda: None, self._renderer)
        self.guests.bind(self.main)

    def offer(self, portrait: Portrait) -> None:
        self.newest = portrait

    def draw(self, index: int, **weights: float) -> Portrait:
        """The next picture of the main character."""
        stamp = Stamp.now(index)
        signal = Signal(stamp, arkit.weights(weights), confidence=1.0)
        self.main.draw(CapturedSignal(signal, stamp), stamp.captured_ns)
        assert self.newest
        return self.newest

    def states(self) -> list[tuple[object, object]]:
        return [(one["character"], one["state"]) for one in self.guests.as_json()]

    def _renderer(self, character: Character) -> FlatRenderer:
        self.opened.append(character.name)
        return FlatRenderer()

    def _source(self, spec: str) -> Source:
        if spec in self.broken:
            raise SourceError(f"{spec} is not there")
        return NoCamera()


@pytest.fixture
def stage() -> Iterator[Stage]:
    one = Stage()
    yield one
    one.guests.close()


def red(portrait: Portrait) -> int:
    return int(portrait.rgba[SIDE // 2, SIDE // 2, 0])


def test_a_guest_shows_the_face_of_the_main_character_or_that_of_its_own_source(stage: Stage) -> None:
    for index in range(30):  # smoothing needs a few
        alone = stage.draw(index, jawOpen=1.0)
    assert stage.guests.shown(alone, None) is alone
    stage.guests.use((Guest("noah"), Guest("ruth", "webcam:1", is_behind=True)))
    until(lambda: stage.states() == [("noah", "shown"), ("ruth", "shown")], "both guests")
    of_noah = stage.guests.shown(alone, ["noah"])
    until(lambda: red(stage.guests.shown(alone, ["noah"])) == red(alone) > 200, "the same open mouth")
    assert of_noah.stamp == alone.stamp
    assert red(stage.guests.shown(alone, ["ruth"])) == 0
    assert not stage.guests.shown(alone, ["nobody"]).rgba.any()


def test_guests_stand_in_their_order_and_places_over_the_background(stage: Stage) -> None:
    main = stage.draw(0)
    places = {"noah": Placement(x=0.5), "ruth": Placement(x=-0.5)}
    scene = Scene(background=Background((0, 0, 255)))
    stage.guests.share(lambda look: replace(look, scene=scene, placements=places.__getitem__))
    stage.guests.use((Guest("noah"), Guest("ruth")))
    until(lambda: len([one for one in stage.states() if one[1] == "shown"]) == 2, "both guests")
    half = SIDE // 2
    stage.guests.share(lambda look: replace(look, is_hidden=True))  # as panic does
    until(lambda: not _cutout(stage, main)[..., 3].any(), "both to fade out")
    stage.guests.share(lambda look: replace(look, is_hidden=False))
    until(lambda: _alphas(stage, main, ["noah"]) == (0, 255), "noah on the right")
    until(lambda: _alphas(stage, main, ["ruth"]) == (255, 0), "ruth on the left")
    shown = stage.guests.shown(main, ["noah"])
    assert (shown.rgba[:, :half] == (0, 0, 255, 255)).all()
    assert (shown.rgba[..., 3] == 255).all()


def _cutout(stage: Stage, main: Portrait) -> np.ndarray:
    cutout = stage.guests.shown(main, ["noah", "ruth"]).cutout
    assert cutout is not None
    return cutout


def _alphas(stage: Stage, main: Portrait, names: list[str]) -> tuple[int, int]:
    cutout = stage.guests.shown(main, names).cutout
    assert cutout is not None
    return int(cutout[0, 0, 3]), int(cutout[0, -1, 3])


def test_a_guest_whose_source_fails_says_so_and_begins_again_when_asked(stage: Stage) -> None:
    stage.broken.add("webcam:7")
    wanted = (Guest("noah", "webcam:7"), Guest("ruth"))
    stage.guests.use(wanted)
    until(lambda: stage.states() == [("noah", "failed"), ("ruth", "shown")], "noah to fail")
    assert stage.guests.as_json()[0]["error"] == "webcam:7 is not there"
    stage.broken.clear()
    stage.guests.use(wanted)
    until(lambda: stage.states() == [("noah", "shown"), ("ruth", "shown")], "noah to come")
    stage.guests.use((Guest("ruth", is_behind=True),))
    assert stage.states() == [("ruth", "shown")]  # it went on
    stage.guests.use(())
    assert stage.guests.shown(main := stage.draw(0), None) is main


def test_the_renderer_of_a_guest_that_has_left_draws_the_next_one(stage: Stage) -> None:
    for name in ("noah", "ruth", "mei"):
        stage.guests.use((Guest(name),))
        until(lambda name=name: stage.states() == [(name, "shown")], "the guest")  # type: ignore[misc]
        stage.guests.use(())
    assert stage.opened == ["noah"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("noah", "a list of at most 4"),
        ([{"character": "noah"}] * 5, "a list of at most 4"),
        ([{"character": "noah"}, {"character": "noah"}], "'noah' is a guest twice"),
        ([{"character": ""}], '"character" must be the name'),
        ([{"character": "noah", "source": "/etc/passwd"}], '"source" must be'),
        ([{"character": "noah", "source": "clip.mp4"}], '"source" must be'),
        ([{"character": "noah", "source": "demo/../clip.mp4"}], '"source" must be'),
        ([{"character": "noah", "source": "webcam:1:640x480"}], '"source" must be'),
        ([{"character": "noah", "is_behind": 1}], '"is_behind" must be'),
        ([{"character": "noah", "face": 1}], "a guest is an object"),
    ],
)
def test_an_impossible_guest_is_refused_with_the_reason(data: object, said: str) -> None:
    with pytest.raises(GuestError, match=said):
        read_guests(data)


def test_guests_are_kept_from_back_to_front() -> None:
    data = [{"character": "noah"}, {"character": "ruth", "source": "vmc:39540", "is_behind": True}]
    guests = (Guest("ruth", "vmc:39540", is_behind=True), Guest("noah"))
    settings, errors = read_settings({"guests": data})
    assert (settings.guests, errors) == (guests, [])
    assert read_settings(Settings(guests=guests).as_json()) == (Settings(guests=guests), [])


def test_a_new_guest_stands_aside_and_may_neither_be_the_main_character_nor_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = SettingsStore(Settings(guests=(Guest("ruth"),)))
    studio = StudioSession("demo", store)
    studio.guests = GuestController(
        painted_character, lambda spec: NoCamera(), studio.changed, lambda one: FlatRenderer()
    )
    studio.bind(LiveLoop(NoCamera(), LiveSession(FlatRenderer(), shipped_character())))
    assert [one.character for one in studio.guests.guests] == ["ruth"]  # of the last run
    studio.use_guests((Guest("ruth"), Guest("noah")))
    assert store.settings.guests == (Guest("ruth"), Guest("noah"))
    assert studio.scenes.choice.placement_of("noah") == GUEST_PLACEMENT
    studio.change_scene({"placement": {"x": -0.5}, "character": "noah"})
    assert studio.scenes.choice.placement_of("noah") == replace(GUEST_PLACEMENT, x=-0.5)
    assert studio.scenes.choice.placement_of("hana") == Placement()
    with pytest.raises(ValueError, match="'kenji' is not shown; shown are hana, ruth, noah"):
        studio.change_scene({"placement": {"x": 0.1}, "character": "kenji"})
    with pytest.raises(GuestError, match="hana is the main character"):
        studio.use_guests((Guest("hana"),))
    with pytest.raises(CharacterError, match="nobody"):
        studio.use_guests((Guest("nobody"),))
    assert [one.character for one in studio.guests.guests] == ["ruth", "noah"]
    studio.guests.close()
