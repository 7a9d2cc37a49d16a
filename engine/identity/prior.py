"""What people are like: whom a seed stands for, and how a head changes with sex and age."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from omote.engine import weights
from omote.engine.nouns import Array
from omote.engine.weights import WeightsError

from .looks import Look, Looks
from .wishes import COLOURS, NUMBERS

Wide = NDArray[np.float64]

FILE = Path(weights.__file__).with_name("prior.safetensors")
FARTHEST_SD = 2.0  # in no direction does a seed move a head further
_KEPT = 0.6  # correlation of a drawn head with the head that its looks were seen on
_NEAREST = 12  # people of like skin, of whom one lends the irises
_HELD, _ASKED = 0.05, 0.005  # by how much masculine or age may move that nobody, or somebody, asked to move
STEPS = 127.0  # of what is kept in 8 bits


@dataclass(frozen=True)
class Draft:
    """Who a seed stands for, before anything is drawn."""

    shape: Array  # [S]
    identity: Array  # [I] of the person whose looks these are
    seen: Wide  # [T,3] those looks
    look: Look  # the same, named
    colours: Wide  # [5,3] those that they shall have


@dataclass(frozen=True)
class Prior:
    """People who do not exist (P of them, in full), and the heads of many more."""

    model: str  # version of the model whose identities these are
    looks: Looks
    identity: Wide  # [P,I]
    shape: Wide  # [P,S]
    sex: NDArray[np.int64]  # [P] rows of `mean`
    seen: NDArray[np.int8]  # [P,T,3] how they look, in 127ths
    style: NDArray[np.int64]  # [P]
    colours: Wide  # [P,5,3]
    mean: Wide  # [2,S] heads of each sex
    factor: Wide  # [F,S] by one standard deviation each
    reading: Wide  # [2,S] masculine and age of a head, less those of the mean of all
    at_rest: Wide  # [2] those

    def draw(self, seed: int) -> Draft:
        """The same for the same seed: someone's looks in other colours, on a head of its own."""
        rng = np.random.default_rng([seed, 0])
        who = int(rng.integers(len(self.identity)))
        middle = self.mean[self.sex[who]]
        way = np.clip(rng.standard_normal(len(self.factor)), -FARTHEST_SD, FARTHEST_SD)
        shape = middle + _KEPT * (self.shape[who] - middle) + np.sqrt(1.0 - _KEPT**2) * (way @ self.factor)
        tone = self.colours[:, COLOURS.index("skin")]
        alike = np.argsort(np.linalg.norm(tone - tone[who], axis=1))[:_NEAREST]
        colours = self.colours[who].copy()
        # Hair stays: what of it is not on the mesh would not be dyed with the rest.
        for name, pool in (("iris", alike), ("cloth", np.arange(len(tone)))):
            colours[COLOURS.index(name)] = self.colours[rng.choice(pool), COLOURS.index(name)]
        return Draft(
            shape=shape.astype(np.float32),
            identity=self.identity[who].astype(np.float32),
            seen=self.seen[who] / STEPS,
            look=Look(int(self.style[who]), self.colours[who]),
            colours=colours,
        )

    def built(self, shape: Array, wanted: dict[str, float]) -> Array:
        """[S] the nearest head of these `NUMBERS`: nearest in the sense in which heads differ."""
        now = self.reading @ shape + self.at_rest
        wish = np.array([wanted.get(name, is_now) for name, is_now in zip(NUMBERS, now, strict=True)])
        slack = np.array([_ASKED if name in wanted else _HELD for name in NUMBERS]) ** 2
        away = self.mean - self.mean.mean(0)
        covariance = self.factor.T @ self.factor + away.T @ away / len(away)
        far = np.linalg.solve(self.reading @ covariance @ self.reading.T + np.diag(slack), wish - now)
        return np.asarray(shape + covariance @ self.reading.T @ far, np.float32)


@cache
def shipped_prior() -> Prior:
    """Read once; WeightsError where it is missing or damaged."""
    return read(FILE)


def read(path: Path) -> Prior:
    """The prior in a file; WeightsError where it is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            words = json.loads((file.metadata() or {})["omote"])
            part = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        scaled = {n: part[n] / STEPS * part[f"{n}_scale"].astype(np.float64) for n in ("base", "dye")}
        looks = Looks(
            styles=tuple(map(str, words["styles"])),
            is_mirrored=part["is_mirrored"].astype(bool),
            texel=part["texel"].astype(np.int64),
            usual=part["usual"].astype(np.float64),
            **scaled,
        )
        wide = ("identity", "shape", "colours", "mean", "factor", "reading", "at_rest")
        prior = Prior(
            model=str(words["model"]),
            looks=looks,
            sex=part["sex"].astype(np.int64),
            style=part["style"].astype(np.int64),
            seen=part["seen"],
            **{name: part[name].astype(np.float64) for name in wide},
        )
        prior.draw(0)  # all parts fit each other
        looks.painted(Look(len(looks.styles) - 1, looks.usual))
        prior.built(prior.shape[0].astype(np.float32), {})
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}): install Omote again") from error
    return prior
