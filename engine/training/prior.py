"""Fits what seeds are drawn from and what `--set` moves along: `python -m omote.engine.training.prior --help`."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from omote.engine.face import atlas
from omote.engine.face.lift import Lift, gathered
from omote.engine.identity.drawing import GREY
from omote.engine.identity.looks import COARSE, Looks
from omote.engine.identity.networks import ExportedNetworks, PeopleNetworks
from omote.engine.identity.prior import FILE, STEPS, Prior
from omote.engine.identity.wishes import COLOURS, NUMBERS

from . import pack as packs
from .attributes import NAMES
from .faces.dataset import REFERENCE
from .faces.kit import Kit, load
from .faces.person import sample_person

Wide = NDArray[np.float64]

_KEPT = 128  # people whose looks are shipped
_SEEN_BY = 0.4  # a texel counts that this part of people shows at rest
_FACTORS = 64
_PENALTY = 0.3  # of a colour's dye, in squared spreads summed over the people of one hairstyle
_HEAD_PENALTY = 3.0  # of what a head tells of sex and age, in people
_LEAST_SEEN = 0.02


@dataclass(frozen=True)
class People:
    """At rest, from the front; one row a person."""

    shape: Wide  # [P,S]
    attributes: Wide  # [P,A]
    style: tuple[str, ...]  # [P] a hairstyle, mirrored or not
    is_mirrored: NDArray[np.bool_]  # [P]
    seen: Wide  # [P,T,3] -1 to 1, NaN where a texel is not seen
    texel: NDArray[np.int64]  # [T]
    row: NDArray[np.int64]  # [P] of the pack

    @property
    def colours(self) -> Wide:
        """[P,5,3]"""
        columns = [NAMES.index(f"{name}_{c}") for name in COLOURS for c in "rgb"]
        return self.attributes[:, columns].reshape(-1, len(COLOURS), 3)


def on_grey(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[S,S,3] as the encoder was shown references."""
    alpha = rgba[..., 3:] / 255.0
    return np.asarray(rgba[..., :3] * alpha + GREY * (1.0 - alpha), np.uint8)


def people_of(pack: packs.Pack, kit: Kit) -> People:
    """Everybody who is not held out."""
    rows = np.flatnonzero((pack.kind == REFERENCE) & ~pack.is_held_out)
    who = pack.person[rows]
    invented = [sample_person(kit, int(seed)) for seed in pack.seed[who]]
    seen = np.stack([_coarse(pack, row) for row in rows.tolist()])  # [P,3,H/2*W/2]
    texel = np.flatnonzero((~np.isnan(seen[:, 0])).mean(0) > _SEEN_BY)
    return People(
        shape=pack.shape[who].astype(np.float64),
        attributes=pack.attributes[who].astype(np.float64),
        style=tuple(person.words["style"] for person in invented),
        is_mirrored=np.array([person.is_hair_mirrored and person.hair is not None for person in invented]),
        seen=seen[:, :, texel].transpose(0, 2, 1).astype(np.float64),
        texel=texel,
        row=rows,
    )


def _coarse(pack: packs.Pack, row: int) -> NDArray[np.float32]:
    """[3,H/2*W/2] colours of the texels that a picture shows."""
    lift = pack.lift[row].astype(np.float32)
    lifted = gathered(on_grey(pack.picture[row]), Lift(lift[..., :2], lift[..., 2]))
    blocks = (
        lifted.reshape(4, atlas.HEIGHT // COARSE, COARSE, atlas.WIDTH // COARSE, COARSE).mean((2, 4)).reshape(4, -1)
    )
    return np.asarray(np.where(blocks[3] > _LEAST_SEEN, blocks[:3] / np.maximum(blocks[3], _LEAST_SEEN), np.nan))


@dataclass(frozen=True)
class Dyes:
    """Of each hairstyle and side: what the colours add."""

    styles: tuple[str, ...]
    is_mirrored: NDArray[np.bool_]
    base: Wide  # [K,T,3]
    dye: Wide  # [K,5,T,3]
    member: NDArray[np.int64]  # [P]
    unexplained: float  # part of the variance of looks


def dyes(people: People) -> Dyes:
    """By ridge regression, a colour channel at a time."""
    names = [(style, bool(m)) for style, m in zip(people.style, people.is_mirrored, strict=True)]
    kinds = sorted(set(names))
    member = np.array([kinds.index(name) for name in names])
    usual = np.nanmean(people.seen, 0)
    base, dye, error, spread = [], [], 0.0, 0.0
    for k in range(len(kinds)):
        mine = member == k
        seen, colours = _filled(people.seen[mine], usual), people.colours[mine]
        middle, colour_middle = seen.mean(0), colours.mean(0)
        added = np.empty((len(COLOURS), *middle.shape))
        for c in range(3):
            told = colours[..., c] - colour_middle[:, c]
            normal = told.T @ told + _PENALTY * np.eye(len(COLOURS))
            added[..., c] = np.linalg.solve(normal, told.T @ (seen[..., c] - middle[:, c]))
        base.append(middle - np.einsum("mtc,mc->tc", added, colour_middle))
        dye.append(added)
        error += float(np.square(seen - base[-1] - np.einsum("mtc,pmc->ptc", added, colours)).sum())
        spread += float(np.square(seen - usual).sum())
    styles, mirrored = zip(*kinds, strict=True)
    return Dyes(styles, np.array(mirrored), np.stack(base), np.stack(dye), member, error / spread)


def _filled(seen: Wide, usual: Wide) -> Wide:
    """Texels that some people do not show are as those of the others like them."""
    count = np.isfinite(seen).sum(0)
    mean = np.where(count > 0, np.nansum(seen, 0) / np.maximum(count, 1), usual)
    return np.where(np.isnan(seen), mean, seen)


def fit(people: People, pack: packs.Pack, networks: PeopleNetworks) -> tuple[Prior, str]:
    """The prior, and a line that says how well it fits."""
    dyed = dyes(people)
    kept = np.random.default_rng(0).permutation(len(people.row))[:_KEPT]
    identity = [
        networks.encode(on_grey(pack.picture[row]), pack.geometry[row].astype(np.float32)).identity
        for row in people.row[kept].tolist()
    ]
    sex = np.round(people.attributes[:, NAMES.index("masculine")]).astype(np.int64)
    mean = np.stack([people.shape[sex == s].mean(0) for s in (0, 1)])
    _, spread, way = np.linalg.svd(people.shape - mean[sex], full_matrices=False)
    reading, at_rest, told = _heads(people)
    seen = _filled(people.seen[kept], np.nanmean(people.seen, 0))
    prior = Prior(
        model=networks.model,
        looks=Looks(dyed.styles, dyed.is_mirrored, people.texel, dyed.base, dyed.dye, people.colours.mean(0)),
        identity=np.stack(identity).astype(np.float64),
        shape=people.shape[kept],
        sex=sex[kept],
        seen=np.round(np.clip(seen, -1.0, 1.0) * STEPS).astype(np.int8),
        style=dyed.member[kept],
        colours=people.colours[kept],
        mean=mean,
        factor=way[:_FACTORS] * (spread[:_FACTORS, None] / np.sqrt(len(people.shape))),
        reading=reading,
        at_rest=at_rest,
    )
    return prior, (
        f"{len(people.row)} people, {len(dyed.styles)} hairstyles; {dyed.unexplained:.2f} of their looks are not told "
        f"by five colours; heads tell {told[0]:.2f} of masculine and {told[1]:.2f} of age"
    )


def save(prior: Prior, path: Path) -> None:
    """Looks in 8 bits, most else in half precision."""
    looks = prior.looks
    half = {name: getattr(prior, name) for name in ("identity", "shape", "colours", "mean", "factor")}
    arrays: dict[str, NDArray[np.generic]] = {
        n: a.astype(np.float16) for n, a in (half | {"usual": looks.usual}).items()
    }
    arrays |= {"reading": prior.reading.astype(np.float32), "at_rest": prior.at_rest.astype(np.float32)}
    arrays |= {"texel": looks.texel.astype(np.int16), "is_mirrored": looks.is_mirrored.astype(np.uint8)}
    arrays |= {"sex": prior.sex.astype(np.uint8), "style": prior.style.astype(np.uint8), "seen": prior.seen}
    for name, array in (("base", looks.base), ("dye", looks.dye)):
        scale = np.abs(array).max()
        arrays[name] = np.round(array / scale * STEPS).astype(np.int8)
        arrays[f"{name}_scale"] = np.array([scale], np.float32)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contiguous, path, {"omote": json.dumps({"model": prior.model, "styles": looks.styles})})
    path.chmod(0o644)


def _heads(people: People) -> tuple[Wide, Wide, Wide]:
    """[2,S], [2] and [2]: sex and age as linear functions of a head, and how much of them they tell."""
    wanted = people.attributes[:, [NAMES.index(name) for name in NUMBERS]]
    middle, wanted_middle = people.shape.mean(0), wanted.mean(0)
    told = people.shape - middle
    normal = told.T @ told + _HEAD_PENALTY * np.eye(told.shape[1])
    reading = np.linalg.solve(normal, told.T @ (wanted - wanted_middle)).T
    at_rest = wanted_middle - reading @ middle
    left = np.square(people.shape @ reading.T + at_rest - wanted).mean(0)
    return reading, at_rest, 1.0 - left / wanted.var(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--runtime", default="openvino", help="what runs the shipped encoder (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    pack = packs.read(args.pack)
    prior, said = fit(people_of(pack, load(args.kit)), pack, ExportedNetworks.open(args.runtime))
    save(prior, args.out)
    print(f"{args.out}: {said}")


if __name__ == "__main__":
    main()
