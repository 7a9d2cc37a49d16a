"""Anchors: references that show lids, gaze, brows or mouth doing something; the nearest of each are put together.

A character's closed eyes are in one picture, its open mouth in another. A face that does both is copied from one
picture that is put together of both, part by part, as long as all of them show the head from the same side.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import Reference
from ..face.correspondence import MOUTH_CHANNEL, MOUTH_ZONE, ZONE_WEIGHTS, View, Viewer, zone_distance
from .compositing import CopySource
from .networks import Encoded

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]
Floats = NDArray[np.floating]
Key = int | tuple[int, ...]  # a reference's number, or by part that of the one which shows it

# In each part, how far two references must be apart to differ: ARKit weights, and radians of the head's turn.
APART, _APART_RAD = 0.3, 0.15
# From when on an anchor is copied, and when wholly: -1 at the first reference's face, 1 at its own.
_FROM, _WHOLLY = -0.7, -0.2
_PARTED = 0.1  # the weight from which on an anchor's mouth is copied wholly, however unlike it is
_AT_REST = 0.1  # in weights: a reference nearer than that to the first in a part does the same there
_PASSED = 0.7  # how much farther off than the nearest, in weights, an anchor counts for nothing
_ASIDE = 0.2  # how much nearer than a third anchor the second must be to be there wholly
ALIKE_RAD = 0.02  # heads that are turned less apart are seen from the same side
_FAINT = 0.05  # of what an expression moves most: where it moves less is beside its part
_TONGUE = arkit.INDEX["tongueOut"]
_OPENING = ("jawOpen", "mouthFunnel", "mouthUpperUp", "mouthLowerDown")
PARTING = [k for k, name in enumerate(arkit.NAMES) if name.startswith(_OPENING)]  # weights that part the lips
_OPEN_CELLS = 12  # of the inside of the mouth must be seen where it is open
_ROOMY = 0.2  # how much better a picture of a mouth fits that shows most of its inside
_KEPT = 32  # pictures that are put together, about two megabytes each
# What surrounds the parts goes with the mouth, whose jaw moves it.
_MOUTH = MOUTH_ZONE


class Choice(NamedTuple):
    """An anchor, or several put together, and how much each part of it is copied."""

    key: Key
    share: Array  # [4] by zone, 0 to 1


@dataclass(frozen=True)
class Composite:
    """Parts of several references as one."""

    view: View
    weights: Array  # [52]
    encoded: Encoded  # [1,...]
    sources: dict[int, CopySource] = field(default_factory=dict)  # by their size


@dataclass(eq=False)
class Anchors:
    """A character's references that show another face than the first."""

    viewer: Viewer
    views: Sequence[View]  # of all references
    weights: Array  # [R,52]
    turns: Array  # [R,3]
    is_anchor: NDArray[np.bool_]  # [R]
    is_parted: bool  # whether all anchors show the head from the first's side, so that their parts fit together
    zone: NDArray[np.int8]  # [128,128] which part of the face a cell of the pictures shows; the mouth's beside them
    _composites: OrderedDict[Key, Composite] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, viewer: Viewer, references: Sequence[Reference], views: Sequence[View], weights: Array) -> Anchors:
        """Those of the references that do something else than the first, with at least one part."""
        turns = np.stack([one.params.neck_pose for one in references])
        # Photos of several sides look at the camera each in its own way.
        is_level = np.abs(turns - turns[0]).max(1) < ALIKE_RAD
        away = [zone_distance(weights[0], weights, with_gaze).max(1) for with_gaze in (True, False)]
        is_anchor = np.where(is_level, *away) >= APART
        shown = [views[0], *(view for view, one in zip(views, is_anchor, strict=True) if one)]
        zone = _strongest(np.max([viewer.zones(view) for view in shown], 0))
        return cls(viewer, views, weights, turns, is_anchor, bool(is_level[is_anchor].all()), zone)

    @cached_property
    def _to_first(self) -> Array:
        """[R,4] how far references are from the first in each part."""
        return zone_distance(self.weights[0], self.weights)

    def chosen(self, weights: Array, turn: Array) -> list[Choice]:
        """At most two anchors for a face with these weights [52] that is turned like this [3], the nearer first.

        The second fades out as a third comes as near, so no picture comes or goes at once.
        """
        numbers = np.flatnonzero(self.is_anchor)
        if not len(numbers):
            return []
        away = zip(zone_distance(weights, self.weights).T, self._to_first.T, strict=True)
        fits = np.stack([_fit(*one, APART, numbers) for one in away])  # [4,n]
        if not self.is_parted:
            turned, off = (np.linalg.norm(self.turns - one, axis=1) for one in (turn, self.turns[0]))
            fits = np.maximum(fits.max(0), _fit(turned, off, _APART_RAD, numbers))[None]
        preferred, parted = fits.copy(), parting(weights)
        if self.is_parted:
            preferred[_MOUTH] += parted * _ROOMY * self._room[numbers]
        order = np.argsort(-preferred, axis=1, kind="stable")
        lips_alone = self.is_parted and self._room[numbers[order[_MOUTH, 0]]] == 0.0
        if lips_alone:
            order[_MOUTH] = self._with_open_second(order[_MOUTH], numbers)
        least = np.full((len(fits), 3), -2.0 * len(numbers), np.float32)
        best, ranked = (np.concatenate([np.take_along_axis(one, order, 1), least], 1) for one in (fits, preferred))
        there = np.clip((best[:, :2] - _FROM) / (_WHOLLY - _FROM), 0.0, 1.0)
        if self.is_parted:
            there[_MOUTH] = np.maximum(there[_MOUTH], parted * (best[_MOUTH, :2] > -2.0))
        aside = np.clip((ranked[:, :2] - ranked[:, 2:3]) / _ASIDE, 0.0, 1.0)
        there[:, 1] *= aside[:, 1] / np.maximum(aside[:, 0], np.float32(1e-3))
        if lips_alone:
            there[_MOUTH, 1] = parted
        found = []
        for rank in range(min(2, len(numbers))):
            share = there[:, rank]
            if share.any():
                shown = np.where(share > 0.0, numbers[order[:, rank]], -1).tolist()
                key = self._with_fewer_seams(shown) if len(shown) > 1 else shown[0]
                found.append(Choice(key, np.broadcast_to(share, len(ZONE_WEIGHTS)).astype(np.float32)))
        return found

    def _with_open_second(self, order: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The order [n] with one that shows teeth in the second place."""
        is_open = self._room[numbers[order[1:]]] > 0.0
        return np.concatenate([order[:1], order[1:][is_open], order[1:][~is_open]])

    @cached_property
    def _room(self) -> Array:
        """[R] how much of the inside of the mouth references show, with no tongue before it; 1 for most."""
        cells = np.array([(one.geometry[MOUTH_CHANNEL] > 0.5).sum() for one in self.views], np.float32)
        cells[(cells < _OPEN_CELLS) | (self.weights[:, _TONGUE] > 0.5)] = 0.0
        return np.asarray(cells / max(cells.max(), 1.0), np.float32)

    def _with_fewer_seams(self, shown: list[int]) -> tuple[int, ...]:
        """The references of the parts; one at rest is taken from the picture of another part where it rests too."""
        beside = [number for number in shown if number >= 0]
        return tuple(
            number if number >= 0 else next((k for k in beside if self._to_first[k, part] < _AT_REST), number)
            for part, number in enumerate(shown)
        )

    def composite(self, key: Key, encoded: Encoded) -> Composite:
        """What these parts look like together, about 10 ms for a new one; `encoded` is of all references."""
        assert isinstance(key, tuple)
        found = self._composites.get(key)
        if found is None:
            weights = self.weights[0].copy()
            for part, number in zip(ZONE_WEIGHTS, key, strict=True):
                if number >= 0:
                    weights[part] = self.weights[number, part]
            view = self._view_of(key)
            picture, fine, coarse = (self._put_together(key, part) for part in encoded[:3])
            found = Composite(view, weights, Encoded(picture, fine, coarse, encoded.identity[:1]))
            self._composites[key] = found
            while len(self._composites) > _KEPT:
                self._composites.popitem(last=False)
        self._composites.move_to_end(key)
        return found

    def source(self, key: Key, encoded: Encoded, sources: Sequence[CopySource]) -> CopySource:
        """What these parts are copied from; `sources` are the references at the size that is wanted."""
        composite, size = self.composite(key, encoded), len(sources[0].rgba)
        if size not in composite.sources:
            assert isinstance(key, tuple)
            rgba = sources[max(key[_MOUTH], 0)].rgba.copy()
            for zone, mask in self._masks(size).items():
                cv2.copyTo(sources[max(key[zone], 0)].rgba, mask, rgba)
            composite.sources[size] = CopySource.of(rgba)
        return composite.sources[size]

    def _view_of(self, key: tuple[int, ...]) -> View:
        """The head to copy from, each part as its own picture shows it: a smile may bend the lids in one alone."""
        vertex = _strongest(self.viewer.zone_share)
        triangle, cell = vertex[self.viewer.triangle[:, 0]], self.zone.ravel()
        around = self.views[max(key[_MOUTH], 0)]
        screen, facing, fetch = around.screen.copy(), around.facing.copy(), around.fetch.copy()
        area, depth = around.area.copy(), around.depth.copy()
        for zone, number in enumerate(key):
            view, mine = self.views[max(number, 0)], vertex == zone
            screen[mine], facing[mine], fetch[mine] = view.screen[mine], view.facing[mine], view.fetch[mine]
            area[triangle == zone], depth[cell == zone] = view.area[triangle == zone], view.depth[cell == zone]
        found = around.to_copy_from()
        return replace(found, screen=screen, facing=facing, fetch=fetch, area=area, depth=depth)

    def _put_together(self, key: tuple[int, ...], rows: Array) -> Array:
        """[1,C,n,n] parts of the references' [R,C,n,n]."""
        out = rows[max(key[_MOUTH], 0)].copy()
        for zone, mask in self._masks(rows.shape[-1]).items():
            np.copyto(out, rows[max(key[zone], 0)], where=mask > 0)
        return np.asarray(out[None], np.float32)

    def _masks(self, size: int) -> Mapping[int, Rgba]:
        """[n,n] 255 where each part is that does not go with the mouth."""
        zones = [k for k in range(len(ZONE_WEIGHTS)) if k != _MOUTH]
        shape = (size, size)
        return {
            k: np.asarray(
                cv2.resize((self.zone == k).view(np.uint8) * np.uint8(255), shape, None, 0, 0, cv2.INTER_NEAREST)
            )
            for k in zones
        }


def parting(weights: Array) -> float:
    """How far lips are parted by these weights [52]: 0 closed, 1 so far that the inside of the mouth is seen."""
    return min(float(weights[PARTING].max()) / _PARTED, 1.0)


def _strongest(zones: Array) -> NDArray[np.int8]:
    """Which zone each point of these [4,...] belongs to most; the mouth's where it belongs to none."""
    return np.where(zones.max(0) > _FAINT, zones.argmax(0), _MOUTH).astype(np.int8)


def _fit(distance: Floats, to_first: Floats, apart: float, numbers: NDArray[np.int64]) -> Array:
    """[n] 1 for a face as anchor k shows it, -1 as the first reference does; less for anchors farther than the nearest.

    How far all references are from the wanted face, and from the first's. Those that show the same as the first in
    this part are at -2.
    """
    own, other = distance[numbers], to_first[numbers]
    differs = other >= apart
    found = (distance[0] - own) / np.maximum(other, apart)
    if differs.any():
        found -= (own - own[differs].min()) * np.float32(APART / (apart * _PASSED))
    return np.where(differs, found, np.float32(-2.0)).astype(np.float32)
