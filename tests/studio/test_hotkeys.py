"""What hotkeys are, and how they come and go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.expressions import MARKS, NAMED_EXPRESSIONS, Expression, Overlay, marks
from omote.engine.face.retarget import to_weights
from omote.studio.app.hotkeys import (
    DEFAULT_HOTKEYS,
    MAX_HOTKEYS,
    Hotkey,
    HotkeyCharacters,
    HotkeyController,
    HotkeyError,
    read_hotkeys,
)

SMILE = Hotkey("smile", "Smile", "1", expression="smile", fade_s=0.0)
TONGUE = Hotkey("tongue", "Tongue", "2", weights={"tongueOut": 1.0}, fade_s=0.0)
MINTO = Hotkey("minto", "Minto", character="minto")
SORA = Hotkey("sora", "Sora", character="sora")


class Stage:
    """A clock, an overlay and a character: what hotkeys act upon."""

    def __init__(self, *hotkeys: Hotkey) -> None:
        self.now_ns = 0
        self.overlay = Overlay()
        self.asked: list[str | None] = []
        self.board = HotkeyController(hotkeys, self.express, self.asked.append, lambda: self.now_ns)

    def express(self, expression: Expression, layer: str) -> None:
        self.overlay.show(expression, layer)

    def after(self, seconds: float) -> Stage:
        self.now_ns += round(seconds * 1e9)
        self.board.tick()
        return self

    def shown(self, name: str) -> float:
        """How much of this weight is shown now."""
        params, _ = self.overlay.over(FlameParams.neutral(), self.now_ns)
        return round(float(to_weights(params)[arkit.INDEX[name]]), 3)

    def on(self) -> list[str]:
        return [one.id for one in self.board.on]


def test_keys_bring_named_expressions_and_marks_before_anybody_chose() -> None:
    assert [one.key for one in DEFAULT_HOTKEYS] == list("123456789qwerty")
    assert {one.expression for one in DEFAULT_HOTKEYS[:9]} < set(NAMED_EXPRESSIONS)
    assert [one.expression for one in DEFAULT_HOTKEYS[9:]] == list(MARKS)
    assert read_hotkeys([one.as_json() for one in DEFAULT_HOTKEYS]) == DEFAULT_HOTKEYS


@pytest.mark.parametrize("key", ["MediaTrackPrevious", "LaunchApplication1", "F24", "ß"])
def test_every_key_that_a_keyboard_has_can_press_a_hotkey(key: str) -> None:
    assert read_hotkeys([{"id": "a", "expression": "smile", "key": key}])[0].key == key


def test_a_toggle_comes_and_goes_with_each_press() -> None:
    stage = Stage(TONGUE)
    assert stage.board.trigger("tongue")
    assert stage.shown("tongueOut") == 1.0
    assert stage.after(100).shown("tongueOut") == 1.0
    assert not stage.board.trigger("tongue")
    assert stage.shown("tongueOut") == 0.0


def test_a_held_one_is_there_while_it_is_held() -> None:
    stage = Stage(replace(TONGUE, mode="hold"))
    assert stage.board.trigger("tongue", "down")
    assert stage.after(5).shown("tongueOut") == 1.0
    assert not stage.board.trigger("tongue", "up")
    assert stage.shown("tongueOut") == 0.0


def test_a_held_one_that_is_only_pressed_lets_go_by_itself() -> None:
    stage = Stage(replace(TONGUE, mode="hold"))
    assert stage.board.trigger("tongue", "press")
    assert stage.after(0.9).on() == ["tongue"]
    assert stage.after(0.2).on() == []
    assert stage.shown("tongueOut") == 0.0


def test_a_held_one_whose_letting_go_got_lost_goes_with_the_next_press() -> None:
    stage = Stage(replace(TONGUE, mode="hold"))
    stage.board.trigger("tongue", "down")
    assert stage.after(60).on() == ["tongue"]
    stage.board.trigger("tongue", "press")
    assert stage.after(1.3).on() == []
    assert stage.shown("tongueOut") == 0.0


def test_a_timer_goes_by_itself_also_from_the_picture() -> None:
    stage = Stage(replace(TONGUE, mode="timer", seconds=2.0))
    stage.board.trigger("tongue")
    assert stage.shown("tongueOut") == 1.0
    assert stage.after(1.9).shown("tongueOut") == 1.0
    assert stage.after(0.2).on() == []
    assert stage.shown("tongueOut") == 0.0
    stage.board.trigger("tongue")
    stage.after(1.5).board.trigger("tongue")
    assert stage.after(1.5).on() == ["tongue"]  # a second press begins anew


def test_a_mark_is_shown_until_it_is_taken_back() -> None:
    blush = Hotkey("blush", "Blush", expression="blush")
    np.testing.assert_array_equal(blush.coming().marks, marks("blush"))
    assert not blush.coming().weights.any()
    assert not blush.going().marks.any()


def test_a_fade_is_a_fade() -> None:
    stage = Stage(replace(TONGUE, fade_s=0.5))
    stage.board.trigger("tongue")
    assert stage.shown("tongueOut") == 0.0
    assert stage.after(0.25).shown("tongueOut") == pytest.approx(0.5)
    assert stage.after(0.25).shown("tongueOut") == 1.0
    stage.board.trigger("tongue")
    assert stage.shown("tongueOut") == 1.0
    assert stage.after(0.25).shown("tongueOut") == pytest.approx(0.5)
    assert stage.after(0.3).shown("tongueOut") == 0.0


def test_several_add_up_and_go_one_by_one() -> None:
    stage = Stage(SMILE, TONGUE)
    stage.board.trigger("smile")
    stage.board.trigger("tongue")
    assert (stage.shown("mouthSmileLeft"), stage.shown("tongueOut")) == (0.8, 1.0)
    stage.board.trigger("smile")
    assert (stage.shown("mouthSmileLeft"), stage.shown("tongueOut")) == (0.0, 1.0)


def test_a_recognised_expression_holds_what_is_held_and_presses_the_rest() -> None:
    held, pressed = replace(SMILE, on="tongue", mode="hold"), replace(TONGUE, id="two", on="tongue")
    stage = Stage(held, pressed, SORA)
    assert stage.board.recognise("tongue", True)
    assert stage.on() == ["smile", "two"]
    stage.board.recognise("tongue", False)
    assert stage.on() == ["two"]
    stage.board.recognise("tongue", True)
    assert stage.on() == ["smile"]
    assert not stage.board.recognise("blink", True)


def test_characters_go_back_to_the_one_before() -> None:
    stage = Stage(MINTO, SORA)
    stage.board.trigger("minto")
    stage.board.trigger("sora")
    stage.board.trigger("sora")
    stage.board.trigger("minto")
    assert stage.asked == ["minto", "sora", "minto", None]


def test_a_new_list_takes_back_what_is_not_in_it_any_more() -> None:
    stage = Stage(SMILE, TONGUE)
    stage.board.trigger("smile")
    stage.board.trigger("tongue")
    stage.board.replace((SMILE,))
    assert stage.on() == ["smile"]
    assert (stage.shown("mouthSmileLeft"), stage.shown("tongueOut")) == (0.8, 0.0)
    assert [one["is_on"] for one in stage.board.as_json()] == [True]


def test_a_timer_that_is_taken_away_goes_at_once() -> None:
    stage = Stage(replace(TONGUE, mode="timer", seconds=60.0))
    stage.board.trigger("tongue")
    stage.after(1.0).board.replace(())
    assert stage.shown("tongueOut") == 0.0


def test_an_unknown_hotkey_is_told_with_those_there_are() -> None:
    with pytest.raises(HotkeyError, match='no hotkey is called "smiel"; there are smile, tongue'):
        Stage(SMILE, TONGUE).board.trigger("smiel")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, "list of at most"),
        ([{}] * (MAX_HOTKEYS + 1), "list of at most"),
        (["smile"], "a hotkey is an object"),
        ([{"id": "Smile!", "expression": "smile"}], "lower case letters"),
        ([{"id": "../x", "expression": "smile"}], "lower case letters"),
        ([{"id": "a"}], 'one of "expression", "weights" and "character"'),
        ([{"id": "a", "expression": "smile", "character": "hana"}], "got expression, character"),
        ([{"id": "a", "expression": "smiel"}], "there are smile"),
        ([{"id": "a", "weights": {"jawOpn": 1}}], "is no ARKit name"),
        ([{"id": "a", "weights": {"jawOpen": 2}}], "from 0 to 1"),
        ([{"id": "a", "weights": []}], "ARKit names and 0..1"),
        ([{"id": "a", "expression": "smile", "mode": "flip"}], "there are toggle, hold, timer"),
        ([{"id": "a", "expression": "smile", "on": "sneeze"}], "there are smile"),
        ([{"id": "a", "expression": "smile", "fade_s": 3}], "from 0 to 2"),
        ([{"id": "a", "expression": "smile", "seconds": 0}], "from 0.1 to 60"),
        ([{"id": "a", "expression": "smile", "label": "x" * 41}], "at most 40 letters"),
        ([{"id": "a", "expression": "smile", "label": "a\nb"}], "at most 40 letters"),
        ([{"id": "a", "expression": "smile", "colour": 1}], "a hotkey has no 'colour'"),
        ([{"id": "a", "expression": "smile"}, {"id": "a", "expression": "sad"}], "two hotkeys have the id 'a'"),
        ([{"id": i, "expression": "smile", "key": "1"} for i in "ab"], "two hotkeys have the key '1'"),
        ([{"id": i, "expression": "smile", "key": k} for i, k in ("ax", "bX")], "two hotkeys have the key 'x'"),
    ],
)
def test_a_hotkey_that_makes_no_sense_is_refused(said: object, wanted: str) -> None:
    with pytest.raises(HotkeyError) as refused:
        read_hotkeys(said)
    assert wanted in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["id", "label", "key", "on", "expression", "weights", "character", "mode", "seconds", "fade_s"])


@given(st.lists(st.dictionaries(NAMES, JSON | st.sampled_from(["smile", "hold", "a"])), max_size=3) | JSON)
def test_whatever_is_said_is_a_list_of_hotkeys_or_refused(said: object) -> None:
    try:
        hotkeys = read_hotkeys(said)
    except HotkeyError:
        return
    for one in hotkeys:
        assert np.isfinite(one.shown()).all()


class Rail:
    """Who is on stage."""

    def __init__(self) -> None:
        self.name = "hana"
        self.wardrobe = HotkeyCharacters(self.show, lambda: self.name)

    def show(self, name: str) -> None:
        if name == "nobody":
            raise ValueError("there is nobody of that name")
        self.name = name


def test_the_wardrobe_brings_back_who_was_there_before_the_first() -> None:
    rail = Rail()
    for name in ("minto", "sora", None):
        rail.wardrobe.ask(name)
        assert rail.wardrobe.tick()
    assert rail.name == "hana"
    rail.wardrobe.ask(None)
    assert not rail.wardrobe.tick()


def test_the_wardrobe_does_only_what_was_wished_last() -> None:
    rail = Rail()
    rail.wardrobe.ask("minto")
    rail.wardrobe.ask("sora")
    rail.wardrobe.tick()
    assert rail.name == "sora"


def test_who_was_chosen_for_good_stays() -> None:
    rail = Rail()
    rail.wardrobe.ask("minto")
    rail.wardrobe.tick()
    rail.name = "reika"
    rail.wardrobe.forget()
    rail.wardrobe.ask(None)
    rail.wardrobe.tick()
    assert rail.name == "reika"


def test_a_hotkeys_character_that_is_not_there_changes_nothing_and_is_told_until_another_is_shown() -> None:
    rail = Rail()
    rail.wardrobe.ask("nobody")
    assert rail.wardrobe.tick()
    assert rail.name == "hana"
    assert rail.wardrobe.trouble == "a hotkey's character cannot be shown: there is nobody of that name"
    rail.wardrobe.ask("minto")
    assert rail.wardrobe.tick()
    assert rail.wardrobe.trouble == ""
    rail.wardrobe.ask("nobody")
    rail.wardrobe.tick()
    rail.wardrobe.forget()
    assert rail.wardrobe.trouble == ""
