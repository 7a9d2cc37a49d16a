"""What each part of the model is worth: figures on people never trained on, with each part withheld, and by steps."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from omote.engine.diffusion.denoiser import ANCHOR, PREVIOUS, Bank, premultiplied
from omote.engine.diffusion.sampler import fixed_noise

from . import pack as packs
from .batches import Batch, References, Rows, batch_of, references_of
from .export import Run
from .faces.dataset import CLIP, REFERENCE
from .model import Look, Model, bank_of, pooled
from .provenance import provenance
from .sheet import over_grey, psnr_db

STEPS = (1, 2, 4, 32)


@dataclass(frozen=True)
class Score:
    """Means over pictures of people never trained on, each known by one picture at rest."""

    psnr_db: float  # on mid-grey, the whole picture
    head_psnr_db: float  # where the open head is


@dataclass(frozen=True)
class Steadiness:
    """Means over two consecutive moments of a clip whose control trembles as a tracker's does; levels of 255."""

    psnr_db: float
    flicker: float  # change of the picture that is not the truth's change
    motion: float  # the truth's change
    sharpness: float  # mean gradient, ours of the truth's


@dataclass(frozen=True)
class Scene:
    """A held-out picture of each of so many people, and what is known of them."""

    batch: Batch
    reference: References
    look: Look

    @property
    def people(self) -> int:
        return len(self.batch.person)

    @property
    def bank(self) -> Bank:
        return bank_of(self.look, torch.ones(self.people))


Drawn = Callable[[Scene], Tensor]


def one_step(model: Model, scene: Scene) -> Tensor:
    """[P,4,S,S] straight RGBA -1 to 1."""
    return sampled(model, scene.batch, scene.look, scene.bank, 1)[0]


def sampled(model: Model, batch: Batch, look: Look, bank: Bank, steps: int) -> tuple[Tensor, Tensor]:
    """The sampler's picture and the rows of its last step: from the fixed noise, t falling evenly from 1."""
    noise = torch.from_numpy(fixed_noise(model.shape.size)).expand(len(batch.person), -1, -1, -1)
    picture, rows = noise, look.rows
    for step in range(steps):
        t = 1.0 - step / steps
        x = noise if step == 0 else (1.0 - t) * premultiplied(picture) + t * noise
        with torch.autocast("cpu", torch.bfloat16):
            picture, rows = model(x, torch.full((len(noise),), t), batch, look, bank)
        picture = picture.float()
    return picture, rows.float()


def without_parts(model: Model) -> dict[str, Drawn]:
    """By the name of what is withheld, how a scene is then drawn."""

    def looked(scene: Scene, **changes: Tensor) -> Scene:
        return replace(scene, look=replace(scene.look, **changes))

    def no_texels(scene: Scene) -> Tensor:
        hidden = replace(scene.reference, weight=torch.zeros_like(scene.reference.weight))
        return one_step(model, replace(scene, look=look_of(model, hidden)))

    def no_reference(scene: Scene) -> Tensor:
        bank = bank_of(scene.look, torch.zeros(scene.people))
        return sampled(model, scene.batch, scene.look, bank, 1)[0]

    def no_maps(scene: Scene) -> Tensor:
        blank = torch.zeros_like(scene.batch.geometry)
        return one_step(model, replace(scene, batch=replace(scene.batch, geometry=blank)))

    def no_face(scene: Scene) -> Tensor:
        return one_step(model, replace(scene, batch=replace(scene.batch, face=torch.zeros_like(scene.batch.face))))

    def with_anchor(scene: Scene) -> Tensor:
        calm = replace(scene.batch, **_at_rest(scene))
        _, rows = sampled(model, calm, scene.look, scene.bank, 1)
        everyone = torch.ones(scene.people)
        bank = bank_of(scene.look, everyone, pooled(rows), ANCHOR, everyone)
        return sampled(model, scene.batch, scene.look, bank, 1)[0]

    return {
        "nothing": lambda scene: one_step(model, scene),
        "lifted texels": no_texels,
        "the reference's rows": no_reference,
        "the whole texture": lambda scene: one_step(
            model, looked(scene, texture=model.completion.common.expand_as(scene.look.texture))
        ),
        "the identity token": lambda scene: one_step(
            model, looked(scene, identity=torch.zeros_like(scene.look.identity))
        ),
        "the face tokens": no_face,
        "geometry maps": no_maps,
        "nothing, and an anchor is added": with_anchor,
    }


def _at_rest(scene: Scene) -> dict[str, Tensor]:
    """The control of the reference picture, whose maps the scene holds."""
    return {"geometry": scene.reference.geometry, "face": torch.zeros_like(scene.batch.face)}


@torch.no_grad()
def look_of(model: Model, reference: References) -> Look:
    """What one picture shows of its person."""
    with torch.autocast("cpu", torch.bfloat16):
        look, _ = model.look(reference)
    return Look(look.identity.float(), look.texture.float(), look.rows.float())


def scene_of(model: Model, pack: packs.Pack, rows: Rows) -> Scene:
    """These held-out pictures, each known by its person's picture at rest."""
    rest = np.flatnonzero(pack.kind == REFERENCE)
    at_rest = np.array([rest[pack.person[rest] == person][0] for person in pack.person[rows]])
    reference = references_of(pack, at_rest, "cpu", None)
    return Scene(batch_of(pack, rows, "cpu"), reference, look_of(model, reference))


@torch.no_grad()
def score(scenes: list[Scene], draw: Drawn) -> Score:
    """Means over all pictures of these scenes."""
    whole, head = [], []
    for scene in scenes:
        ours, truth = (over_grey(p.clamp(-1, 1) * 0.5 + 0.5) for p in (draw(scene), scene.batch.picture))
        mask = F.interpolate(scene.batch.geometry[:, 6:7], scale_factor=2.0)
        whole.append(psnr_db(ours, truth) * scene.people)
        head.append(psnr_db(ours, truth, mask) * scene.people)
    count = sum(scene.people for scene in scenes)
    return Score(sum(whole) / count, sum(head) / count)


@torch.no_grad()
def steadiness(model: Model, pack: packs.Pack, first: Rows, *, remembers: bool) -> Steadiness:
    """Draws each clip's first moment and the next, which may read what the first remembers."""
    found = []
    for part in np.array_split(first, max(len(first) // 8, 1)):
        before, after = scene_of(model, pack, part), scene_of(model, pack, part + 1)
        a, rows = sampled(model, before.batch, before.look, before.bank, 1)
        everyone = torch.ones(before.people)
        bank = bank_of(before.look, everyone, rows, PREVIOUS, everyone) if remembers else before.bank
        b, _ = sampled(model, after.batch, before.look, bank, 1)
        pictures = (a, b, before.batch.picture, after.batch.picture)
        ours_a, ours_b, true_a, true_b = (over_grey(p.clamp(-1, 1) * 0.5 + 0.5) for p in pictures)
        change = true_b - true_a
        found.append(
            (
                psnr_db(ours_b, true_b),
                255.0 * float((ours_b - ours_a - change).abs().mean()),
                255.0 * float(change.abs().mean()),
                _gradient(ours_b) / _gradient(true_b),
            )
        )
    return Steadiness(*np.mean(found, 0).tolist())


def _gradient(picture: Tensor) -> float:
    return float(picture.diff(dim=-1).abs().mean() + picture.diff(dim=-2).abs().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="a run's folder, or the parts of a GPU run")
    parser.add_argument("--teacher", type=Path, help="a run of the teacher, for its figures by steps")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--cast-pack", type=Path, required=True)
    parser.add_argument("--count", type=int, default=64, help="pictures (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="where to keep the figures as JSON")
    args = parser.parse_args()
    pack, run = packs.read(args.pack), Run.open(args.run, args.cast_pack)
    held_out = pack.is_held_out & (pack.kind != REFERENCE)
    rows = np.flatnonzero(held_out & (pack.kind != CLIP))
    rows = rows[np.linspace(0, len(rows) - 1, args.count).astype(int)]
    parts = np.array_split(rows, max(len(rows) // 8, 1))
    scenes = [scene_of(run.model, pack, part) for part in parts]
    record: dict[str, object] = {**provenance(), "runtime": "pytorch cpu bf16", "pictures": len(rows)}
    record["without"] = {name: asdict(score(scenes, draw)) for name, draw in without_parts(run.model).items()}
    record["steps"] = _by_steps(run.model, scenes)
    if args.teacher:
        teacher = Run.open(args.teacher, args.cast_pack).model
        record["teacher_steps"] = _by_steps(teacher, [scene_of(teacher, pack, part) for part in parts])
    moving = np.flatnonzero(held_out & (pack.kind == CLIP))
    first = moving[
        np.isin(moving + 1, moving) & (pack.person[moving] == pack.person[np.minimum(moving + 1, len(pack.person) - 1)])
    ]
    first = first[np.linspace(0, len(first) - 1, args.count).astype(int)]
    record["steadiness"] = {
        name: asdict(steadiness(run.model, pack, first, remembers=remembers))
        for name, remembers in (("alone", False), ("with the picture before", True))
    }
    print(json.dumps(record, indent=1))
    if args.out:
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _by_steps(model: Model, scenes: list[Scene]) -> dict[str, dict[str, float]]:
    return {
        str(steps): asdict(
            score(scenes, lambda scene, steps=steps: sampled(model, scene.batch, scene.look, scene.bank, steps)[0])  # type: ignore[misc]
        )
        for steps in STEPS
    }


if __name__ == "__main__":
    main()
