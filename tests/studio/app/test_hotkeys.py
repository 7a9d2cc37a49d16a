"""Hotkeys: their definitions, how they turn on and off, and the characters that they show."""

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
    HotkeyCommand,
    HotkeyController,
    HotkeyError,
    HotkeyEvent,
    HotkeyMode,
    KeyPhase,
    read_hotkeys,
)

SMILE = Hotkey("smile", "Smile", "1", expression="smile", fade_s=0.0)
TONGUE = Hotkey("tongue", "Tongue", "2", weights={"tongueOut": 1.0}, fade_s=0.0)
MINTO = Hotkey("minto", "Minto", character="minto")
SORA = Hotkey("sora", "Sora", character="sora")


class Harness:
    """A controller with a clock and an overlay."""

    def __init__(self, *hotkeys: Hotkey) -> None:
        self.now_ns = 0
        self.overlay = Overlay()
        self.asked: list[str | None] = []
        self.commands: list[tuple[str, bool]] = []
        self.happened: list[tuple[str, str]] = []
        self.controller = HotkeyController(
            hotkeys, self.express, self.asked.append, self.run, self.happen, clock_ns=lambda: self.now_ns
        )

    def express(self, expression: Expression, layer: str) -> None:
        self.overlay.show(expression, layer)

    def happen(self, event: HotkeyEvent, name: str) -> None:
        self.happened.append((event, name))

    def run(self, command: HotkeyCommand, is_on: bool) -> None:
        self.commands.append((command, is_on))
        if command == "clear":
            self.overlay.clear()

    def after(self, seconds: float) -> Harness:
        self.now_ns += round(seconds * 1e9)
        self.controller.tick()
        return self

    def shown(self, name: str) -> float:
        """The shown value of this weight."""
        params, _ = self.overlay.over(FlameParams.neutral(), self.now_ns)
        return round(float(to_weights(params)[arkit.INDEX[name]]), 3)

    def on(self) -> list[str]:
        return [one.id for one in self.controller.active]


def test_default_keys_show_named_expressions_and_marks_and_run_commands() -> None:
    assert [one.key for one in DEFAULT_HOTKEYS] == list("123456789qwerty0phl")
    assert {one.expression for one in DEFAULT_HOTKEYS[:9]} < set(NAMED_EXPRESSIONS)
    assert [one.expression for one in DEFAULT_HOTKEYS[9:15]] == list(MARKS)
    assert [one.command for one in DEFAULT_HOTKEYS[15:]] == ["clear", "pause", "hide", "label"]
    assert read_hotkeys([one.as_json() for one in DEFAULT_HOTKEYS]) == DEFAULT_HOTKEYS


@pytest.mark.parametrize("key", ["MediaTrackPrevious", "LaunchApplication1", "F24", "ß"])
def test_every_key_that_a_keyboard_has_can_press_a_hotkey(key: str) -> None:
    assert read_hotkeys([{"id": "a", "expression": "smile", "key": key}])[0].key == key


def test_a_toggle_comes_and_goes_with_each_press() -> None:
    harness = Harness(TONGUE)
    assert harness.controller.trigger("tongue")
    assert harness.shown("tongueOut") == 1.0
    assert harness.after(100).shown("tongueOut") == 1.0
    assert not harness.controller.trigger("tongue")
    assert harness.shown("tongueOut") == 0.0


def test_a_held_one_is_there_while_it_is_held() -> None:
    harness = Harness(replace(TONGUE, mode="hold"))
    assert harness.controller.trigger("tongue", "down")
    assert harness.after(5).shown("tongueOut") == 1.0
    assert not harness.controller.trigger("tongue", "up")
    assert harness.shown("tongueOut") == 0.0


def test_a_held_one_that_is_only_pressed_lets_go_by_itself() -> None:
    harness = Harness(replace(TONGUE, mode="hold"))
    assert harness.controller.trigger("tongue", "press")
    assert harness.after(0.9).on() == ["tongue"]
    assert harness.after(0.2).on() == []
    assert harness.shown("tongueOut") == 0.0


def test_a_held_one_whose_letting_go_got_lost_goes_with_the_next_press() -> None:
    harness = Harness(replace(TONGUE, mode="hold"))
    harness.controller.trigger("tongue", "down")
    assert harness.after(60).on() == ["tongue"]
    harness.controller.trigger("tongue", "press")
    assert harness.after(1.3).on() == []
    assert harness.shown("tongueOut") == 0.0


def test_a_timer_goes_by_itself_also_from_the_picture() -> None:
    harness = Harness(replace(TONGUE, mode="timer", seconds=2.0))
    harness.controller.trigger("tongue")
    assert harness.shown("tongueOut") == 1.0
    assert harness.after(1.9).shown("tongueOut") == 1.0
    assert harness.after(0.2).on() == []
    assert harness.shown("tongueOut") == 0.0
    harness.controller.trigger("tongue")
    harness.after(1.5).controller.trigger("tongue")
    assert harness.after(1.5).on() == ["tongue"]  # a second press begins anew


def test_a_mark_is_shown_until_it_is_taken_back() -> None:
    blush = Hotkey("blush", "Blush", expression="blush")
    np.testing.assert_array_equal(blush.start_expression().marks, marks("blush"))
    assert not blush.start_expression().weights.any()
    assert not blush.end_expression().marks.any()


def test_a_fade_is_a_fade() -> None:
    harness = Harness(replace(TONGUE, fade_s=0.5))
    harness.controller.trigger("tongue")
    assert harness.shown("tongueOut") == 0.0
    assert harness.after(0.25).shown("tongueOut") == pytest.approx(0.5)
    assert harness.after(0.25).shown("tongueOut") == 1.0
    harness.controller.trigger("tongue")
    assert harness.shown("tongueOut") == 1.0
    assert harness.after(0.25).shown("tongueOut") == pytest.approx(0.5)
    assert harness.after(0.3).shown("tongueOut") == 0.0


def test_a_fade_out_may_take_another_time_than_the_fade_in() -> None:
    harness = Harness(replace(TONGUE, fade_s=0.0, fade_out_s=0.5))
    harness.controller.trigger("tongue")
    assert harness.shown("tongueOut") == 1.0
    harness.controller.trigger("tongue")
    assert harness.shown("tongueOut") == 1.0
    assert harness.after(0.25).shown("tongueOut") == pytest.approx(0.5)
    assert harness.after(0.3).shown("tongueOut") == 0.0


def test_of_a_group_one_hotkey_is_on_at_a_time() -> None:
    harness = Harness(replace(SMILE, group="mood"), replace(TONGUE, group="mood"), replace(MINTO, group="other"))
    for id in ("smile", "minto", "tongue"):
        harness.controller.trigger(id)
    assert harness.on() == ["minto", "tongue"]
    assert (harness.shown("mouthSmileLeft"), harness.shown("tongueOut")) == (0.0, 1.0)
    harness.controller.trigger("tongue")
    assert harness.on() == ["minto"]


def test_clear_takes_back_all_that_was_added() -> None:
    clear = Hotkey("clear", "Clear", command="clear")
    harness = Harness(replace(SMILE, fade_s=2.0), replace(TONGUE, mode="timer", seconds=60.0), MINTO, clear)
    for id in ("smile", "tongue", "minto"):
        harness.controller.trigger(id)
    harness.overlay.show(Expression(arkit.weights({"jawOpen": 1.0}), 0.0, None), "a script's")
    assert harness.after(2.0).shown("jawOpen") == 1.0
    assert not harness.controller.trigger("clear")
    assert harness.on() == []
    assert harness.asked == ["minto", None]
    assert harness.shown("jawOpen") == 1.0
    shown = harness.after(0.11)
    assert [shown.shown(name) for name in ("jawOpen", "mouthSmileLeft", "tongueOut")] == [0.0, 0.0, 0.0]
    harness.controller.trigger("smile")
    assert harness.on() == ["smile"]


@pytest.mark.parametrize(
    ("mode", "presses", "expected"),
    [
        ("toggle", [("press", 0.0), ("press", 5.0)], [True, False]),
        ("hold", [("down", 0.0), ("up", 5.0)], [True, False]),
        ("hold", [("press", 0.0)], [True, False]),
        ("timer", [("press", 0.0)], [True, False]),
    ],
)
def test_a_command_is_on_as_long_as_its_mode_says(
    mode: HotkeyMode, presses: list[tuple[KeyPhase, float]], expected: list[bool]
) -> None:
    harness = Harness(Hotkey("pause", "Pause", command="pause", mode=mode, seconds=1.0))
    for phase, after_s in presses:
        harness.after(after_s).controller.trigger("pause", phase)
    assert harness.after(0.9).commands == [("pause", is_on) for is_on in expected[: len(presses)]]
    assert harness.after(0.5).commands == [("pause", is_on) for is_on in expected]
    assert harness.on() == []


def test_a_button_and_the_hotkeys_of_a_command_agree() -> None:
    harness = Harness(*(Hotkey(id, id, command="hide") for id in ("one", "two")))
    harness.controller.command("hide", True)
    assert harness.on() == ["one", "two"]
    assert not harness.controller.trigger("two")
    assert harness.on() == []
    assert harness.commands == [("hide", True), ("hide", False)]


def test_several_add_up_and_go_one_by_one() -> None:
    harness = Harness(SMILE, TONGUE)
    harness.controller.trigger("smile")
    harness.controller.trigger("tongue")
    assert (harness.shown("mouthSmileLeft"), harness.shown("tongueOut")) == (0.8, 1.0)
    harness.controller.trigger("smile")
    assert (harness.shown("mouthSmileLeft"), harness.shown("tongueOut")) == (0.0, 1.0)


def test_a_recognised_expression_holds_what_is_held_and_presses_the_rest() -> None:
    held, pressed = replace(SMILE, on="tongue", mode="hold"), replace(TONGUE, id="two", on="tongue")
    harness = Harness(held, pressed, SORA)
    assert harness.controller.recognise("tongue", True)
    assert harness.on() == ["smile", "two"]
    harness.controller.recognise("tongue", False)
    assert harness.on() == ["two"]
    harness.controller.recognise("tongue", True)
    assert harness.on() == ["smile"]
    assert not harness.controller.recognise("blink", True)


def test_characters_go_back_to_the_one_before() -> None:
    harness = Harness(MINTO, SORA)
    harness.controller.trigger("minto")
    harness.controller.trigger("sora")
    harness.controller.trigger("sora")
    harness.controller.trigger("minto")
    assert harness.asked == ["minto", "sora", "minto", None]


def test_a_new_list_takes_back_what_is_not_in_it_any_more() -> None:
    harness = Harness(SMILE, TONGUE)
    harness.controller.trigger("smile")
    harness.controller.trigger("tongue")
    harness.controller.replace((SMILE,))
    assert harness.on() == ["smile"]
    assert (harness.shown("mouthSmileLeft"), harness.shown("tongueOut")) == (0.8, 0.0)
    assert [one["is_on"] for one in harness.controller.as_json()] == [True]


def test_a_timer_that_is_taken_away_goes_at_once() -> None:
    harness = Harness(replace(TONGUE, mode="timer", seconds=60.0))
    harness.controller.trigger("tongue")
    harness.after(1.0).controller.replace(())
    assert harness.shown("tongueOut") == 0.0


def test_an_unknown_hotkey_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(HotkeyError, match='no hotkey is called "smiel"; there are smile, tongue'):
        Harness(SMILE, TONGUE).controller.trigger("smiel")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, "list of at most"),
        ([{}] * (MAX_HOTKEYS + 1), "list of at most"),
        (["smile"], "a hotkey is an object"),
        ([{"id": "Smile!", "expression": "smile"}], "lower case letters"),
        ([{"id": "../x", "expression": "smile"}], "lower case letters"),
        ([{"id": "a"}], 'one of "expression", "weights", "character", "command", "scene", "item" and "throw"'),
        ([{"id": "a", "command": "quit"}], "there are clear, pause, hide"),
        ([{"id": "a", "expression": "smile", "fade_out_s": 3}], "from 0 to 2"),
        ([{"id": "a", "expression": "smile", "group": 1}], "at most 40 letters"),
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
NAMES = st.sampled_from(["id", "label", "key", "on", "expression", "weights", "character", "mode", "seconds", "group"])


@given(st.lists(st.dictionaries(NAMES, JSON | st.sampled_from(["smile", "hold", "a"])), max_size=3) | JSON)
def test_any_value_is_a_list_of_hotkeys_or_refused(said: object) -> None:
    try:
        hotkeys = read_hotkeys(said)
    except HotkeyError:
        return
    for one in hotkeys:
        assert np.isfinite(one.arkit_weights()).all()


class ShownCharacter:
    """A character that hotkeys change."""

    def __init__(self) -> None:
        self.name = "hana"
        self.hotkey_characters = HotkeyCharacters(self.show, lambda: self.name)

    def show(self, name: str) -> None:
        if name == "nobody":
            raise ValueError("there is nobody of that name")
        self.name = name


def test_turning_hotkeys_off_brings_back_the_first_character() -> None:
    shown = ShownCharacter()
    for name in ("minto", "sora", None):
        shown.hotkey_characters.request(name)
        assert shown.hotkey_characters.tick()
    assert shown.name == "hana"
    shown.hotkey_characters.request(None)
    assert not shown.hotkey_characters.tick()


def test_only_the_last_requested_character_is_shown() -> None:
    shown = ShownCharacter()
    shown.hotkey_characters.request("minto")
    shown.hotkey_characters.request("sora")
    shown.hotkey_characters.tick()
    assert shown.name == "sora"


def test_a_character_that_was_chosen_meanwhile_stays() -> None:
    shown = ShownCharacter()
    shown.hotkey_characters.request("minto")
    shown.hotkey_characters.tick()
    shown.name = "reika"
    shown.hotkey_characters.keep_current()
    shown.hotkey_characters.request(None)
    shown.hotkey_characters.tick()
    assert shown.name == "reika"


def test_a_missing_character_changes_nothing_and_is_an_error_until_another_is_shown() -> None:
    shown = ShownCharacter()
    shown.hotkey_characters.request("nobody")
    assert shown.hotkey_characters.tick()
    assert shown.name == "hana"
    assert shown.hotkey_characters.error_message == "a hotkey's character cannot be shown: there is nobody of that name"
    shown.hotkey_characters.request("minto")
    assert shown.hotkey_characters.tick()
    assert shown.hotkey_characters.error_message == ""
    shown.hotkey_characters.request("nobody")
    shown.hotkey_characters.tick()
    shown.hotkey_characters.keep_current()
    assert shown.hotkey_characters.error_message == ""


def test_a_scene_is_shown_at_each_press_and_never_on() -> None:
    chat = Hotkey("chat", "Chat", "c", scene="Just chatting", mode="hold")
    harness = Harness(chat)
    assert not harness.controller.trigger("chat")
    assert not harness.controller.trigger("chat", "down")
    assert not harness.controller.trigger("chat", "up")
    assert harness.happened == [("scene", "Just chatting")] * 2
    assert harness.controller.active == ()
    assert read_hotkeys([chat.as_json()]) == (chat,)
