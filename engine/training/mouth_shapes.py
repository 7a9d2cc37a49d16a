"""Trains the network that reads tongue and cheeks: `python -m omote.engine.training.mouth_shapes --help`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from omote.bridge import arkit

from ..capture.mouth_shapes import NAMES, SIDE, crop_mouth
from ..storage import atomic_write
from .faces.expression import sample_head_rotation, sample_performed, sample_wide_rotation, settle
from .faces.figure import Figure
from .faces.kit import Kit, load
from .faces.light import sample_light, sample_real, studio
from .faces.person import sample_person
from .faces.rasterize import Array
from .faces.render import render

KEPT, MARGIN = 112, 1.3  # pixels of a kept crop, and how much more it shows than the network sees
PICTURE = 224  # pixels of a rendered picture
PER_PERSON = 16
WIDTHS = (16, 32, 48, 64)
BATCH, RATE = 48, 2e-3
# The last six are learned beside those that are read live, and not read well.
TRAINED = (
    *NAMES,
    *("noseSneerLeft", "noseSneerRight", "mouthFrownLeft", "mouthFrownRight", "jawLeft", "jawRight"),
)
MIRRORED = (0, 1, 3, 2, 5, 4, 7, 6)
Bytes = NDArray[np.uint8]


def sample_weights(rng: np.random.Generator) -> Array:
    """[52] a face of which a quarter shows the tongue, a quarter puffed cheeks, and a third none of the shapes."""
    at = arkit.INDEX
    w = sample_performed(rng) if rng.random() < 0.75 else arkit.weights({})
    kind = rng.random()
    for name in ("tongueOut", "cheekPuff"):
        w[at[name]] = 0.0
    if kind < 0.25:
        w[at["jawOpen"]] = max(float(w[at["jawOpen"]]) * rng.random(), float(rng.uniform(0.06, 0.5)))
        w[at["mouthClose"]] = 0.0
        w[at["tongueOut"]] = rng.uniform(0.25, 1.0)
    elif kind < 0.5:
        w[at["jawOpen"]] = 0.0
        for name in ("mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight"):
            w[at[name]] *= rng.random() < 0.15
        w[at["cheekPuff"]] = rng.uniform(0.25, 1.0)
        if rng.random() < 0.3:
            w[at["mouthPucker"]] = rng.uniform(0.0, 0.8)
    elif kind < 0.65:  # a laugh or a shout shows the tongue where it lies
        w[at["jawOpen"]] = rng.uniform(0.5, 1.0)
        for name in ("mouthUpperUp", "mouthLowerDown", "mouthSmile", "mouthStretch"):
            w[at[f"{name}Left"]] = w[at[f"{name}Right"]] = rng.uniform(0.0, 0.8) * (rng.random() < 0.5)
    if rng.random() < 0.25:
        name = str(rng.choice(["noseSneer", "mouthFrown"]))
        sides = rng.choice([(1.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)])
        for side, share in zip(("Left", "Right"), sides, strict=True):
            w[at[name + side]] = max(float(w[at[name + side]]), share * rng.uniform(0.3, 1.0))
    if rng.random() < 0.2:
        w[at[str(rng.choice(["jawLeft", "jawRight"]))]] = rng.uniform(0.3, 1.0)
    return settle(w)


def draw_person(kit: Kit, seed: int) -> tuple[np.ndarray, Array, Array]:
    """[n,K,K,4] RGBA crops of a person (the first at rest), [n,N] weights, and [n,3] head rotations."""
    person = sample_person(kit, seed)
    if seed % 4:  # most without hair, which takes most of the time and seldom hangs into the crop
        person = replace(person, hair=None)
    figure = Figure(kit, person)
    crops, labels, turns = [], [], []
    for k in range(PER_PERSON):
        rng = np.random.default_rng([seed, k])
        weights = sample_weights(rng) if k else arkit.weights({})
        turn = sample_wide_rotation(rng) * 0.6 if rng.random() < 0.25 else sample_head_rotation(rng)
        light = (
            studio() if rng.random() < 0.2 else sample_real(rng, kit.path) if rng.random() < 0.6 else sample_light(rng)
        )
        fov = float(rng.uniform(18.0, 50.0))
        picture = render(figure, weights, (turn * np.float32(k > 0)).astype(np.float32), light, PICTURE, 1, fov)
        points = picture.landmarks[[36, 45, 33]]
        rgb = crop_mouth(picture.rgba[..., :3].copy(), points, KEPT, MARGIN)
        alpha = crop_mouth(np.repeat(picture.rgba[..., 3:], 3, 2), points, KEPT, MARGIN)[..., :1]
        crops.append(np.concatenate([rgb, alpha], 2))
        labels.append(weights[[arkit.INDEX[name] for name in TRAINED]])
        turns.append(turn)
    return np.stack(crops), np.stack(labels), np.stack(turns).astype(np.float32)


def draw(kit_path: Path, out: Path, first: int, people: int) -> None:
    """Renders people with these seeds, a file each; existing files stay."""
    kit = load(kit_path)
    out.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + people):
        path = out / f"{seed:06d}.npz"
        if path.exists():
            continue
        crops, labels, turns = draw_person(kit, seed)
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, crops=crops, labels=labels, turns=turns)
        print(path.name, flush=True)


class MouthNet(nn.Module):
    """[B,3,S,S] RGB 0 to 1 → [B,N] logits of the shapes."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inner, outer in pairwise((3, *WIDTHS)):
            layers += [nn.Conv2d(inner, outer, 3, stride=2, padding=1), nn.BatchNorm2d(outer), nn.ReLU()]
        layers += [nn.Conv2d(WIDTHS[-1], WIDTHS[-1], 3, padding=1), nn.BatchNorm2d(WIDTHS[-1]), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.3)
        self.mid = nn.Linear(WIDTHS[-1] * (SIDE >> len(WIDTHS)) ** 2, 64)
        self.head = nn.Linear(64, len(TRAINED))

    def forward(self, picture: Tensor) -> Tensor:
        h = self.body((picture - 0.5) * 4.0).flatten(1)
        logits: Tensor = self.head(F.relu(self.mid(self.drop(h))))
        return logits


@dataclass(frozen=True)
class Mouths:
    """Rendered mouths and what they do."""

    crops: Bytes  # [n,K,K,4] straight RGBA
    labels: Array  # [n,N]


def read(files: Sequence[Path]) -> Mouths:
    """The crops of these people."""
    crops, labels = [], []
    for path in files:
        with np.load(path, allow_pickle=False) as rows:
            crops.append(rows["crops"])
            labels.append(rows["labels"])
    return Mouths(np.concatenate(crops), np.concatenate(labels))


def is_held_out(path: Path) -> bool:
    """Every fifth person is never trained on."""
    return int(path.stem) % 5 == 0


def example(mouths: Mouths, k: int, rng: np.random.Generator) -> tuple[Bytes, Array]:
    """[S,S,3] crop k as a camera might see it, and its labels [N]."""
    rgba, label = mouths.crops[k].astype(np.float32), mouths.labels[k]
    if rng.random() < 0.5:
        rgba, label = rgba[:, ::-1], label[list(MIRRORED)]
    # Place: the tracker's points tremble, and faces differ.
    angle, scale = rng.normal(0.0, 0.08), (SIDE / KEPT) * MARGIN * np.exp(rng.normal(0.0, 0.08))
    stretch = np.exp(rng.normal(0.0, 0.05, 2))
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[c, -s], [s, c]]) * stretch
    middle = SIDE / 2 + rng.normal(0.0, 0.04 * SIDE, 2)
    matrix = np.column_stack([matrix, middle - matrix @ np.full(2, KEPT / 2)])
    rgba[..., :3] *= rgba[..., 3:] / 255.0
    seen = cv2.warpAffine(rgba, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rgb = seen[..., :3] + _background(mouths, rng) * (1.0 - seen[..., 3:] / 255.0)
    return _filmed(rgb / 255.0, rng), label


def _background(mouths: Mouths, rng: np.random.Generator) -> Array:
    """[S,S,3] a room, more or less: soft colours, or a part of another crop."""
    if rng.random() < 0.3:
        other = mouths.crops[int(rng.integers(len(mouths.crops)))][..., :3]
        return np.asarray(cv2.resize(np.rot90(other, 2), (SIDE, SIDE)), np.float32)
    cells = int(rng.integers(1, 7))
    coarse = rng.uniform(0.0, 255.0) + rng.normal(0.0, 40.0, (cells, cells, 3))
    return np.asarray(cv2.resize(coarse.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 255))


def _filmed(rgb: Array, rng: np.random.Generator) -> Bytes:
    """[S,S,3] through a camera: colour, exposure, blur, noise and JPEG; sometimes something is in front."""
    value = rgb.clip(0.0, 1.0) ** np.exp(rng.normal(0.0, 0.25))
    value = value * np.exp(rng.normal(0.0, 0.2) + rng.normal(0.0, 0.08, 3))
    grey = value.mean(2, keepdims=True)
    value = grey + (value - grey) * np.exp(rng.normal(-0.1, 0.35))
    if rng.random() < 0.5:  # light from a side
        across, down = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
        turn = rng.uniform(0.0, 2.0 * np.pi)
        value = value * np.exp(rng.normal(0.0, 0.3) * (across * np.cos(turn) + down * np.sin(turn)))[..., None]
    if rng.random() < 0.1:  # a hand, a microphone
        x, y, r = *rng.uniform(0.0, SIDE, 2), rng.uniform(4.0, 14.0)
        if np.hypot(x - SIDE / 2, y - SIDE / 2) > r + 12.0:
            canvas = np.ascontiguousarray(value, np.float32)
            cv2.circle(canvas, (int(x), int(y)), int(r), tuple(float(v) for v in rng.uniform(0.0, 0.8, 3)), -1)
            value = canvas
    if rng.random() < 0.4:
        small = int(SIDE / rng.uniform(1.2, 2.6))
        value = cv2.resize(cv2.resize(value, (small, small), interpolation=cv2.INTER_AREA), (SIDE, SIDE))
    elif rng.random() < 0.5:
        value = cv2.GaussianBlur(value, (0, 0), float(rng.uniform(0.3, 1.4)))
    value = value + rng.normal(0.0, rng.uniform(0.0, 0.04), value.shape)
    out = np.asarray(value.clip(0.0, 1.0) * 255.0, np.uint8)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))]
        out = np.asarray(cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return out


def batch(mouths: Mouths, seed: int) -> tuple[Tensor, Tensor]:
    """[B,3,S,S] pictures 0 to 1 and [B,N] labels; the same for the same seed."""
    rng = np.random.default_rng(seed)
    rows = [example(mouths, int(k), rng) for k in rng.integers(len(mouths.crops), size=BATCH)]
    pictures = np.stack([picture for picture, _ in rows]).transpose(0, 3, 1, 2).astype(np.float32) / 255.0
    return torch.from_numpy(pictures), torch.from_numpy(np.stack([label for _, label in rows]))


def train(mouths: Mouths, out: Path, minutes: float) -> MouthNet:
    """Trains for so many minutes of processor time and writes the network as ONNX."""
    torch.manual_seed(0)
    net = MouthNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.05)
    weight = torch.tensor([2.0 if name in NAMES else 0.5 for name in TRAINED])
    began_s, step, losses = time.process_time(), 0, []
    while (done := (time.process_time() - began_s) / (60.0 * minutes)) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 100) * min(1.0, 0.02 + 1.5 * (1.0 - done))
        pictures, labels = batch(mouths, step)
        loss = (F.binary_cross_entropy_with_logits(net(pictures), labels, reduction="none") * weight).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        step += 1
        losses.append(float(loss.detach()))
        if step % 200 == 0:
            print(f"step {step}, {done:.0%}, loss {np.mean(losses[-200:]):.4f}", flush=True)
    export(net.eval(), out)
    return net


def export(net: MouthNet, out: Path) -> None:
    """Writes the network as ONNX, with the scores of the shapes that are read live."""
    with atomic_write(out) as partial:
        torch.onnx.export(
            _Scores(net).eval(),
            (torch.rand(1, 3, SIDE, SIDE),),
            str(partial),
            input_names=["picture"],
            output_names=["scores"],
            opset_version=18,
            dynamo=False,
        )


class _Scores(nn.Module):
    def __init__(self, net: MouthNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> Tensor:
        return torch.sigmoid(self.net(picture)[:, : len(NAMES)])


def auc(scores: Array, is_shown: NDArray[np.bool_]) -> float:
    """The chance that a picture that shows it scores above one that does not."""
    ranks = scores.argsort().argsort() + 1.0
    count, rest = int(is_shown.sum()), int((~is_shown).sum())
    return float((ranks[is_shown].sum() - count * (count + 1) / 2) / (count * rest))


def scores_of(net: MouthNet, pictures: Bytes) -> Array:
    """[n,N] 0 to 1."""
    with torch.no_grad():
        given = torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255.0)
        return np.asarray(torch.sigmoid(net(given)).numpy(), np.float32)


def measure(net: MouthNet, mouths: Mouths) -> Iterator[str]:
    """The area under the curve of each shape on these people, as a camera might see them."""
    rows = [example(mouths, k, np.random.default_rng(k)) for k in range(len(mouths.crops))]
    scores, labels = scores_of(net, np.stack([picture for picture, _ in rows])), np.stack([label for _, label in rows])
    for k, name in enumerate(TRAINED):
        is_shown, is_counted = labels[:, k] >= 0.4, (labels[:, k] >= 0.4) | (labels[:, k] < 0.05)
        found = auc(scores[is_counted, k], is_shown[is_counted])
        r = float(np.corrcoef(scores[:, k], labels[:, k])[0, 1])
        yield f"{name}: {int(is_shown.sum())} of {len(labels)} show it, AUC {found:.3f}, correlation {r:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, help="renders people into the folder, those that it lacks")
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered people; every fifth is held out")
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    parser.add_argument("--out", type=Path, help="the ONNX file to train")
    parser.add_argument("--minutes", type=float, default=15.0, help="of processor time")
    args = parser.parse_args()
    if args.kit:
        draw(args.kit, args.data, args.first, args.people)
    if args.out:
        files = sorted(args.data.glob("*.npz"))
        net = train(read([one for one in files if not is_held_out(one)]), args.out, args.minutes)
        for line in measure(net, read([one for one in files if is_held_out(one)])):
            print(line)


if __name__ == "__main__":
    main()
