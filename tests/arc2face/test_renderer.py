"""The photoreal renderer by networks whose pictures are known: what is drawn, kept, turned, streamed and refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.arc2face.networks import Networks
from omote.engine.arc2face.renderer import PAUSE_S, Options, PhotorealRenderer
from omote.engine.data import (
    FLAME_BASIS,
    AnyCharacter,
    Array,
    BankRows,
    FlameParams,
    PhotorealCharacter,
    Portrait,
    Signal,
    Stamp,
)
from omote.engine.errors import AnimatorError
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.live.latency import LatencyMeter
from omote.engine.live.scheduling import CapturedSignal
from omote.engine.live.session import LiveSession
from omote.engine.model.character_file import load_character
from omote.engine.model.portrait_renderer import DrawOptions
from omote.engine.testing.clock import ManualClock
from tests.arc2face.flat import FlatUNet, flat_character, flat_networks, to_flame

SIZE, LIGHT = 64, studio_light()
ME = flat_character("me", SIZE)
FRAME_NS = 40_000_000


def renderer(options: Options | None = None, networks: Networks | None = None) -> PhotorealRenderer:
    return PhotorealRenderer(networks or flat_networks(SIZE), options or Options(), to_flame)


def stream(steps: int, *, streams: bool = True, clock: ManualClock | None = None) -> PhotorealRenderer:
    """A renderer that does not steady faces."""
    networks, clock = flat_networks(SIZE, batch=steps if streams else 1), clock or ManualClock()
    return PhotorealRenderer(networks, Options(steps), to_flame, streams=streams, steadies=False, clock_ns=clock)


def calls(drawer: PhotorealRenderer) -> int:
    unet = drawer.networks.unet
    assert isinstance(unet, FlatUNet)
    return unet.calls


def face(jaw: float = 0.0, neck: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> FlameParams:
    opened = np.array([jaw, 0.0, 0.0], np.float32)
    return replace(FlameParams.neutral(), jaw_pose=opened, neck_pose=np.array(neck, np.float32))


@pytest.mark.parametrize(("guidance", "times"), [(1.0, 1), (3.0, 2)])
def test_the_picture_is_upright_opaque_and_pushed_from_the_unspecified_expression(guidance: float, times: int) -> None:
    """The flat network halves what it sees and adds a tenth of its face's sum, which with zeros is nothing."""
    drawer = renderer(Options(guidance=guidance))
    rgba = drawer.draw(face(), ME, LIGHT).rgba
    clean = (0.5 * np.tanh(ME.noise) + guidance * 0.1 * 55 * 0.01)[:3].repeat(8, 1).repeat(8, 2)
    levels = np.clip(clean * 127.5 + 128.0, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    assert rgba.shape == (SIZE, SIZE, 4)
    np.testing.assert_allclose(rgba[..., :3].astype(int), levels, atol=1)
    assert (rgba[..., 3] == 255).all() and calls(drawer) == times


def test_a_still_face_is_the_same_bytes_in_any_number_of_steps() -> None:
    drawn = set()
    for steps in (1, 2, 4):
        drawer = renderer(Options(steps))
        first = drawer.draw(face(0.3), ME, LIGHT).rgba.tobytes()
        drawer.draw(face(), ME, LIGHT)
        assert drawer.draw(face(0.3), ME, LIGHT).rgba.tobytes() == first and calls(drawer) == 2 * steps
        drawn.add(first)
    assert len(drawn) == 3


def reddened() -> Array:
    red = LIGHT.copy()
    red[9:] *= 0.5
    return red


def only_eyes(change: np.ndarray) -> bool:
    return 0 < len(np.flatnonzero(change.any((1, 2)))) < SIZE // 3


@pytest.mark.parametrize(
    ("now", "light", "is_right", "counts"),
    [
        (face(0.3, (0.0, 0.3, 0.0)), LIGHT, lambda change: change.any(), (1, 1, 0)),
        (replace(face(0.3), eye_pose=np.full((2, 3), 0.2, np.float32)), LIGHT, only_eyes, (1, 1, 0)),
        (face(0.3), reddened(), lambda change: not change[..., 0].any() and change[..., 1:3].mean() < -5, (1, 1, 0)),
        (replace(face(0.3), translation=np.array([0, 0, 0.05], np.float32)), LIGHT, lambda change: not change.any(),
         (1, 0, 1)),
    ],
    ids=["head", "eyes", "light", "nearer"],
)  # fmt: skip
def test_turns_and_light_cost_no_network(
    now: FlameParams, light: Array, is_right: Callable[[np.ndarray], bool], counts: tuple[int, int, int]
) -> None:
    drawer = renderer()
    before = drawer.draw(face(0.3), ME, LIGHT).rgba.astype(int)
    portrait = drawer.draw(now, ME, light.copy(), DrawOptions(presence=0.5))
    assert is_right(portrait.rgba - before) and calls(drawer) == 1
    assert (drawer.counts.drawn, drawer.counts.cached, drawer.counts.still) == counts
    assert portrait.presence == 0.5
    np.testing.assert_array_equal(portrait.light, light)
    np.testing.assert_array_equal(portrait.params.translation, now.translation)
    np.testing.assert_allclose(portrait.params.jaw_pose, [0.3, 0.0, 0.0], atol=1e-3)


def test_a_tracker_that_trembles_while_the_head_turns_redraws_no_still_face() -> None:
    drawer, rng = renderer(), np.random.default_rng(0)
    for picture in range(60):
        weights = np.clip(0.3 + rng.normal(0.0, 0.004, arkit.COUNT), 0.0, 1.0).astype(np.float32)
        turn = np.array([0.0, 0.01 * picture, 0.0], np.float32)
        drawer.draw(from_weights(weights, None, turn), ME, LIGHT)
    assert calls(drawer) < 15  # until the face is held; one each where the head held it up


def test_coefficients_of_flame_2020_are_drawn_as_they_are() -> None:
    absolute = replace(
        to_flame(face()),
        jaw_pose=np.array([0.31, 0.01, 0.01], np.float32),
        eyelids=np.full(2, 0.01, np.float32),
        expression=np.full(50, 0.01, np.float32),
    )
    opened, direct = renderer().draw(face(0.3), ME, LIGHT), renderer().draw(absolute, ME, LIGHT)
    np.testing.assert_allclose(opened.rgba.astype(int), direct.rgba.astype(int), atol=3)
    assert direct.params.basis == FLAME_BASIS


def test_two_characters_of_one_model_are_drawn_in_turn() -> None:
    drawer, other = renderer(), flat_character("other", SIZE, seed=1)
    mine, theirs, again = (drawer.draw(face(), one, LIGHT).rgba.tobytes() for one in (ME, other, ME))
    assert mine == again != theirs


def test_characters_that_do_not_fit_are_refused_by_name() -> None:
    rows = np.zeros((4, 8), np.float16)
    misfits: dict[str, AnyCharacter] = {
        'character "hana" is not photoreal.*--character hana': load_character("hana"),
        'character "a" was made for the weights else': replace(ME, name="a", model="else"),
        'character "c" has 128 pixels on a side, the networks 64': flat_character("c", 128),
        'character "d" has a bank of another size': replace(ME, name="d", bank=BankRows((rows,), (rows,))),
        'character "e": the points show no head': replace(ME, name="e", points=ME.points + 1000.0),
    }
    drawer = renderer()
    for message, misfit in misfits.items():
        for use in (drawer.check, lambda one: drawer.draw(face(), one, LIGHT)):
            with pytest.raises(AnimatorError, match=message):
                use(misfit)
    drawer.check(ME)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: renderer().draw(replace(face(), basis="mine"), ME, LIGHT), '"flame2020" and "open", not "mine"'),
        (lambda: renderer().draw(face(), ME, LIGHT[:9]), "light must be"),
        (lambda: renderer(Options(7)), "support 1, 2, 3, 4 steps, not 7"),
        (lambda: renderer(Options(2), flat_networks(SIZE, 4)), "2 steps need a UNet for 1 or 2 pictures, got 4"),
        (lambda: Options(9).check(ME), '--steps 9 for character "me": "lcm" takes 1 to 8 steps, got 9'),
        (lambda: Options(guidance=0.5).check(ME), "--guidance must be from 1"),
        (lambda: Options(expression_scale=1.6).check(ME), "--expression-scale must be from 0 to 1.5, got 1.6"),
        # All faces under way would stand in the one slot, and each be predicted from the last one's noise.
        (lambda: PhotorealRenderer(flat_networks(SIZE), Options(4), to_flame, streams=True),
         "a stream of 4 steps needs a UNet for 4 pictures, got 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(use: Callable[[], object], message: str) -> None:
    with pytest.raises(AnimatorError, match=message):
        use()


# Streams: each face equals its picture alone, arrives a known number of calls late, and keeps its stamp.


def numbered(index: int) -> FlameParams:
    """A face for each number, its head turned so far as well; beyond what counts as a tracker's noise."""
    return face(0.05 * index, (0.03 * index, 0.0, 0.0))


def stamp(index: int) -> Stamp:
    return Stamp(index, 1000 * index, 2000 * index)


def shown(drawer: PhotorealRenderer, faces: Sequence[int], who: PhotorealCharacter = ME) -> list[Portrait]:
    """Draws each face with its position as its stamp."""
    return [
        drawer.draw(numbered(of), who, LIGHT, DrawOptions(stamp(at), Signal(stamp(at), np.zeros(52, np.float32))))
        for at, of in enumerate(faces)
    ]


@pytest.mark.parametrize("steps", [2, 4])
def test_each_face_is_drawn_as_it_would_be_alone_and_bears_its_own_stamp_signal_and_turn(steps: int) -> None:
    drawer, faces = stream(steps), list(range(9))
    streamed, alone = shown(drawer, faces), shown(stream(steps, streams=False), faces)
    assert [portrait.stamp.index for portrait in streamed] == [0] * (steps - 1) + list(range(10 - steps))
    for portrait in streamed:
        index = portrait.stamp.index
        assert portrait.rgba.tobytes() == alone[index].rgba.tobytes()
        np.testing.assert_array_equal(portrait.params.vector(), alone[index].params.vector())
        assert portrait.stamp.captured_ns == 1000 * index
        assert portrait.signal is not None and portrait.signal.stamp.index == index
    # The first face takes all its steps at once; then each call takes every face under way a step further.
    assert (calls(drawer), drawer.counts.drawn) == (steps + 8, 10 - steps)
    assert all(portrait is streamed[0] for portrait in streamed[: steps - 1])


def test_a_face_that_is_under_way_or_kept_is_not_begun_again() -> None:
    drawer = stream(2)
    portraits = shown(drawer, [0, 1, 1, 1, 0, 0, 1])
    alone = shown(stream(2, streams=False), [0, 1])
    assert calls(drawer) == 4  # two for each of two faces, whose last and first steps are apart here
    for asked, portrait in zip([0, 0, 1, 1, 1, 0, 0], portraits, strict=True):
        assert portrait.rgba.tobytes() == alone[asked].rgba.tobytes()
    assert (drawer.counts.drawn, drawer.counts.cached, drawer.counts.still) == (2, 1, 3)


def test_a_pause_another_character_and_a_face_without_a_stamp_are_drawn_at_once() -> None:
    clock, other = ManualClock(), flat_character("other", SIZE, seed=1)
    drawer, alone = stream(4, clock=clock), stream(4, streams=False)
    shown(drawer, [0, 1, 2])
    clock.now_ns += int(PAUSE_S * 1e9) + 1
    late = drawer.draw(numbered(8), ME, LIGHT, DrawOptions(stamp(30)))
    changed = drawer.draw(numbered(3), other, LIGHT, DrawOptions(stamp(31)))
    whole = drawer.draw(numbered(9), other, LIGHT)
    assert (late.stamp.index, changed.stamp.index) == (30, 31)
    for portrait, number, who in ((late, 8, ME), (changed, 3, other), (whole, 9, other)):
        assert portrait.rgba.tobytes() == alone.draw(numbered(number), who, LIGHT).rgba.tobytes()
    assert drawer.draw(numbered(2), other, LIGHT, DrawOptions(stamp(32))).stamp.index == 31  # the stream goes on


class Sent:
    """An output that keeps every portrait, and tells the meter that it was sent."""

    name = "sent"

    def __init__(self, meter: LatencyMeter, clock: ManualClock) -> None:
        self.portraits: list[Portrait] = []
        self._meter, self._clock = meter, clock

    def offer(self, portrait: Portrait) -> None:
        self._meter.sent(portrait.stamp.index, self._clock.now_ns)
        self.portraits.append(portrait)


def test_a_live_session_offers_each_portrait_once_and_counts_the_calls_that_it_is_under_way() -> None:
    """A jaw that opens, captured at one moment each and drawn at once."""
    clock, meter = ManualClock(), LatencyMeter()
    sent = Sent(meter, clock)
    session = LiveSession(stream(4, clock=clock), ME, [sent], meter=meter, clock_ns=clock)
    session.warm_up()
    for index in range(12):
        captured = Stamp(index, clock.now_ns, 0)
        signal = Signal(captured, arkit.weights({"jawOpen": index / 12}))
        session.draw(CapturedSignal(signal, captured), clock.now_ns)
        clock.now_ns += FRAME_NS
    assert [portrait.stamp.index for portrait in sent.portraits] == list(range(12 - 3))
    assert session.counters.pictures == len(sent.portraits)
    for portrait in sent.portraits:
        assert portrait.signal is not None and portrait.signal.stamp.index == portrait.stamp.index
        np.testing.assert_allclose(portrait.signal.weights[arkit.INDEX["jawOpen"]], portrait.stamp.index / 12)
    total = meter.latency().total
    assert total is not None and total.p50 == 3 * FRAME_NS / 1e6
    assert [name for name, _ in sent.portraits[-1].stamp.finished] == ["wait", "pose", "draw"]
