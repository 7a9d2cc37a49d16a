"""A live session with a stream: offered pictures and measured latencies belong to the same face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from omote.bridge import arkit
from omote.engine.arc2face.renderer import Options, PhotorealRenderer
from omote.engine.data import FLAME_BASIS, FlameParams, Portrait, Signal, Stamp
from omote.engine.live.latency import LatencyMeter
from omote.engine.live.scheduling import CapturedSignal
from omote.engine.live.session import LiveSession
from omote.engine.testing.clock import ManualClock
from tests.arc2face.flat import flat_character, flat_networks

SIZE, STEPS = 64, 4
FRAME_NS = 40_000_000


class Album:
    """Keeps every portrait, and tells the meter that it was sent."""

    name = "album"

    def __init__(self, meter: LatencyMeter, clock: ManualClock) -> None:
        self.portraits: list[Portrait] = []
        self._meter, self._clock = meter, clock

    def offer(self, portrait: Portrait) -> None:
        self._meter.sent(portrait.stamp.index, self._clock.now_ns)
        self.portraits.append(portrait)


def to_flame(params: FlameParams) -> FlameParams:
    return replace(params, basis=FLAME_BASIS)


def played(pictures: int) -> tuple[LiveSession, Album, LatencyMeter]:
    """A jaw that opens, captured at one moment each and drawn at once."""
    clock, meter = ManualClock(), LatencyMeter()
    album = Album(meter, clock)
    networks = flat_networks(SIZE, batch=STEPS)
    renderer = PhotorealRenderer(networks, Options(STEPS), to_flame, streams=True, clock_ns=clock)
    scene = LiveSession(renderer, flat_character("me", SIZE), [album], meter=meter, clock_ns=clock)
    scene.warm_up()
    for index in range(pictures):
        stamp = Stamp(index, clock.now_ns, 0)
        signal = Signal(stamp, arkit.weights({"jawOpen": index / pictures}))
        scene.draw(CapturedSignal(signal, stamp), clock.now_ns)
        clock.now_ns += FRAME_NS
    return scene, album, meter


def test_each_portrait_is_offered_once_and_in_order_under_the_stamp_of_its_face() -> None:
    scene, album, _ = played(12)
    assert [portrait.stamp.index for portrait in album.portraits] == list(range(12 - (STEPS - 1)))
    assert scene.counters.pictures == len(album.portraits)
    for portrait in album.portraits:
        assert portrait.signal is not None
        assert portrait.signal.stamp.index == portrait.stamp.index
        np.testing.assert_allclose(portrait.signal.weights[arkit.INDEX["jawOpen"]], portrait.stamp.index / 12)


def test_latency_counts_the_calls_that_a_face_is_under_way() -> None:
    _, album, meter = played(12)
    total = meter.latency().total
    assert total is not None
    assert total.p50 == (STEPS - 1) * FRAME_NS / 1e6
    assert [name for name, _ in album.portraits[-1].stamp.finished] == ["wait", "pose", "draw"]
