"""The published files that photoreal characters are made and drawn by: whose they are, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedFile:
    """One file that a user brings; nothing of these is shipped."""

    name: str  # in the folder of published files, as in "vae/config.json"
    purpose: str
    licence: str
    is_commercial: bool  # whether one may earn money with what comes out of it
    repository: str  # on the Hub; "" where the file is not published, but made here
    path_in_repository: str
    needed: bool  # by every photoreal character

    @property
    def origin(self) -> str:
        """Where it is from, for people."""
        return f"from {self.repository}" if self.repository else "made here by `omote train arc2face`"


_ARC2FACE = "FoivosPar/Arc2Face"
_ARC2FACE_LICENCE = "MIT on its card; trained on WebFace42M, whose pictures are for research only"
_ARCFACE_LICENCE = "non-commercial research only (InsightFace); trained on WebFace42M"
_OPENRAIL = "creativeml-openrail-m (commercial use allowed, some uses forbidden)"
_OPENRAIL_PLUS = "openrail++ (commercial use allowed, some uses forbidden)"
_SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_TAESD = "madebyollin/taesd"
_WEIGHTS = "diffusion_pytorch_model.safetensors"
_LORA = "pytorch_lora_weights.safetensors"


def _arc2face(name: str, purpose: str) -> PublishedFile:
    return PublishedFile(name, purpose, _ARC2FACE_LICENCE, False, _ARC2FACE, name, needed=True)


UNET = f"arc2face/{_WEIGHTS}"
EXPRESSION_ADAPTER = "exp_adapter/exp_adapter.bin"
REFERENCE_ADAPTER = f"ref_adapter/{_LORA}"
RECOGNISER = "arcface.onnx"
TINY_DECODER = f"taesd/{_WEIGHTS}"
DISTILLED = {  # by sampler: the LoRA that makes its few steps enough
    "lcm": f"lcm/{_LORA}",
    "tcd": "hyper-sd/Hyper-SD15-1step-lora.safetensors",
    "student": f"student/{_LORA}",
}

FILES: tuple[PublishedFile, ...] = (
    _arc2face("arc2face/config.json", "the denoiser's sizes"),
    _arc2face(UNET, "the denoiser"),
    _arc2face("encoder/config.json", "the text encoder's sizes"),
    _arc2face("encoder/pytorch_model.bin", "the text encoder, which says who is drawn"),
    _arc2face(EXPRESSION_ADAPTER, "the expression adapter"),
    _arc2face(REFERENCE_ADAPTER, "the reference adapter"),
    PublishedFile(
        RECOGNISER, "ArcFace, which knows faces apart", _ARCFACE_LICENCE, False, _ARC2FACE, RECOGNISER, needed=True
    ),
    PublishedFile("vae/config.json", "the decoder's sizes", _OPENRAIL, True, _SD15, "vae/config.json", needed=True),
    PublishedFile(
        f"vae/{_WEIGHTS}", "Stable Diffusion's decoder", _OPENRAIL, True, _SD15, f"vae/{_WEIGHTS}", needed=True
    ),
    PublishedFile("taesd/config.json", "the fast decoder's sizes", "MIT", True, _TAESD, "config.json", needed=True),
    PublishedFile(TINY_DECODER, "the fast decoder", "MIT", True, _TAESD, _WEIGHTS, needed=True),
    PublishedFile(
        DISTILLED["lcm"],
        "few steps, for the sampler lcm",
        _OPENRAIL_PLUS,
        True,
        "latent-consistency/lcm-lora-sdv1-5",
        _LORA,
        needed=True,
    ),
    PublishedFile(
        DISTILLED["tcd"],
        "one step, for the sampler tcd",
        "openrail++ on its card until August 2024, since then what the LICENSE.md of its repository says",
        False,
        "ByteDance/Hyper-SD",
        "Hyper-SD15-1step-lora.safetensors",
        needed=False,
    ),
    PublishedFile(
        DISTILLED["student"],
        "one step, for the sampler student",
        "as the weights that taught it",
        False,
        "",
        "",
        needed=False,
    ),
)


def files_for(sampler: str) -> tuple[str, ...]:
    """The names of all files that make and draw a character of this sampler; ValueError says which there are."""
    if sampler not in DISTILLED:
        raise ValueError(f'no sampler "{sampler}": there are {", ".join(DISTILLED)}')
    others = [name for one, name in DISTILLED.items() if one != sampler]
    return tuple(file.name for file in FILES if file.name not in others)


def files_that_draw(sampler: str) -> tuple[str, ...]:
    """Of these the ones whose numbers are in every picture, so that another of them is another model."""
    return (UNET, EXPRESSION_ADAPTER, REFERENCE_ADAPTER, DISTILLED[sampler], TINY_DECODER)
