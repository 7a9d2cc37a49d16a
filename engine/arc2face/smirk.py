"""The expression in a photo, by SMIRK's encoder (arXiv 2404.04104), on whose numbers the adapter was trained.

The user brings the checkpoint, SMIRK_em1.pt; its network is timm's MobileNetV3. SMIRK was trained on RGB. The demo of
Arc2Face's authors swaps the channels of an RGB picture and feeds BGR. Which order the adapter's training used is not
public; the default here is SMIRK's own, RGB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..capture.photo import read_photos
from ..data import Array, FlameParams
from ..face.flame_vectors import VECTOR_SIZE, params_of
from ..images import PhotoError
from ..model.kinds import Settings
from ..models import ModelError
from ..tensor_file import CharacterError
from .files import SMIRK, published, published_file, require_commercial
from .loading import read_tensors
from .vectors import bounded

BACKBONE = "tf_mobilenetv3_large_minimal_100"
_PREFIX = "smirk_encoder.expression_encoder."
_SIDE, _AROUND = 224, 1.4  # pixels, and the crop's side over the face's mean side


class Smirk(nn.Module):
    """Pictures [B,3,224,224] from 0 to 1 to vectors [B,55], unclipped: expression, eyelids, jaw."""

    def __init__(self) -> None:
        super().__init__()
        import timm

        self.encoder: Any = timm.create_model(BACKBONE, pretrained=False, features_only=True)
        width = self.encoder.feature_info[-1]["num_chs"]
        self.expression_layers = nn.Sequential(nn.Linear(width, VECTOR_SIZE))

    def forward(self, pictures: Tensor) -> Tensor:
        features = F.adaptive_avg_pool2d(self.encoder(pictures)[-1], 1).flatten(1)
        out: Tensor = self.expression_layers(features)
        return out


def open_smirk(path: Path) -> Smirk:
    """The encoder in SMIRK's checkpoint; ModelError for another file, or if timm is missing."""
    try:
        module = Smirk()
        tensors = read_tensors(path)
        found = {name.removeprefix(_PREFIX): value for name, value in tensors.items() if name.startswith(_PREFIX)}
        module.load_state_dict(found)
    except ImportError as error:
        raise ModelError(f"SMIRK needs timm ({error}): pip install 'omote[photoreal]'") from error
    except (ValueError, OSError, RuntimeError) as error:
        raise ModelError(f"{path} is no checkpoint of SMIRK: {' '.join(str(error).split())[:300]}") from error
    return module.eval().requires_grad_(False)


def crop(picture: NDArray[np.uint8], points: Array) -> NDArray[np.uint8]:
    """[224,224,3] the face with these MediaPipe points [478,2], cropped as by SMIRK's demo, on black."""
    low, high = points.min(0), points.max(0)
    side = int((high - low).mean() * _AROUND)
    left, top = (low + high) / 2.0 - side / 2.0
    scale = (_SIDE - 1) / max(side, 1)
    onto = np.array([[scale, 0.0, -scale * left], [0.0, scale, -scale * top]])
    return np.asarray(cv2.warpAffine(picture, onto, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR), np.uint8)


@torch.no_grad()
def read_vector(smirk: Smirk, picture: NDArray[np.uint8], points: Array, *, is_bgr: bool = False) -> Array:
    """[55] the expression in a picture [H,W,3]. `is_bgr` swaps the channels, as the demo of Arc2Face's authors does."""
    face = crop(picture, points)
    pixels = torch.from_numpy(np.ascontiguousarray(face[..., ::-1] if is_bgr else face)).permute(2, 0, 1)[None]
    return bounded(smirk(pixels.float() / 255.0)[0].numpy())


def read_expression(photo: Path, settings: Settings) -> FlameParams:
    """The expression in a photo, in FLAME 2020's basis; CharacterError or ModelError if it cannot be read."""
    require_commercial([published_file(SMIRK)], settings.allow_noncommercial)
    files = published(settings.files)
    (part,) = files.parts([SMIRK])
    smirk = open_smirk(files.path(part.name))
    try:
        (read,) = read_photos((photo,))
    except PhotoError as error:
        raise CharacterError(str(error)) from error
    return params_of(read_vector(smirk, read.picture, read.reading.points))
