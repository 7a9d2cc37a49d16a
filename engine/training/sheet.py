"""A look at a run: held-out pictures beside the truth, and how near they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from omote.engine.diffusion.sampler import fixed_noise

from .batches import Batch, Rows, batch_of, references_of
from .faces.dataset import CLIP, REFERENCE
from .model import Look, Model, bank_of
from .pack import Pack


@dataclass(frozen=True)
class Drawn:
    """Pictures in one step beside the truth: straight RGBA 0 to 1."""

    ours: Tensor  # [N,4,S,S]
    truth: Tensor  # [N,4,S,S]
    head: Tensor  # [N,1,S,S] 1 where the open head is


class Sheet:
    """Held-out pictures of unseen people, known by their picture at rest, and of the cast, known by heart."""

    def __init__(self, pack: Pack, cast: Pack | None, device: str, people: int = 24) -> None:
        self.pack, self.cast, self.device = pack, cast, device
        self.strangers = _strangers(pack, people)
        self.friends = _spread(np.flatnonzero(cast.is_held_out & (cast.kind != CLIP)), people) if cast else None

    def draw(self, model: Model, path: Path, columns: int = 12) -> dict[str, float]:
        """Saves truth above ours of both; PSNR in dB on grey, whole and on the head."""
        shown, figures, found = [], {}, self.drawn(model)
        columns = min(columns, *(len(drawn.ours) for drawn in found.values()))
        for name, drawn in found.items():
            figures[name] = psnr_db(over_grey(drawn.ours), over_grey(drawn.truth))
            figures[f"{name} head"] = psnr_db(over_grey(drawn.ours), over_grey(drawn.truth), drawn.head)
            shown += [over_grey(part)[:columns] for part in (drawn.truth, drawn.ours)]
        grid = torch.cat([torch.cat(list(band), 2) for band in shown], 1)
        Image.fromarray((grid.permute(1, 2, 0).numpy(force=True) * 255).round().astype(np.uint8)).save(path)
        return figures

    def drawn(self, model: Model) -> dict[str, Drawn]:
        """By the averaged model: "unseen" people and the "cast"."""
        found = {}
        if len(self.strangers[0]):
            found["unseen"] = _drawn(model, self.pack, *self.strangers, self.device, by_heart=False)
        if self.cast is not None and self.friends is not None and len(self.friends):
            rest = _at_rest(self.cast, self.friends)
            found["cast"] = _drawn(model, self.cast, self.friends, rest, self.device, by_heart=True)
        return found


def _spread(rows: Rows, count: int) -> Rows:
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))] if len(rows) else rows


def _at_rest(pack: Pack, rows: Rows) -> Rows:
    """The picture at rest of each row's person."""
    rest = np.flatnonzero(pack.kind == REFERENCE)
    return np.array([rest[pack.person[rest] == person][0] for person in pack.person[rows]])


def _strangers(pack: Pack, people: int) -> tuple[Rows, Rows]:
    """One varied picture of each of so many people who are wholly held out, and their pictures at rest."""
    rows: list[int] = []
    for person in range(pack.people):
        mine = np.flatnonzero((pack.person == person) & (pack.kind != CLIP))
        if len(mine) and pack.is_held_out[mine].all():
            rows.append(mine[1 + len(rows) % (len(mine) - 1)])
    chosen = _spread(np.array(rows, np.intp), people)
    return chosen, _at_rest(pack, chosen)


@torch.no_grad()
def _drawn(model: Model, pack: Pack, rows: Rows, rest: Rows, device: str, *, by_heart: bool) -> Drawn:
    ours, truth, heads = [], [], []
    for part in np.array_split(np.arange(len(rows)), max(len(rows) // 8, 1)):
        batch = batch_of(pack, rows[part], device)
        with torch.autocast(device, torch.bfloat16):
            known = batch.person if by_heart else None
            look, _ = model.look(references_of(pack, rest[part], device, None), known=known)
            ours.append(one_step(model, batch, look).float().clamp(-1, 1) * 0.5 + 0.5)
        truth.append(batch.picture * 0.5 + 0.5)
        heads.append(F.interpolate(batch.geometry[:, 6:7], scale_factor=2.0))
    return Drawn(torch.cat(ours), torch.cat(truth), torch.cat(heads))


def one_step(model: Model, batch: Batch, look: Look) -> Tensor:
    """[B,4,S,S] what the shipped step draws from the fixed noise, told by the reference alone."""
    count, device = len(batch.person), batch.picture.device
    noise = torch.from_numpy(fixed_noise(model.shape.size)).to(device).expand(count, -1, -1, -1)
    bank = bank_of(look, torch.ones(count, device=device))
    picture: Tensor = model(noise, torch.ones(count, device=device), batch, look, bank)[0]
    return picture


def over_grey(straight: Tensor) -> Tensor:
    """[...,3,S,S] a straight RGBA picture in 0..1 on a mid-grey ground."""
    alpha = straight[..., 3:, :, :]
    return straight[..., :3, :, :] * alpha + 0.5 * (1.0 - alpha)


def psnr_db(drawn: Tensor, truth: Tensor, mask: Tensor | None = None) -> float:
    """Mean peak signal to noise of pictures [N,3,H,W] in 0..1, where `mask` [N,1,H,W] is 1."""
    error = (drawn - truth).square()
    counted = torch.ones_like(error[:, :1]) if mask is None else mask
    mean = (error * counted).sum((1, 2, 3)) / (3.0 * counted.sum((1, 2, 3)))
    return float((-10.0 * torch.log10(mean + 1e-12)).mean())
