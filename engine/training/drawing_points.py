"""Trains the network that finds drawn faces and figures: `python -m omote.engine.training.drawing_points --help`.

It learns from rendered anime characters in other techniques: as line art, in flat colours, painted, in screentone, with
other proportions, on any background, and from some pictures without a face.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from ..face.drawing_fit import MIRRORED, NAMES, POINTS
from ..model.drawings import CELL, SEEN, find_face
from ..storage import atomic_write
from .faces.dataset import picture_names

Array = NDArray[np.float32]
Rgb = NDArray[np.uint8]

_KEPT = 320  # pixels on a side of the pictures in memory
_SPREAD_CELLS = 1.1  # of the peak around a point
_NEAR = 40.0  # weight of errors at a peak
_FACE = 0.23, 0.98  # width of the face as a share of the network's picture
_FACE_WIDTH = 0.47  # mean width from ear to ear in the rendered pictures
_FACELESS = 0.08  # share of examples without a face
_FIGURE = 0.03  # weight of the cross entropy of the figure
_RATE, _BATCH = 2e-3, 16
_WIDTHS = (48, 96, 128, 160)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(F.relu(self.norms[0](x)))
        added: Tensor = self.second(F.relu(self.norms[1](h)))
        return x + added


class PointNet(nn.Module):
    """[B,3,S,S] RGB 0 to 1 → probabilities of each point [B,P,S/4,S/4] and of the figure [B,1,S/2,S/2]."""

    def __init__(self) -> None:
        super().__init__()
        w = _WIDTHS
        self.stem = nn.Sequential(
            nn.Conv2d(3, 24, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(24, w[0], 3, stride=2, padding=1)
        )
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(w))
        self.before = nn.ModuleList(nn.Sequential(_Block(width), _Block(width)) for width in w)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(w))
        self.after = nn.ModuleList(_Block(width) for width in w[:-1])
        peaks = nn.Conv2d(w[0], len(NAMES), 1)
        peaks.bias = nn.Parameter(torch.full((len(NAMES),), -4.0))
        self.last = nn.Sequential(nn.GroupNorm(8, w[0]), nn.ReLU(), peaks)
        self.figure = nn.Sequential(nn.GroupNorm(8, w[0]), nn.ReLU(), nn.Conv2d(w[0], 4, 3, padding=1))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        h = self.stem(picture - 0.5)
        trail = []
        for level, blocks in enumerate(self.before):
            if level:
                h = self.down[level - 1](h)
            h = blocks(h)
            trail.append(h)
        for level in reversed(range(len(self.after))):
            h = trail[level] + F.interpolate(self.up[level](h), scale_factor=2.0, mode="nearest")
            h = self.after[level](h)
        figure = F.pixel_shuffle(self.figure(h).float(), 2)
        return torch.sigmoid(self.last(h).float()), torch.sigmoid(figure)


@dataclass(frozen=True)
class Faces:
    """Rendered characters and their points."""

    picture: Sequence[Rgb]  # [K,K,4] straight RGBA
    points: Array  # [n,P,2] in pixels


def read(shards: Sequence[Path]) -> Faces:
    """Reads the pictures of these shards (given by their .npz files), reduced."""
    pictures, points = [], []
    for labels in shards:
        with np.load(labels, allow_pickle=False) as rows, tarfile.open(labels.with_suffix(".tar")) as tar:
            for name, marks in zip(picture_names(tar), rows["landmarks"], strict=True):
                file = tar.extractfile(name)
                assert file is not None
                rgba = Image.open(io.BytesIO(file.read())).convert("RGBA")
                pictures.append(np.asarray(rgba.resize((_KEPT, _KEPT), Image.Resampling.BOX)))
                points.append([marks[list(group)].mean(0) * (_KEPT / rgba.width) for group in POINTS.values()])
    return Faces(pictures, np.array(points, np.float32))


def example(faces: Faces, k: int, rng: np.random.Generator) -> tuple[Rgb, Array, Array]:
    """[S,S,3] picture k in another technique, its points [P,2] (NaN without a face), and alpha [S,S]."""
    rgba, points = faces.picture[k], faces.points[k]
    if rng.random() < 0.5:
        rgba, points = rgba[:, ::-1], points[list(MIRRORED)] * (-1.0, 1.0) + (_KEPT, 0.0)
    width = np.exp(rng.uniform(*np.log(_FACE)))
    is_face = rng.random() >= _FACELESS
    middle = points.mean(0) if is_face else rng.uniform(0.1, 0.9, 2) * _KEPT
    scale = width * SEEN / (_FACE_WIDTH * _KEPT)
    angle, stretch = rng.normal(0.0, 0.22), np.exp(rng.normal(0.0, 0.08, 2))
    c, s = np.cos(angle) / scale, np.sin(angle) / scale
    back = np.array([[c, -s], [s, c]]) * stretch  # from the example to the rendered picture
    room = max(0.5 - 0.45 * width, 0.02) * SEEN
    at = SEEN / 2 + rng.uniform(-room, room, 2)
    bend = cv2.resize(
        rng.normal(0.0, 0.012 * _KEPT, (5, 5, 2)).astype(np.float32), (SEEN, SEEN), interpolation=cv2.INTER_CUBIC
    )
    grid = np.stack(np.meshgrid(*[np.arange(SEEN, dtype=np.float32) + 0.5] * 2), -1)
    where = ((grid - at) @ back.T + middle).astype(np.float32) + bend
    faded = rgba.astype(np.float32) * np.where(np.arange(4) < 3, rgba[..., 3:] / 255.0, 1.0)
    seen = cv2.remap(faded.astype(np.float32), where[..., 0] - 0.5, where[..., 1] - 0.5, cv2.INTER_LINEAR)
    alpha = seen[..., 3:] / 255.0
    picture = _styled(seen[..., :3] + _background(faces, rng) * (1.0 - alpha), rng)
    if not is_face:
        inside = (points - middle) @ np.linalg.inv(back).T + at
        if ((inside > 0.0) & (inside < SEEN)).all(1).mean() > 0.3:  # the picture shows the face after all
            picture, alpha = _styled(_background(faces, rng), rng), np.zeros_like(alpha)
        return picture, np.full((len(NAMES), 2), np.nan, np.float32), alpha[..., 0]
    inverse, found = np.linalg.inv(back), (points - middle) @ np.linalg.inv(back).T + at
    for _ in range(4):  # invert the bend, which is known at its target
        x, y = (np.clip(found[:, axis, None] - 0.5, 0, SEEN - 1).astype(np.float32) for axis in (0, 1))
        found = (points - cv2.remap(bend, x, y, cv2.INTER_LINEAR)[:, 0] - middle) @ inverse.T + at
    return picture, found.astype(np.float32), alpha[..., 0]


def _background(faces: Faces, rng: np.random.Generator) -> Array:
    """[S,S,3] a background."""
    kind = rng.random()
    if kind < 0.45:
        base = rng.uniform(0.0, 255.0, 3) if rng.random() < 0.6 else np.full(3, 255.0)
        return np.broadcast_to(base, (SEEN, SEEN, 3)).astype(np.float32)
    if kind < 0.75:
        cells = int(rng.integers(2, 9))
        coarse = rng.uniform(0.0, 255.0, (cells, cells, 3)).astype(np.float32)
        how = cv2.INTER_NEAREST if rng.random() < 0.3 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(coarse, (SEEN, SEEN), interpolation=how).clip(0.0, 255.0), np.float32)
    # A part of a drawing without a face: clothes and hair, enlarged and upside down.
    rgba = faces.picture[int(rng.integers(len(faces.picture)))]
    top = int(rng.integers(round(0.72 * _KEPT), round(0.8 * _KEPT)))
    part = rgba[top:, :, :3].astype(np.float32)
    return np.asarray(cv2.resize(part, (SEEN, SEEN), interpolation=cv2.INTER_LINEAR)[::-1], np.float32)


def _styled(picture: Array, rng: np.random.Generator) -> Rgb:
    """[S,S,3] the picture in another technique."""
    image = picture.clip(0.0, 255.0).astype(np.uint8)
    kind = rng.random()
    if kind < 0.14:
        image = _line_art(image, rng)
    elif kind < 0.26:
        image = _flat(image, rng)
    elif kind < 0.42:
        image = _painted(image, rng)
    elif kind < 0.47:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    elif kind < 0.54:
        image = _screentone(image, rng)
    if rng.random() < 0.5:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.float32)
        hsv[..., 0] = (hsv[..., 0] + rng.normal(0.0, 14.0)) % 180.0
        hsv[..., 1] = (hsv[..., 1] * np.exp(rng.normal(0.0, 0.4))).clip(0.0, 255.0)
        image = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    value = (image / 255.0) ** np.exp(rng.normal(0.0, 0.25)) * np.exp(rng.normal(0.0, 0.1))
    if rng.random() < 0.3:
        value = cv2.GaussianBlur(value, (0, 0), float(rng.uniform(0.4, 1.4)))
    if rng.random() < 0.3:
        value = value + rng.normal(0.0, rng.uniform(0.0, 0.06), value.shape)
    return np.asarray(value.clip(0.0, 1.0) * 255.0, np.uint8)


def _flat(image: Rgb, rng: np.random.Generator) -> Rgb:
    """Few colours."""
    levels = int(rng.integers(3, 7))
    soft = cv2.bilateralFilter(image, 5, 60, 5)
    return np.asarray(np.round(soft / 255.0 * levels) / levels * 255.0, np.uint8)


def _painted(image: Rgb, rng: np.random.Generator) -> Rgb:
    """No lines, soft tones, the grain of a brush."""
    image = np.asarray(cv2.bilateralFilter(cv2.medianBlur(image, int(rng.choice([3, 5]))), 7, 50, 7), np.uint8)
    grain = cv2.GaussianBlur(rng.normal(0.0, 40.0, image.shape[:2]).astype(np.float32), (0, 0), 1.5)
    return np.asarray((image + grain[..., None]).clip(0.0, 255.0), np.uint8)


def _screentone(image: Rgb, rng: np.random.Generator) -> Rgb:
    """Grey as black dots, as in printed comics."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    pitch, y, x = rng.uniform(2.5, 5.0), *np.mgrid[0 : len(image), 0 : len(image)]
    dots = 127.0 * (1.0 + np.sin((x + y) * np.pi / pitch) * np.sin((x - y) * np.pi / pitch))
    is_tone = (grey > 70.0) & (grey < 200.0)
    grey = np.where(is_tone, np.where(grey > dots, 235.0, 110.0), np.where(grey >= 200.0, 255.0, grey))
    return np.asarray(np.repeat(grey[..., None], 3, 2).clip(0.0, 255.0), np.uint8)


def _line_art(image: Rgb, rng: np.random.Generator) -> Rgb:
    """Lines on paper, with or without pale colour."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    near = cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(1.5, 3.0))).astype(np.float32)
    line = np.clip((near - grey - rng.uniform(2.0, 6.0)) / rng.uniform(10.0, 25.0), 0.0, 1.0)[..., None]
    paper = np.full(3, 255.0) - rng.uniform(0.0, 30.0) * rng.random(3)
    ink = rng.uniform(0.0, 70.0) * rng.random(3)
    thin = rng.uniform(0.0, 0.5) if rng.random() < 0.5 else 0.0
    filled = paper * (1.0 - thin) + image * thin
    return np.asarray((filled * (1.0 - line) + ink * line).clip(0.0, 255.0), np.uint8)


def peaks(points: Array) -> Array:
    """[P,C,C] a peak of 1 at each of these points [P,2]; 0 for points that are NaN or outside."""
    cells = SEEN // CELL
    centre = (np.arange(cells, dtype=np.float32) + 0.5) * CELL
    away = [(centre - points[:, axis, None]) / (_SPREAD_CELLS * CELL) for axis in (0, 1)]
    across, down = (np.exp(-0.5 * one**2) for one in away)
    return np.asarray(np.nan_to_num(down[:, :, None] * across[:, None, :], nan=0.0), np.float32)


def batch(faces: Faces, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """[B,3,S,S] pictures 0 to 1, and peaks [B,P,C,C] and figures [B,1,2C,2C] in them; the same for the same seed."""
    rng = np.random.default_rng(seed)
    rows = [example(faces, int(k), rng) for k in rng.integers(len(faces.picture), size=_BATCH)]
    pictures = np.stack([picture for picture, _, _ in rows]).transpose(0, 3, 1, 2).astype(np.float32) / 255.0
    side = 2 * SEEN // CELL
    alpha = np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA)[None] for _, _, one in rows])
    wanted = np.stack([peaks(points) for _, points, _ in rows])
    return torch.from_numpy(pictures), torch.from_numpy(wanted), torch.from_numpy(alpha.clip(0.0, 1.0))


def loss_of(found: tuple[Tensor, Tensor], peak: Tensor, figure: Tensor) -> Tensor:
    """Squared errors of the peaks, weighted near them, and the cross entropy of the figure."""
    at_peaks = ((found[0] - peak).square() * (1.0 + _NEAR * peak)).mean()
    return at_peaks + _FIGURE * F.binary_cross_entropy(found[1].clamp(1e-4, 1.0 - 1e-4), figure)


def train(faces: Faces, out: Path, minutes: float) -> None:
    """Trains for this long and writes the averaged network as ONNX."""
    torch.manual_seed(0)
    net, mean = PointNet(), PointNet().requires_grad_(False)
    mean.load_state_dict(net.state_dict())
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=0.01, fused=True)
    began_s, step, losses = time.monotonic(), 0, []
    while (done := (time.monotonic() - began_s) / (60.0 * minutes)) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / 100) * min(1.0, 0.02 + 2.0 * (1.0 - done))
        pictures, peak, figure = batch(faces, step)
        with torch.autocast("cpu", torch.bfloat16):
            found = net(pictures.contiguous(memory_format=torch.channels_last))
        loss = loss_of(found, peak, figure)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            decay = min(0.995, (step + 1) / (step + 10))
            torch._foreach_lerp_(list(mean.parameters()), list(net.parameters()), 1.0 - decay)
        losses.append(float(loss.detach()))
        if step % 50 == 0:
            print(f"step {step} {60.0 * minutes * done:.0f} s loss {np.mean(losses[-50:]):.5f}", flush=True)
        if step % 300 == 0:
            export(mean, out)
    export(mean, out)


def export(net: PointNet, out: Path) -> None:
    """Writes the network as ONNX with half-precision weights."""
    import onnx

    from .onnx_export import halve

    with atomic_write(out) as partial:
        torch.onnx.export(
            net.eval(),
            (torch.rand(1, 3, SEEN, SEEN),),
            str(partial),
            input_names=["picture"],
            output_names=["points", "figure"],
            opset_version=18,
            dynamo=False,
        )
        model = onnx.load(partial)
        halve(model)
        onnx.save(model, partial)


def measure(faces: Faces) -> Iterator[str]:
    """The errors of the shipped network on these faces, as rendered and in other techniques, in a line each."""
    for name, draw in TECHNIQUES.items():
        errors, lost = [], 0
        for k, (rgba, points) in enumerate(zip(faces.picture, faces.points, strict=True)):
            alpha = rgba[..., 3:] / 255.0
            on_white = (rgba[..., :3] * alpha + 255.0 * (1.0 - alpha)).astype(np.uint8)
            seen = draw(on_white, np.random.default_rng(k))
            found = find_face(np.dstack([seen, np.full(seen.shape[:2], 255, np.uint8)]))
            if found is None:
                lost += 1
                continue
            away = np.array([found.points[one] for one in NAMES]) - points
            errors.append(np.linalg.norm(away, axis=1) / (_FACE_WIDTH * _KEPT))
        median, p90 = np.quantile(np.array(errors), (0.5, 0.9))
        yield f"{name}: median {median:.2%}, p90 {p90:.2%} of a face; {lost} of {len(faces.picture)} not found"


def _unchanged(image: Rgb, _: np.random.Generator) -> Rgb:
    return image


TECHNIQUES: dict[str, Callable[[Rgb, np.random.Generator], Rgb]] = {
    "as rendered": _unchanged,
    "line art": _line_art,
    "flat colours": _flat,
    "painted": _painted,
    "screentone": _screentone,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="rendered anime characters; the first shard is held out"
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--out", type=Path, help="the ONNX file to train")
    action.add_argument("--measure", action="store_true", help="measure the shipped network on the first shard instead")
    parser.add_argument("--minutes", type=float, default=15.0)
    args = parser.parse_args()
    shards = sorted(args.data.glob("*.npz"))
    if args.measure:
        for line in measure(read(shards[:1])):
            print(line, flush=True)
        return
    faces = read(shards[1:])
    print(f"{len(faces.picture)} pictures", flush=True)
    train(faces, args.out, args.minutes)


if __name__ == "__main__":
    main()
