"""The methods of the control endpoint, and how they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.bridge.control import ControlError
from omote.bridge.control.message import ControlReply, decode_reply, encode_reply
from omote.engine.capture.take import TakeSource
from omote.engine.data import AnyCharacter, Portrait
from omote.engine.face.expressions import EXPRESSION_NAMES
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import to_weights
from omote.engine.live.loop import LiveLoop
from omote.engine.live.outputs import WireOutput
from omote.engine.live.session import LiveSession
from omote.engine.model.character_file import DEFAULT_CHARACTER, SHIPPED_FOLDER, shipped_character_names
from omote.engine.testing.drawing import FlatRenderer, shipped_character
from omote.studio.app.control import ControlMethods
from omote.studio.app.hotkeys import DEFAULT_HOTKEYS, Hotkey
from omote.studio.app.session import StudioSession
from tests.studio.commands import short_take

LENGTH = 12
ANY = "tcp://127.0.0.1:*"


class PortraitList:
    """An output that keeps every portrait."""

    name = "portraits"

    def __init__(self) -> None:
        self.portraits: list[Portrait] = []

    def offer(self, portrait: Portrait) -> None:
        self.portraits.append(portrait)


class CountingListener:
    """Counts changes."""

    def __init__(self) -> None:
        self.changes = 0

    def changed(self) -> None:
        self.changes += 1

    def recognised(self, name: str, is_on: bool) -> None: ...


class Endpoint:
    """The methods of a session whose loop draws a short take when it is run."""

    def __init__(self, wire: WireOutput) -> None:
        source = TakeSource(short_take(LENGTH, jawOpen=0.5), "take.csv", is_offline=True)
        self.output = PortraitList()
        self.artist = FlatRenderer()
        self.wire, self.studio = wire, StudioSession()
        self.control = ControlMethods(wire, self.studio)
        self.live = LiveLoop(
            source, LiveSession(self.artist, shipped_character("noah"), [self.output]), is_offline=True
        )
        self.studio.bind(self.live)

    def call(self, method: str, **arguments: object) -> dict[str, object]:
        return dict(self.control.methods()[method](arguments))

    def refusal(self, method: str, **arguments: object) -> tuple[str, str]:
        with pytest.raises(ControlError) as refused:
            self.call(method, **arguments)
        return refused.value.code, refused.value.message

    def drawn(self) -> list[Portrait]:
        self.live.run()
        return self.output.portraits


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with WireOutput(ANY, ANY) as wire:
        yield Endpoint(wire)


def test_hello_names_the_sender_and_the_character(endpoint: Endpoint) -> None:
    said = endpoint.call("hello")
    assert (said["character"], said["size"], said["runtime"], said["subject"]) == ("noah", 8, "flat", "omote")
    assert "rgba8" in said["formats"]  # type: ignore[operator]
    assert {"omote", "wire", "formats", "video", "params", "control", "methods", "session"} < set(said)
    assert isinstance(said["video"], int)
    assert said["video"] > 0


def test_stats_say_how_it_goes(endpoint: Endpoint) -> None:
    said = endpoint.call("stats")
    assert (said["source"], said["phase"], said["pictures"], said["latency_p50_ms"]) == ("take.csv", "idle", 0, 0.0)
    assert (said["listening"], said["rejected_handshakes"], said["rejected_requests"]) == ([], 0, 0)
    kinds = {name: type(value) for name, value in said.items()}
    assert {kinds[name] for name in ("fps", "tracked", "latency_p50_ms", "latency_p99_ms")} == {float}
    assert {kinds[name] for name in ("pictures", "sent_pictures", "sent_params", "dropped")} == {int}
    assert {kinds[name] for name in ("drawn", "cached", "still")} == {int}
    assert (said["budget_ms"], said["budget_held"], said["gear"]) == (0.0, False, "")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({"fmt": ["rgba8"]}, "v/omote"),
        ({"fmt": ["h264", "jpeg+lz4a", "rgba8"]}, "v.jpeg+lz4a/omote"),
        ({"fmt": ["bgra8"], "alpha": "premultiplied", "origin": "bottom"}, "v.bgra8.premultiplied.bottom/omote"),
        ({"fmt": ["rgba8"], "alpha": "premultiplied"}, "v.rgba8.premultiplied/omote"),
        ({"fmt": ["rgba8"], "alpha": "any", "origin": "any"}, "v/omote"),
        ({"fmt": ["jpeg"], "alpha": "premultiplied"}, "v.jpeg/omote"),  # it has none that would have to be multiplied
    ],
)
def test_a_format_is_found_by_what_is_liked_best(endpoint: Endpoint, arguments: dict[str, object], wanted: str) -> None:
    assert endpoint.call("format", **arguments) == {"topic": wanted}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ({"fmt": ["h264", "webp"]}, "failed", "none of these can be served; there are rgba8"),
        ({"fmt": "rgba8"}, "invalid", "\"fmt\" must be a list of texts, got 'rgba8'"),
        ({"fmt": []}, "invalid", "list of texts"),
        ({}, "invalid", "list of texts, got None"),
        ({"fmt": ["rgba8"], "alpha": "strait"}, "invalid", 'did you mean "straight"?'),
        ({"fmt": ["rgba8"], "origin": 1}, "invalid", '"origin" is 1; there are top, bottom, any'),
    ],
)
def test_an_invalid_format_is_refused(endpoint: Endpoint, arguments: dict[str, object], code: str, said: str) -> None:
    found, message = endpoint.refusal("format", **arguments)
    assert (found, said in message) == (code, True), message


def test_another_character_is_shown(endpoint: Endpoint) -> None:
    assert endpoint.call("characters")["names"][: len(shipped_character_names())] == list(shipped_character_names())  # type: ignore[index]
    assert endpoint.call("set_character", name=DEFAULT_CHARACTER) == {"character": DEFAULT_CHARACTER}
    assert endpoint.live.session.character.name == DEFAULT_CHARACTER
    assert endpoint.call("hello")["character"] == DEFAULT_CHARACTER


def test_a_character_from_a_game_is_announced_and_stays(endpoint: Endpoint) -> None:
    endpoint.studio.listener = listener = CountingListener()
    endpoint.studio.use_hotkeys((Hotkey("guest", "Guest", character="hana"),))
    endpoint.studio.trigger("guest")
    endpoint.studio.hotkey_characters.tick()
    before = listener.changes
    endpoint.call("set_character", name="amara")
    assert listener.changes > before
    endpoint.studio.trigger("guest")  # lets go, of one who was replaced
    endpoint.studio.hotkey_characters.tick()
    assert endpoint.live.session.character.name == "amara"


@pytest.mark.parametrize(
    "name",
    ["hanna", "", "../characters/hana", str(SHIPPED_FOLDER / "hana.omote"), None, 3, ["hana"], "hana\0", "x" * 5000],
)
def test_only_a_character_by_its_name_is_shown_and_never_a_path(endpoint: Endpoint, name: object) -> None:
    code, message = endpoint.refusal("set_character", name=name)
    assert code == "invalid"
    assert '"name" is' in message
    assert endpoint.live.session.character.name == "noah"


class OneCharacterRenderer(FlatRenderer):
    """Cannot draw anybody new."""

    def check(self, character: AnyCharacter) -> None:
        raise ValueError(f"{character.name} was made for another model")


def test_a_character_that_cannot_be_drawn_is_not_shown(endpoint: Endpoint) -> None:
    endpoint.live.session.renderer = OneCharacterRenderer()
    assert endpoint.refusal("set_character", name="hana") == ("failed", "hana was made for another model")
    assert endpoint.live.session.character.name == "noah"


def test_a_character_whose_file_is_broken_is_not_shown(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path))
    (tmp_path / "mine.omote").write_bytes(b"no character")
    assert "mine" in endpoint.call("characters")["names"]  # type: ignore[operator]
    code, message = endpoint.refusal("set_character", name="mine")
    assert (code, "damaged" in message) == ("failed", True)
    assert endpoint.live.session.character.name == "noah"


@pytest.mark.parametrize(("count", "letters"), [(300, 4), (250, 200)])
def test_a_folder_of_many_characters_is_listed_as_far_as_a_reply_reaches(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, letters: int
) -> None:
    monkeypatch.setenv("OMOTE_CHARACTERS", str(tmp_path))
    for number in range(count):
        (tmp_path / f"{number:0{letters}}.omote").touch()
    names = endpoint.call("characters")["names"]
    reply = decode_reply(encode_reply(ControlReply(1, {"names": names})))
    assert reply.result == {"names": names}
    assert set(shipped_character_names()) < set(names)  # type: ignore[call-overload]


def test_light_is_set_and_taken_back(endpoint: Endpoint) -> None:
    endpoint.call("set_light", harmonics=[1, *[0.25] * 26])
    np.testing.assert_array_equal(endpoint.drawn()[0].light, np.array([1.0, *[0.25] * 26], np.float32))
    endpoint.call("set_light", harmonics=None)
    np.testing.assert_array_equal(endpoint.live.session.light, studio_light())


@pytest.mark.parametrize(
    ("harmonics", "said"),
    [
        ([0.0] * 26, "list of 27 numbers, or nil for the studio's light; got a list of 26"),
        ("white", "got str"),
        ([0.0] * 26 + [100.5], "harmonic 26 must be a number from -100 to 100, got 100.5"),
        ([float("nan")] + [0.0] * 26, "harmonic 0 must be a number from -100 to 100, got nan"),
        ([True] + [0.0] * 26, "harmonic 0 must be a number"),
        ([10**400] + [0.0] * 26, "harmonic 0 must be a number"),
    ],
)
def test_invalid_light_is_refused(endpoint: Endpoint, harmonics: object, said: str) -> None:
    code, message = endpoint.refusal("set_light", harmonics=harmonics)
    assert (code, said in message) == ("invalid", True), message
    assert endpoint.refusal("set_light") == (
        "invalid",
        '"harmonics" must be a list of 27 numbers, or nil for the studio\'s light; got NoneType',
    )


def test_a_named_expression_is_added_to_what_is_performed(endpoint: Endpoint) -> None:
    assert endpoint.call("expressions") == {"names": list(EXPRESSION_NAMES)}
    endpoint.call("set_expression", name="closed_eyes", attack=0, hold=None)
    last = to_weights(endpoint.drawn()[-1].params)
    assert last[arkit.INDEX["eyeBlinkLeft"]] == pytest.approx(1.0, abs=1e-5)
    assert last[arkit.INDEX["jawOpen"]] == pytest.approx(0.5, abs=1e-5)


def test_an_expression_of_weights_takes_its_times_in_seconds(endpoint: Endpoint) -> None:
    endpoint.call("set_expression", weights={"jawOpen": 0.25, "tongueOut": 1}, attack=0.1, hold=0.1, release=0.1)
    drawn = [to_weights(portrait.params) for portrait in endpoint.drawn()]
    tongue = np.array([weights[arkit.INDEX["tongueOut"]] for weights in drawn])
    np.testing.assert_allclose(tongue[[0, 3, 5, 9]], [0.0, 1.0, 1.0, 0.0], atol=1e-4)
    assert drawn[3][arkit.INDEX["jawOpen"]] == pytest.approx(0.75, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, 'either a "name" or "weights"'),
        ({"name": "smile", "weights": {}}, 'either a "name" or "weights"'),
        ({"name": "smiel"}, 'did you mean "smile"?'),
        ({"name": 7}, '"name" is 7; there are smile, laugh'),
        ({"weights": ["jawOpen"]}, "must be a map of ARKit names to 0..1, got list"),
        ({"weights": {"jawOpn": 1.0}}, 'did you mean "jawOpen"?'),
        ({"weights": {"jawOpen": 1.5}}, "jawOpen must be a number from 0 to 1, got 1.5"),
        ({"weights": {"jawOpen": None}}, "jawOpen must be a number"),
        ({"name": "smile", "attack": -1}, '"attack" must be a number from 0 to 60, got -1'),
        ({"name": "smile", "hold": 61}, '"hold" must be a number from 0 to 60, got 61'),
        ({"name": "smile", "release": None}, '"release" must be a number from 0 to 60, got None'),
    ],
)
def test_an_invalid_expression_is_refused(endpoint: Endpoint, arguments: dict[str, object], said: str) -> None:
    code, message = endpoint.refusal("set_expression", **arguments)
    assert (code, said in message) == ("invalid", True), message


def test_without_a_face_nothing_is_recalibrated(endpoint: Endpoint) -> None:
    code, message = endpoint.refusal("recalibrate")
    assert (code, "no face was seen" in message) == ("failed", True)


def test_the_face_that_is_seen_becomes_the_one_at_rest(endpoint: Endpoint) -> None:
    endpoint.drawn()
    assert endpoint.call("recalibrate") == {}
    rest = endpoint.live.session.performance._actor.neutral
    assert rest[arkit.INDEX["jawOpen"]] == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("method", ["hello", "stats", "set_light", "set_expression", "recalibrate", "set_character"])
def test_methods_before_the_loop_exists_are_refused(endpoint: Endpoint, method: str) -> None:
    endpoint.control = ControlMethods(endpoint.wire, StudioSession())
    code, message = endpoint.refusal(method, name="smile" if method == "set_expression" else "hana", harmonics=None)
    assert (code, "still starting" in message) == ("failed", True)


def test_no_refusal_is_longer_than_a_message_may_be(endpoint: Endpoint) -> None:
    for arguments in ({"name": "x" * 4000}, {"weights": {"y" * 4000: 1}}, {"name": "smile", "attack": "z" * 4000}):
        assert len(endpoint.refusal("set_expression", **arguments)[1].encode()) <= 256


def test_hello_names_the_current_character(endpoint: Endpoint) -> None:
    endpoint.live.session.change(replace(shipped_character(), name="sister"))
    assert endpoint.call("hello")["character"] == "sister"


def test_a_game_presses_hotkeys(endpoint: Endpoint) -> None:
    assert endpoint.call("hotkeys")["names"] == [one.id for one in DEFAULT_HOTKEYS]
    assert endpoint.call("trigger_hotkey", name="laugh") == {"is_on": True}
    assert endpoint.call("hotkeys")["on"] == ["laugh"]
    assert endpoint.call("trigger_hotkey", name="laugh", phase="press") == {"is_on": False}
    assert endpoint.refusal("trigger_hotkey", name="cry")[0] == "invalid"
    assert endpoint.refusal("trigger_hotkey", name="laugh", phase="twice")[0] == "invalid"


def test_a_game_tunes(endpoint: Endpoint) -> None:
    said = endpoint.call("tune", gain={"mouth": 1.5}, mirror=True)
    assert (said["mirror"], said["gain"]["mouth"], said["gain"]["jaw"]) == (True, 1.5, 1.0)  # type: ignore[index]
    code, message = endpoint.refusal("tune", gain={"nose": 1})
    assert (code, "no region" in message) == ("invalid", True)
    assert endpoint.call("tune") == said


def test_a_game_selects_the_performer(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path))
    assert endpoint.call("set_actor", name="mika") == {"actor": "mika"}
    assert endpoint.refusal("set_actor", name=7)[0] == "invalid"


def test_a_game_records(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert endpoint.call("record", on=False) == {"path": ""}
    path = endpoint.call("record", on=True)["path"]
    assert str(path).endswith(".csv")
    assert "/" not in str(path)
    assert endpoint.call("record", on=False) == {"path": ""}  # no picture came, so there is no file
    assert endpoint.refusal("record", on="yes") == ("invalid", "\"on\" must be true or false, got 'yes'")


def test_expressions_of_two_layers_add_up(endpoint: Endpoint) -> None:
    endpoint.call("set_expression", name="closed_eyes", attack=0, hold=None, layer="eyes")
    endpoint.call("set_expression", name="tongue", attack=0, hold=None)
    last = to_weights(endpoint.drawn()[-1].params)
    assert last[arkit.INDEX["eyeBlinkLeft"]] == pytest.approx(1.0, abs=1e-5)
    assert last[arkit.INDEX["tongueOut"]] == pytest.approx(1.0, abs=1e-5)
