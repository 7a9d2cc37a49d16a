"""The animator: FlameParams and a Character in, a Portrait out; and an ensemble of several."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, Character, FlameParams, PhotorealCharacter, Portrait, Stamp
from ..errors import AnimatorError
from ..face.light import checked_light, studio_light
from ..face.retarget import from_weights
from ..face.stabilizer import DRAWN_PARAMS, FaceStabilizer, in_steps
from ..models import WEIGHTS_FOLDER, WeightsError, shipped_networks
from ..runtime.session import AUTO, Build, RuntimeUnavailable, runtime_names
from . import autotune
from .autotune import RuntimeChoice, choose
from .character_file import load_character
from .hair import CHAINS, JOINTS, HairMotion
from .marks import with_marks
from .networks import Networks
from .portrait_renderer import FACE_ALONE, DrawCounts, DrawOptions, PictureCache
from .renderer import DEFAULT_SIZE, MOST_AT_ONCE, SIZES, STEPS, PreparedCharacter, Renderer, crossfaded, motion_of

Array = NDArray[np.float32]
Face = FlameParams | Mapping[str, float]  # or ARKit weights by name
_STUDIO_LIGHT = studio_light()
_MOST_PREPARED = 4  # characters: two in a crossfade, and two before them


class Animator:
    """Draws portraits; from one thread at a time.

    The noise is always the same, so a picture is a function of character, face, light and, with `consistency`, of the
    faces drawn just before.

    Parameters
    ----------
    size
        Pixels on a side of the picture: one of 256, 384, 512, 768 and 1024. None is 512.
    steps
        Steps of the sampler: 1, 2 or 4.
    runtime
        What runs the network: "auto" is the fastest of this machine, as for the command `omote live`, found by a trial
        at the first start and remembered; "openvino-f32" and others name one. The same runtime gives the same bytes.
    consistency
        Whether differences within a tracker's noise are smoothed, and a face that holds still is held. Without it
        each picture stands alone.
    renderer
        An open renderer to share, instead of one that is opened here by `runtime`.
    references
        The most references that are read at a time, for which the network is compiled.

    Raises
    ------
    AnimatorError
        If size, steps or runtime are not supported, or if no runtime can draw on this machine.

    Examples
    --------
    >>> portrait = Animator().draw({"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}, "hana")
    >>> portrait.rgba.shape
    (512, 512, 4)
    """

    def __init__(
        self,
        size: int | None = None,
        steps: int = 1,
        runtime: str = AUTO,
        consistency: bool = True,
        *,
        renderer: Renderer | None = None,
        references: int = MOST_AT_ONCE,
    ) -> None:
        self._size, self._steps = _require_supported(size or DEFAULT_SIZE, steps)
        self.refusals: tuple[str, ...] = ()  # why other runtimes were not chosen, in lines
        if renderer is None:
            renderer, self.refusals = open_renderer(runtime, references)
        self.renderer = renderer
        self.counts = DrawCounts()
        self._stabilizer = FaceStabilizer(consistency)
        self._cache = PictureCache()
        self._prepared: OrderedDict[int, PreparedCharacter] = OrderedDict()  # by the character's id
        self._hair: dict[int, HairMotion] = {}  # of the characters in the last picture, by the prepared one's id
        self._preparing = threading.Lock()
        self._character: AnyCharacter | None = None  # of the last picture
        self._loaded: OrderedDict[str, Character] = OrderedDict()  # by the name that was asked for
        self._last: tuple[_PictureKey, NDArray[np.uint8]] | None = None

    @property
    def size(self) -> int:
        """Pixels on a side of the next picture."""
        return self._size

    @property
    def steps(self) -> int:
        return self._steps

    @property
    def runtime(self) -> str:
        """What really runs: "openvino cpu bf16"."""
        return self.renderer.networks.name

    def use(self, size: int, steps: int) -> None:
        """Sets size and steps of the next picture, from any thread; AnimatorError if they are not supported."""
        self._size, self._steps = _require_supported(size, steps)

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        self._last = None
        self._hair = {}
        self._stabilizer.forget()

    def check(self, character: AnyCharacter | str | Path) -> None:
        """Makes this character ready to be drawn, from any thread; an error as `draw` raises if it cannot be drawn."""
        self._prepare(self._named(character)).pictures(self._size)

    def draw(
        self,
        params: Face,
        character: AnyCharacter | str | Path,
        light: Array | None = None,
        options: DrawOptions = FACE_ALONE,
    ) -> Portrait:
        """The character with this face in this light.

        Parameters
        ----------
        params
            The face: ARKit weights by name, each from 0 to 1, or FlameParams, as `from_weights` and `retarget` return.
        character
            The name of a shipped character or of one of the user's, the path of a file, or a loaded `Character`. A
            file is read once for an animator.
        light
            float32 [27]: spherical harmonics, nine of red, green and blue each. None is `studio_light`.
        options
            The stamp and the signal behind the face, a crossfade from other characters, marks of comics, hair.

        Returns
        -------
        Portrait
            Its `rgba` is uint8 [size, size, 4] with straight alpha, and must not be written to.

        Raises
        ------
        AnimatorError
            If face or light have another form, or if this network does not draw the character.
        FaceWeightError
            For a weight that ARKit lacks, or a value that is not from 0 to 1.
        CharacterError
            If there is no such character, or if its file is damaged.

        Examples
        --------
        >>> animator.draw({"jawOpen": 0.6}, "noah").rgba.dtype
        dtype('uint8')
        """
        params, character = face_params(params), self._named(character)
        light = _STUDIO_LIGHT if light is None else _require_light(light)

        # Find out what the picture is a function of.
        fading = options.fading
        characters = (*(self._prepare(one) for one, _ in fading), self._prepare(character))
        if self._character is not character and not any(one is self._character for one, _ in fading):
            self.reset()  # after a cut; in a crossfade the performer stays the same
        self._character = character
        steady = self._stabilizer.settled(params, trembles=options.presence == 1.0)
        if options.life is not None:
            steady = in_steps(options.life.added_to(steady))
        key = _PictureKey(
            tuple(ref(one) for one in characters),
            (*(share for _, share in fading), 1.0 - sum(share for _, share in fading)),
            steady.vector()[DRAWN_PARAMS].tobytes() + steady.basis.encode(),
            light.tobytes(),
            self._size,
            self._steps,
            options.marks.tobytes() if options.marks is not None and options.marks.any() else b"",
            self._sways(characters, steady, options),
        )

        # Draw what has changed, each character on its own.
        if self._last is not None and self._last[0] == key:
            self.counts = replace(self.counts, still=self.counts.still + 1)
            rgba = self._last[1]
        else:
            pictures, is_drawn = [], False
            for own in key.split():
                picture = self._cache.get(own)
                if picture is None:
                    prepared, is_drawn = own.characters[0](), True
                    assert prepared is not None  # `characters` holds it
                    try:
                        picture = self.renderer.draw(prepared, steady, light, key.size, key.steps, own.sway())
                        if own.marks:
                            face = prepared.within_reach(steady)
                            picture = with_marks(picture, prepared.viewer, face, np.frombuffer(own.marks, np.float32))
                    except (ValueError, RuntimeUnavailable) as error:
                        raise AnimatorError(str(error)) from error
                    self._cache.put(own, picture)
                pictures.append(picture)
            drawn, cached = self.counts.drawn + is_drawn, self.counts.cached + (not is_drawn)
            self.counts = replace(self.counts, drawn=drawn, cached=cached)
            rgba = crossfaded(pictures, key.shares)
            self._last = key, rgba
        return Portrait(options.stamp or Stamp.now(), rgba, options.signal, steady, options.presence, light)

    def _sways(
        self, characters: Sequence[PreparedCharacter], params: FlameParams, options: DrawOptions
    ) -> tuple[bytes, ...]:
        """How the hair of each character sways now; characters that are no longer visible are forgotten."""
        if options.stamp is None or options.hair == 0.0:
            self._hair = {}
            return (b"",) * len(characters)
        self._hair = {id(one): self._hair.get(id(one)) or motion_of(one.character) for one in characters if one.hair}
        found = {key: motion.follow(params, options.stamp.captured_ns) for key, motion in self._hair.items()}
        return tuple(
            (found[id(one)] * np.float32(options.hair)).tobytes() if id(one) in found and found[id(one)].any() else b""
            for one in characters
        )

    def _named(self, character: AnyCharacter | str | Path) -> AnyCharacter:
        """The character of this name or path; any other is returned as it is."""
        if not isinstance(character, str | Path):
            return character
        name = str(character)
        with self._preparing:
            found = self._loaded.get(name) or load_character(name)
            self._loaded[name] = found
            while len(self._loaded) > _MOST_PREPARED:
                self._loaded.popitem(last=False)
        return found

    def _prepare(self, character: AnyCharacter) -> PreparedCharacter:
        with self._preparing:
            found = self._prepared.get(id(character))
            if found is not None and found.character is character:
                self._prepared.move_to_end(id(character))
                return found
        if isinstance(character, PhotorealCharacter):
            raise AnimatorError(
                f'character "{character.name}" is photoreal, and this network draws others: `omote live --character '
                f"{character.name}` draws it"
            )
        if not isinstance(character, Character):
            raise AnimatorError(f"a character is a name, a path or a Character, got {type(character).__name__}")
        try:
            prepared = self.renderer.prepare(character)
        except (RuntimeUnavailable, ValueError) as error:
            raise AnimatorError(f'character "{character.name}": {error}') from error
        with self._preparing:
            self._prepared[id(character)] = prepared
            while len(self._prepared) > _MOST_PREPARED:
                self._prepared.popitem(last=False)
        return prepared


@dataclass(frozen=True)
class _PictureKey:
    """All that a picture is a function of."""

    characters: tuple[ref[PreparedCharacter], ...]  # a kept picture keeps no character in memory
    shares: tuple[float, ...]
    face: bytes
    light: bytes
    size: int
    steps: int
    marks: bytes
    sways: tuple[bytes, ...]  # of each character's hair; empty for hair at rest

    def split(self) -> Iterator[_PictureKey]:
        """The keys of the characters' own pictures."""
        for character, sway in zip(self.characters, self.sways, strict=True):
            yield replace(self, characters=(character,), shares=(1.0,), sways=(sway,))

    def sway(self) -> Array | None:
        """Of the only character's hair, as `HairMotion` says; None for hair at rest."""
        return np.frombuffer(self.sways[0], np.float32).reshape(JOINTS, CHAINS, 3) if self.sways[0] else None


@dataclass(frozen=True)
class EnsembleMember:
    """One portrait of an ensemble.

    Parameters
    ----------
    character, params, light
        As `Animator.draw` takes them.
    presence
        1 for the performer's face, 0 for an idle one; it goes into the portrait as it is.
    """

    character: Character | str | Path
    params: Face
    light: Array | None = None  # [27]; None is the studio light
    presence: float = 1.0


class Ensemble:
    """Draws several portraits, one after another, by the same networks; each is stabilized on its own.

    Parameters
    ----------
    count
        How many portraits; at least 1.
    size, steps, runtime, consistency
        As for `Animator`.

    Raises
    ------
    AnimatorError
        As `Animator` raises, and for a count below 1.

    Examples
    --------
    >>> duo = Ensemble(2)
    >>> left, right = duo.draw([EnsembleMember("hana", {"jawOpen": 0.4}), EnsembleMember("aoi", {})])
    """

    def __init__(
        self, count: int, size: int | None = None, steps: int = 1, runtime: str = AUTO, consistency: bool = True
    ) -> None:
        if count < 1:
            raise AnimatorError(f"an ensemble has at least one character, got {count}")
        first = Animator(size, steps, runtime, consistency)
        others = (Animator(size, steps, consistency=consistency, renderer=first.renderer) for _ in range(count - 1))
        self._animators = (first, *others)
        self.renderer = first.renderer

    @property
    def runtime(self) -> str:
        """What really runs: "openvino cpu bf16"."""
        return self._animators[0].runtime

    @property
    def size(self) -> int:
        """Pixels on a side of a picture."""
        return self._animators[0].size

    def reset(self) -> None:
        """Forgets what was drawn before: the next pictures stand alone."""
        for one in self._animators:
            one.reset()

    def draw(self, members: Sequence[EnsembleMember], stamp: Stamp | None = None) -> tuple[Portrait, ...]:
        """A portrait of each.

        Parameters
        ----------
        members
            As many as the ensemble has.
        stamp
            Goes into each portrait; None stamps them with the present time.

        Returns
        -------
        tuple of Portrait
            In the order of the members.

        Raises
        ------
        AnimatorError
            If their number is another; else as `Animator.draw` raises.
        """
        if len(members) != len(self._animators):
            raise AnimatorError(f"this ensemble has {len(self._animators)} characters, got {len(members)}")
        stamp = stamp or Stamp.now()
        return tuple(
            animator.draw(one.params, one.character, one.light, DrawOptions(stamp, presence=one.presence))
            for animator, one in zip(self._animators, members, strict=True)
        )


def runtime_options() -> tuple[str, ...]:
    """The values of `runtime`."""
    return (AUTO, *runtime_names())


def open_renderer(runtime: str, references: int = MOST_AT_ONCE) -> tuple[Renderer, tuple[str, ...]]:
    """A renderer by this runtime, and why others were not chosen, in lines; AnimatorError if none can draw here.

    The denoiser is compiled for so many references. If the automatic choice no longer runs, OpenVINO does.
    """
    try:
        choice = choose(shipped_networks()) if runtime == AUTO else RuntimeChoice(Build.named(runtime), ())
        build, refusals = choice.build, choice.refusals
        try:
            return _opened_renderer(build, references), refusals
        except RuntimeUnavailable as error:
            if runtime != AUTO or build == Build():
                raise
            return _opened_renderer(Build(), references), (*refusals, f"{build.name}: {error}")
    except (RuntimeUnavailable, WeightsError, ValueError) as error:
        raise AnimatorError(str(error)) from error


def _opened_renderer(build: Build, references: int) -> Renderer:
    networks = Networks(WEIGHTS_FOLDER, build)
    networks.denoiser(references)
    autotune.require_parity(networks)
    return Renderer(networks)


def face_params(face: Face) -> FlameParams:
    """The parameters of a face in either form; AnimatorError for anything else."""
    if isinstance(face, FlameParams):
        return face
    if isinstance(face, Mapping):
        return from_weights(face)
    raise AnimatorError(
        f'a face is FlameParams or ARKit weights by name, as {{"jawOpen": 0.5}}, got {type(face).__name__}'
    )


def _require_light(light: Array) -> Array:
    try:
        return checked_light(np.asarray(light, np.float32))
    except (ValueError, TypeError) as error:
        raise AnimatorError(str(error)) from error


def _require_supported(size: int, steps: int) -> tuple[int, int]:
    if size not in SIZES:
        raise AnimatorError(f"size must be one of {', '.join(map(str, SIZES))} pixels, got {size!r}")
    if steps not in STEPS:
        raise AnimatorError(f"steps must be one of {', '.join(map(str, STEPS))}, got {steps!r}")
    return size, steps
