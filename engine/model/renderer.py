"""Draws characters: poses the head, asks the denoiser for layers, and composes them out of the references."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data import Character, FlameParams, Reference
from ..face.anime_head import head_of
from ..face.correspondence import (
    COVERED_CHANNEL,
    GRID,
    HAIR_CHANNEL,
    LEAST_ALIKE,
    MOUTH_CHANNEL,
    MOUTH_ZONE,
    OPENINGS,
    TRUST,
    ZONES,
    View,
    Viewer,
    carried_on,
    expression_similarity,
    likeness,
    similarity_of,
    unsqueezed,
    zone_distance,
)
from ..face.light import checked_light, clamped_light
from ..face.picture_warp import PictureWarp
from ..face.retarget import to_weights
from .anchors import Anchors, Choice, Key, parting
from .compositing import CopySource, DrawnLayers, Fetched, compose, edge_pixels, premultiplied, sampled_grid, straight
from .hair import HAIR_SPRINGS, Hair, HairMotion, hair_of, swings, swung
from .networks import STATE, Encoded, Networks, face_row
from .view_interpolation import Pair, Turned, moved, pairs_of, turned

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]

SIZES = (256, 384, 512, 768, 1024)  # pixels on a side of a picture; one set of weights draws all of them
DEFAULT_SIZE = 512
STEPS = (1, 2, 4)  # calls of the denoiser for one picture
MOST_AT_ONCE = 4  # references that one picture copies from: two turned ones, two anchors
STYLES = {"open": (1.0, 0.0), "anime": (0.0, 1.0)}
_NOISE_SEED = 20261123
# Where several references show the same, the one whose head is turned alike is copied: the strands of two would lie
# beside each other. Another that is so much farther from it is there so little, which suffices for what it alone shows.
_FARTHER_RAD, _LEAST = 0.15, 0.3
_ASIDE = 0.2  # how much nearer than a third reference another must be to be there wholly
_HEADS = 32  # turned heads that are kept, half a megabyte each
_NARROWER = 2.0  # how much more of a zone is its border than its inner part
_EYE_EDGE = (5, 5)  # cells over which a photo's eye gives way to another picture's
_WIDER = 3.0  # how far beyond what an expression moves most what it shows is copied together
_NEAREST = 4  # how much more than others the reference that does most alike is copied
_TRACE = 1e-3  # a share that fills what references of other faces alone would show
_OFF_RAD = 0.12  # by how much a person's head is turned otherwise than flow shows it for the network to draw as usual
_CHOICES = 4  # of references whose stacked features are kept
# A character that is shown from one side turns as it is wanted up to the first angle, and never beyond the second.
_FREELY_RAD, _MOST_RAD = np.radians([14.0, 26.0]).astype(np.float32)
# The inside of the mouth is copied from references that show so much of it; all of it counts as that many weights.
_SHOWN, _SQUARELY = 0.3, 1.0
_LIT = 0.6  # visible and squarely seen, from here on the network's light is taken


@dataclass(frozen=True)
class ReferenceChoice:
    """The references that a picture copies from; the same arrays as long as the choice is the same."""

    order: tuple[Key, ...]  # their numbers, or those of the parts that are put together
    views: tuple[View, ...]
    weights: Array  # [K,52] as in PreparedCharacter
    encoded: Encoded  # [1,K,...]


class Route(NamedTuple):
    """How a picture's cells are found in one reference."""

    head: View  # where the posed head leads them: the reference, or its face turned as it is wanted
    onward: Array | None = None  # [128,128,2] where the cells of that head lie in the reference; None where it is it
    certain: float = 0.0  # how far the network neither moves what is found so nor paints it over, 0 to 1
    warp: Array | None = None  # [128,128,2] where the cells lie in the reference if all of it follows the head

    @property
    def is_carried(self) -> bool:
        """Whether the whole picture is carried along, and not the head's surface alone."""
        return self.onward is not None or self.warp is not None


@dataclass(eq=False)
class PreparedCharacter:
    """A character made ready to be drawn: a head with its hair, and what the networks and the compositing read."""

    character: Character
    viewer: Viewer
    views: list[View]  # of the references
    rgba: list[Rgba]  # [S,S,4] straight, of the references
    encoded: Encoded
    style: Array  # [1,2]
    weights: Array  # [R,52] the ARKit weights of the faces that they show
    turns: Array  # [R,3] how the references' heads are turned
    anchors: Anchors  # those that have another face than the first
    hair: Hair | None  # None where none hangs free
    pairs: tuple[Pair, ...]  # of references that lie side by side by their turns
    warps: dict[Key, PictureWarp]  # of references with the first's face, by their number; none where there are pairs
    _pictures: dict[int, list[CopySource]] = field(default_factory=dict)
    _choices: OrderedDict[tuple[Key, ...], ReferenceChoice] = field(default_factory=OrderedDict)
    _heads: OrderedDict[Turned, tuple[FlameParams, View, tuple[Array, Array]]] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, character: Character, networks: Networks) -> PreparedCharacter:
        """Takes about 30 ms a reference."""
        references = character.references
        viewer = viewer_of(character)
        views = [viewer.view(one.params) for one in references]
        rgba, lights = [one.rgba for one in references], [one.light for one in references]
        weights = [to_weights(one.params) for one in references]
        style = np.array([STYLES[character.head]], np.float32)
        small = np.stack([premultiplied(one, GRID) for one in rgba])
        encoded = networks.encode(
            {
                "rgba": np.ascontiguousarray(small.astype(np.float32).transpose(0, 3, 1, 2) / np.float32(255.0)),
                "geometry": np.stack([view.geometry for view in views]),
                "light": np.stack(lights).astype(np.float32),
                "style": style.repeat(len(rgba), 0),
            }
        )
        turns = np.stack([one.params.neck_pose for one in references])
        shown = np.stack(weights)
        anchors = Anchors.of(viewer, references, views, shown)
        plain = ~anchors.is_anchor
        hair = hair_of(references[0], viewer, views[0])
        # Photos are lit differently, which flow would take for motion.
        is_matched = plain & np.array([one.kind != "photo" for one in references])
        pairs = pairs_of(viewer, views, rgba, turns, is_matched)
        whole: list[int] = [] if pairs else np.flatnonzero(plain).tolist()
        warps: dict[Key, PictureWarp] = {k: PictureWarp(viewer, views[k], references[k].params) for k in whole}
        return cls(character, viewer, views, rgba, encoded, style, shown, turns, anchors, hair, pairs, warps)

    @property
    def references(self) -> tuple[Reference, ...]:
        return self.character.references

    def within_reach(self, params: FlameParams) -> FlameParams:
        """The face, turned by about 26 degrees at most from what warped references show."""
        if not self.warps:
            return params
        shown, turn = self.turns[list(self.warps), :2], params.neck_pose.copy()
        nearest = np.clip(turn[:2], shown.min(0), shown.max(0))
        angle = float(np.linalg.norm(turn[:2] - nearest))
        if angle <= _FREELY_RAD:
            return params
        spare = _MOST_RAD - _FREELY_RAD
        most = _FREELY_RAD + spare * np.tanh((angle - _FREELY_RAD) / spare)
        turn[:2] = nearest + (turn[:2] - nearest) * (most / angle)
        return replace(params, neck_pose=turn)

    def routes(self, params: FlameParams, view: View, choice: ReferenceChoice, present: Array) -> dict[int, Route]:
        """How a picture's cells are found in the chosen references that are there, by their place among them.

        References between whose turns the head is are reached by their flow, from the first's face turned like it.
        Where there are none, pictures are warped, and of others, which show closed eyes or an open mouth, no more is
        copied.
        """
        there = [k for k in range(len(choice.order)) if present[k] > 0.0]
        if self.warps:
            found = {}
            for k in there:
                warp = self.warps.get(choice.order[k])
                place = warp.place(view, params) if warp else None
                found[k] = Route(choice.views[k], certain=1.0, warp=place)
            return found
        routes = {k: Route(choice.views[k]) for k in there}
        between = turned(self.pairs, self.turns, params.neck_pose)
        if between is not None:
            pair, (face, head, places) = self.pairs[between.pair], self._turned(between)
            certain = 1.0
            if self.is_drawn:
                head = self.viewer.standing_off(head, face, params)
            else:
                off = float(np.linalg.norm(params.neck_pose - face.neck_pose))
                certain = max(1.0 - off / _OFF_RAD, 0.0)
            for end, onward in zip((pair.first, pair.second), places, strict=True):
                for k in there:
                    if choice.order[k] == end:
                        routes[k] = Route(head, onward, certain)
        return routes

    @property
    def is_drawn(self) -> bool:
        """Whether it is a drawing, and no person."""
        return self.character.head == "anime"

    @property
    def at_once(self) -> int:
        """How many references a picture copies from."""
        return references_at_once(self.character)

    def pictures(self, size: int) -> list[CopySource]:
        """The references at this size, made at the first call."""
        if size not in self._pictures:
            self._pictures[size] = [CopySource.of(premultiplied(one, size)) for one in self.rgba]
        return self._pictures[size]

    def sources(self, order: Sequence[Key], size: int) -> list[CopySource]:
        """What these are copied from at this size."""
        pictures = self.pictures(size)
        return [
            pictures[key] if isinstance(key, int) else self.anchors.source(key, self.encoded, pictures) for key in order
        ]

    def chosen(self, params: FlameParams) -> tuple[ReferenceChoice, Array, Array]:
        """Which references a picture of this face copies from, how much each is there [1,K], and its parts [K,4].

        The one whose head is turned most alike always is, of those with the first's face. Anchors fade in as a part
        of the face comes nearer to theirs than to the first's; what gives way to another has faded out.
        """
        count, is_anchor = len(self.references), self.anchors.is_anchor
        near = np.where(is_anchor, np.float32(0.0), self._nearness(params.neck_pose))
        base, beside = (int(k) for k in np.argsort(-near, kind="stable")[[0, min(1, count - 1)]])
        anchors = self.anchors.chosen(to_weights(params), params.neck_pose)
        found = [Choice(base, np.ones(len(ZONES), np.float32)), *anchors]
        if not is_anchor[beside] and beside != base:
            third = np.sort(near)[::-1][2] if count > 2 else 0.0
            share = near[beside] * np.clip((near[beside] - third) / _ASIDE, 0.0, 1.0)
            found.append(Choice(beside, np.full(len(ZONES), share, np.float32)))
        # In the order of their numbers, so that there are few choices.
        used = [one.key for one in found]
        idle = [k for k in range(count) if k not in used][: self.at_once - len(found)]
        found = sorted([*found, *(Choice(k, _ABSENT) for k in idle)], key=_place_of)
        share = np.stack([one.share for one in found])
        present = share.max(1)
        parts = share / np.maximum(present, np.float32(1e-6))[:, None]
        return self._choice(tuple(one.key for one in found)), present[None], parts

    def _turned(self, between: Turned) -> tuple[FlameParams, View, tuple[Array, Array]]:
        """The face of a reference turned so far, its head, and where the cells lie in both references."""
        found = self._heads.get(between)
        if found is None:
            pair = self.pairs[between.pair]
            face = between.params(*(self.references[end].params for end in (pair.first, pair.second)))
            found = self._heads[between] = face, self.viewer.view(face).to_copy_from(), pair.places(between.step)
            while len(self._heads) > _HEADS:
                self._heads.popitem(last=False)
        self._heads.move_to_end(between)
        return found

    def _nearness(self, turn: Array) -> Array:
        """[K] 1 for the reference whose head is turned most like this, less for others."""
        away = np.sqrt(np.square(self.turns - turn).sum(1))
        return np.asarray(np.clip(1.0 - (away - away.min()) / _FARTHER_RAD, _LEAST, 1.0), np.float32)

    def _choice(self, order: tuple[Key, ...]) -> ReferenceChoice:
        found = self._choices.get(order)
        if found is None:
            rows = [self._read(key) for key in order]
            encoded = Encoded(*(np.concatenate(parts)[None] for parts in zip(*(row[2] for row in rows), strict=True)))
            views, weights = tuple(row[0] for row in rows), np.stack([row[1] for row in rows])
            found = self._choices[order] = ReferenceChoice(order, views, weights, encoded)
            while len(self._choices) > _CHOICES:
                self._choices.popitem(last=False)
        self._choices.move_to_end(order)
        return found

    def _read(self, key: Key) -> tuple[View, Array, Encoded]:
        """The view, the weights [52] and what the denoiser reads [1,...] of a reference, or of parts put together."""
        if isinstance(key, int):
            return self.views[key], self.weights[key], Encoded(*(part[key : key + 1] for part in self.encoded))
        made = self.anchors.composite(key, self.encoded)
        return made.view, made.weights, made.encoded


def _place_of(choice: Choice) -> tuple[int, ...]:
    """Whole references by their number, then those that are put together by theirs."""
    return (0, choice.key) if isinstance(choice.key, int) else (1, *choice.key)


_ABSENT = np.zeros(len(ZONES), np.float32)


class Renderer:
    """Draws from one thread at a time; the noise is always the same, so a picture is a function of what it shows."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks

    def prepare(self, character: Character) -> PreparedCharacter:
        """Makes the character ready, and opens the denoiser for its references; from any thread.

        Raises RuntimeUnavailable if that denoiser cannot run here.
        """
        self.networks.denoiser(references_at_once(character))
        return PreparedCharacter.of(character, self.networks)

    def draw(
        self,
        look: PreparedCharacter,
        params: FlameParams,
        light: Array,
        size: int = DEFAULT_SIZE,
        steps: int = 1,
        sway: Array | None = None,
    ) -> Rgba:
        """[S,S,4] straight RGBA of this face in this light [27]; ValueError for light or basis of another form.

        `sway` moves the hair as `HairMotion` says; without it the hair is at rest.
        """
        posed = self._posed(look, params, light)
        layers = _settled(look, posed, self._layers(look, posed.inputs, posed.order, steps))
        exact = None if look.warps else _exact(look, posed, layers, size)
        if look.hair and sway is not None and sway.any():
            displacement = look.hair.displacement(sway, _first_place(look, posed))
            layers = swung(layers, displacement)
            exact = exact and exact.only(~swings(displacement, exact.pixel, size))
        there = [posed.order[k] for k in posed.routes]
        return compose(layers, look.sources(there, size), exact)

    def _layers(
        self, look: PreparedCharacter, inputs: dict[str, Array], order: tuple[Key, ...], steps: int
    ) -> DrawnLayers:
        """By Euler's method along the straight path from noise to the picture."""
        layers, x = self.networks.layers(inputs), inputs["x"]
        for step in range(1, steps):
            t, last = np.float32(1.0 - step / steps), np.float32(1.0 - (step - 1) / steps)
            clean = _state(compose(layers, look.sources(order, STATE)))
            x = x + (t - last) * (x - clean) / last
            layers = self.networks.layers({**inputs, "x": x, "t": np.full(1, t)})
        return layers

    def inputs(
        self, look: PreparedCharacter, params: FlameParams, light: Array
    ) -> tuple[dict[str, Array], tuple[Key, ...]]:
        """What the denoiser reads for this picture, and the references that it copies from."""
        posed = self._posed(look, params, light)
        return posed.inputs, posed.order

    def _posed(self, look: PreparedCharacter, params: FlameParams, light: Array) -> _PosedFace:
        params = look.within_reach(params)
        face = face_row(params)
        choice, present, parts = look.chosen(params)
        view = look.viewer.view(params)
        routes = look.routes(params, view, choice, present[0])
        # References that flow leads to have one head in common.
        heads = {id(route.head): route for route in routes.values()}
        rows = {key: row for row, key in enumerate(heads)}
        weights = to_weights(params)
        shown = {id(route.head): choice.weights[k] for k, route in routes.items()}
        of_heads = expression_similarity(weights, np.stack([shown[key] for key in heads]))
        found = look.viewer.correspondence(view, [route.head for route in heads.values()], of_heads)
        zones = look.viewer.zones(view)
        inner = _inner(zones)[:OPENINGS].max(0)
        place, trust = _nowhere(len(choice.order))
        for k, route in routes.items():
            row = rows[id(route.head)]
            place[k], trust[k] = found.place[row], found.trust[row]
            if not parts[k].all():
                trust[k, :2] *= _in_zones(parts[k], zones)
            if route.onward is not None:
                place[k] = moved(route.onward, place[k])
                trust[k, 1] *= unsqueezed(place[k])
            if route.warp is not None:
                # Eyes and mouth open and close, which no smooth warp does.
                own = (found.trust[row, 0] * inner)[..., None]
                place[k] = route.warp + own * (place[k] - route.warp)
        is_mouth = view.geometry[MOUTH_CHANNEL] > 0.5
        square = trust[:, 1, is_mouth]
        for k, route in routes.items():
            square[k] /= of_heads[rows[id(route.head)], MOUTH_ZONE]
        np.clip(square, 0.0, 1.0, out=square)
        alike, agreement = likeness(weights, choice.weights), expression_similarity(weights, choice.weights)
        in_mouth = agreement[:, MOUTH_ZONE].copy()
        in_mouth += parting(weights) * (
            _mouth_similarity(weights, choice.weights, trust[:, 0, is_mouth] * square) - in_mouth
        )
        trust[:, 1, is_mouth] = square * in_mouth[:, None]
        inputs = {
            "x": noise(),
            "t": _ONE,
            "geometry": view.geometry[None],
            "face": face[None],
            "light": clamped_light(checked_light(light))[None],
            "style": look.style,
            **choice.encoded._asdict(),
            "place": place[None],
            "trust": trust[None],
            "present": present,
        }
        straight = dict(zip(heads, found.place, strict=True))
        return _PosedFace(view, zones, choice, routes, straight, alike, agreement, in_mouth, parts, inputs)


@dataclass(frozen=True)
class _PosedFace:
    """A posed face, and the network's inputs for it."""

    view: View
    zones: Array  # [4,128,128] see `Viewer.zones`
    choice: ReferenceChoice
    routes: dict[int, Route]  # of the references that are there, by their place among the chosen
    place: dict[int, Array]  # [128,128,2] where the cells lie in each of the routes' heads, by its id
    likeness: Array  # [K,3] of the chosen references' faces to the wanted one, by zone
    agreement: Array  # [K,4] the same, compared with the one that is most alike
    in_mouth: Array  # [K] the same inside the mouth, compared with those that show it
    parts: Array  # [K,4] how much each zone of the chosen references is there
    inputs: dict[str, Array]

    @property
    def order(self) -> tuple[Key, ...]:
        return self.choice.order

    def similarity(self, k: int, zones: Array, first: int = 0) -> Array:
        """[128,128] how alike a reference's expression is in these zones [Z,128,128], 1 elsewhere."""
        found = _in_zones(self.agreement[k, first : first + len(zones)], zones)
        found[self.view.geometry[MOUTH_CHANNEL] > 0.5] = self.in_mouth[k]
        return found


def _mouth_similarity(wanted: Array, shown: Array, seen: Array) -> Array:
    """[K] 1 for the reference from which the inside of the mouth is copied best, less for others.

    From ARKit weights [52], [K,52], and how squarely its cells are seen in each reference [K,n].
    """
    found = np.full(len(shown), LEAST_ALIKE, np.float32)
    part = seen.mean(1) if seen.size else np.zeros(len(shown), np.float32)
    shows = part > _SHOWN
    if shows.any():
        away = zone_distance(wanted, shown[shows])[:, MOUTH_ZONE] - _SQUARELY * part[shows]
        found[shows] = similarity_of(away)
    return found


def _settled(look: PreparedCharacter, posed: _PosedFace, layers: DrawnLayers) -> DrawnLayers:
    """The layers of the routes' references alone, those that flow leads to where it leads.

    Of a reference that does something else then, eyes and mouth alone are copied. What is surely shown is not painted.
    """
    there = list(posed.routes)
    share, place = layers.share[there], layers.place[there]
    certain = max(route.certain for route in posed.routes.values())
    if any(route.is_carried for route in posed.routes.values()):
        zones = _apart(posed.zones)
        # The eyes of another picture are copied with what is around them, a mouth alone: a jaw moves its outline.
        own = np.stack([*(cv2.blur(eye, _EYE_EDGE) for eye in zones[:2]), _inner(posed.zones)[2]])
        face = (own if look.warps else zones).max(0)
        geometry, cut = posed.view.geometry, np.array(layers.cut)
        _share_warped(posed, share)
        is_head = (geometry[COVERED_CHANNEL] > 0.5) & (geometry[HAIR_CHANNEL] < 0.5)
        sure = np.where(is_head, np.float32(0.0), np.float32(certain))
        for row, (k, route) in enumerate(posed.routes.items()):
            trust, reached = posed.inputs["trust"][0, k], posed.inputs["place"][0, k].transpose(2, 0, 1)
            is_seen, alike = trust[0] * trust[1], _in_zones(posed.likeness[k], zones[:OPENINGS])
            shown = is_seen * alike
            if not route.is_carried:
                share[row] *= face * _in_zones(posed.parts[k], zones)
                if not look.is_drawn:
                    # A person's nearest parts are copied even where they do something else, because paint is blurred.
                    shown = np.maximum(is_seen * posed.similarity(k, zones), alike)
                shown *= face
            else:
                share[row] += np.float32(_TRACE)
            if look.is_drawn:
                place[row] = reached
                share[row] *= posed.similarity(k, zones) ** _NEAREST
            else:
                place[row] += np.float32(route.certain) * (reached - place[row])
                # The eyes of a person who is rendered from several sides mix well.
                first = 0 if look.warps else OPENINGS - 1
                share[row] *= posed.similarity(k, own[first:], first) ** _NEAREST
            if route.warp is not None:
                whole = _in_zones(posed.likeness[k], _inner(posed.zones)[:OPENINGS])
                shown = np.where(geometry[MOUTH_CHANNEL] > 0.5, shown, whole)
            sure = np.maximum(sure, np.float32(certain) * shown)
        sure = np.asarray(cv2.resize(sure, cut.shape[1:], interpolation=cv2.INTER_LINEAR))
        limit = np.minimum(cut[0], np.float32(0.5) - sure)
        cut[0] += np.float32(min(2.0 * certain, 1.0)) * (limit - cut[0])
        layers = layers._replace(cut=cut)
        if look.warps:
            layers = _lit_where_seen(posed, layers, cut)
        elif not look.is_drawn:
            layers = _mouth_lit(posed, layers)
    return layers._replace(share=share / np.maximum(share.sum(0), np.float32(_TRACE)), place=place)


def _inner(zones: Array) -> Array:
    """[Z,128,128] the inner part of zones, where lids and lips are."""
    return np.asarray(np.clip(_NARROWER * zones - np.float32(_NARROWER - 1.0), 0.0, 1.0), np.float32)


def _apart(zones: Array) -> Array:
    """[4,128,128] the zones, wider; where they overlap each has its part."""
    squared = np.square(zones)
    portion = squared / np.maximum(squared.sum(0), np.float32(1e-6))
    return np.asarray(portion * np.minimum(_WIDER * zones.max(0), 1.0), np.float32)


def _share_warped(posed: _PosedFace, share: Array) -> None:
    """Shares [R,128,128] of warped pictures, in place: the one turned most alike, the others as they fade."""
    rows = [row for row, route in enumerate(posed.routes.values()) if route.warp is not None]
    if len(rows) > 1:
        present = posed.inputs["present"][0, [k for k, route in posed.routes.items() if route.warp is not None]]
        weight = np.maximum(present - np.float32(_LEAST), 0.0)
        share[rows] = share[rows].sum(0) * (weight / weight.sum())[:, None, None]


def _lit_where_seen(posed: _PosedFace, layers: DrawnLayers, cut: Array) -> DrawnLayers:
    """The layers with light carried on from where the references show the head squarely to where they do not."""
    trust = posed.inputs["trust"][0, [k for k, route in posed.routes.items() if route.warp is not None]]
    is_lit = ((trust[:, 0] * trust[:, 1]).max(0) > _LIT).astype(np.float32)
    is_lit = cv2.erode(is_lit, np.ones((3, 3), np.uint8))
    gain, shade = (carried_on(one[None], is_lit[None])[0] for one in (layers.gain, layers.shade))
    cut[2] = np.where(cv2.resize(is_lit, cut.shape[1:], interpolation=cv2.INTER_NEAREST) > 0.5, cut[2], -1.0)
    return layers._replace(gain=gain, shade=shade, cut=cut)


def _mouth_lit(posed: _PosedFace, layers: DrawnLayers) -> DrawnLayers:
    """The layers with the light of the lips carried on into the mouth."""
    is_skin = (posed.view.geometry[MOUTH_CHANNEL] < 0.5).astype(np.float32)
    is_skin = cv2.erode(is_skin, np.ones((3, 3), np.uint8))
    gain, shade = (carried_on(one[None], is_skin[None])[0] for one in (layers.gain, layers.shade))
    return layers._replace(gain=gain, shade=shade)


def _in_zones(parts: Array, zones: Array) -> Array:
    """[128,128] these parts [Z] in their zones [Z,128,128], 1 elsewhere."""
    left = 1.0 - np.tensordot(np.float32(1.0) - parts, zones, 1)
    return np.asarray(np.clip(left, 0.0, 1.0), np.float32)


def _exact(look: PreparedCharacter, posed: _PosedFace, layers: DrawnLayers, size: int) -> Fetched | None:
    """What lies beside an edge, fetched from its own place and as the network has moved it."""
    heads = {id(route.head): route.head for route in posed.routes.values()}
    straight = [posed.place[id(head)] for head in heads.values()]
    found = edge_pixels(look.viewer, posed.view, list(heads.values()), np.stack(straight), size)
    if found is None:
        return None
    rows = {key: row for row, key in enumerate(heads)}
    place, is_known = [], []
    for moved_to, (k, route) in zip(layers.place, posed.routes.items(), strict=True):
        row = rows[id(route.head)]
        at = found.place[row] if route.onward is None else moved(route.onward, found.place[row])
        shift = np.ascontiguousarray(moved_to.transpose(1, 2, 0) - posed.inputs["place"][0, k])
        place.append(at + sampled_grid(shift, found.pixel, size))
        is_known.append(found.is_known[row])
    exact = Fetched(found.pixel, np.stack(place), np.stack(is_known))
    # The outline of drawn hair is where the grid says; a chin's is not.
    return exact.only(found.pixel // size > look.viewer.nose_row * size / GRID) if look.is_drawn else exact


@cache
def _own_places() -> Array:
    """[128,128,2] where each cell lies in its own picture."""
    line = (np.arange(GRID, dtype=np.float32) + np.float32(0.5)) * np.float32(2.0 / GRID) - np.float32(1.0)
    return np.stack(np.meshgrid(line, line), -1)


def _nowhere(count: int) -> tuple[Array, Array]:
    """Place [K,128,128,2] and trust [K,4,128,128] of references that are not there."""
    return np.repeat(_own_places()[None], count, 0), np.zeros((count, TRUST, GRID, GRID), np.float32)


def _first_place(look: PreparedCharacter, posed: _PosedFace) -> Array:
    """[128,128,2] where each cell lies in the first reference, which need not be among the chosen."""
    if 0 in (posed.order[k] for k in posed.routes):
        found = posed.inputs["place"][0, posed.order.index(0)]
    else:
        found = look.viewer.correspondence(posed.view, look.views[:1]).place[0]
    return np.asarray(found)


_ONE = np.ones(1, np.float32)


def references_at_once(character: Character) -> int:
    """From how many of its references a picture of this character copies."""
    return min(len(character.references), MOST_AT_ONCE)


def motion_of(character: Character) -> HairMotion:
    """Springs at rest, for hair on this head."""
    head = head_of(character)
    return HairMotion(head, head.shaped(character.shape), HAIR_SPRINGS[character.head])


def viewer_of(character: Character) -> Viewer:
    """The character's head, with hair as the first reference shows it."""
    head, first = head_of(character), character.references[0]
    alpha = cv2.resize(first.rgba[..., 3], (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    return Viewer(head.shaped(character.shape), head).with_hair(first.params, alpha)


def crossfaded(pictures: Sequence[Rgba], shares: Sequence[float]) -> Rgba:
    """[S,S,4] straight RGBA: so much of each of these, mixed premultiplied; the shares are 1 together."""
    if len(pictures) == 1:
        return pictures[0]
    mixed = np.zeros(pictures[0].shape, np.float32)
    for picture, share in zip(pictures, shares, strict=True):
        mixed += premultiplied(picture, len(picture)).astype(np.float32) * np.float32(share)
    return straight(np.asarray(cv2.convertScaleAbs(mixed), np.uint8))


@cache
def noise() -> Array:
    """[1,4,256,256] the same normal noise for every picture, so that a still face gives a still picture."""
    return np.random.default_rng(_NOISE_SEED).standard_normal((1, 4, STATE, STATE), np.float32)


def _state(rgba: Rgba) -> Array:
    """[1,4,256,256] premultiplied, -1 to 1."""
    levels = premultiplied(rgba, len(rgba)).astype(np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(levels / np.float32(127.5) - np.float32(1.0))[None]
