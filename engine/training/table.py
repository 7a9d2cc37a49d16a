"""Lists the people of a pack as the encoder knows them: identity, shape and attributes, whence seeds are drawn."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from . import pack as packs
from .attributes import NAMES
from .batches import references_of
from .export import Run
from .faces.dataset import CLIP
from .model import Model

Array = NDArray[np.float32]
_PICTURES = 3  # of each person; their identities are averaged


@dataclass(frozen=True)
class Table:
    """One row a person."""

    identity: Array  # [P,64]
    shape: Array  # [P,100]
    attributes: Array  # [P,A] as the renderer knows them
    names: tuple[str, ...]  # [A]

    def write(self, path: Path) -> None:
        np.savez(path, identity=self.identity, shape=self.shape, attributes=self.attributes, names=np.array(self.names))


@torch.no_grad()
def table(model: Model, pack: packs.Pack) -> Table:
    """The people of a pack who are not held out."""
    people, identities = [], []
    for person in range(pack.people):
        rows = np.flatnonzero((pack.person == person) & (pack.kind != CLIP))[:_PICTURES]
        if not len(rows) or pack.is_held_out[rows].all():
            continue
        reference = references_of(pack, rows, "cpu", None)
        identity, _, _ = model.encoder(reference.picture, reference.geometry)
        people.append(person)
        identities.append(identity.mean(0).numpy())
    return Table(np.stack(identities), pack.shape[people], pack.attributes[people], NAMES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="a run's folder, or the parts of a GPU run")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--cast-pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="an .npz file")
    args = parser.parse_args()
    table(Run.open(args.run, args.cast_pack).model, packs.read(args.pack)).write(args.out)


if __name__ == "__main__":
    main()
