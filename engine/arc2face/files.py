"""The published files that a user brings: their names, places and licences."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..data import SourceFile
from ..models import FOLDER_VARIABLE, ModelError, models_folder
from ..storage import write_text

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedFile:
    """One file that a user brings. None of them is shipped."""

    name: str  # its path in the folder of published files, such as "vae/config.json"
    purpose: str
    licence: str
    is_commercial: bool  # whether its licence allows commercial use of its output
    repository: str  # on the Hub; "" if it cannot be downloaded
    is_needed: bool = True  # for every photoreal character
    path: str = ""  # in the repository, if it differs from the name

    @property
    def origin(self) -> str:
        return f"from {self.repository}" if self.repository else _ORIGINS[self.name]

    @property
    def places(self) -> tuple[str, ...]:
        """Where users have it in a folder: under its name, or in a download of its whole repository."""
        path = self.path or self.name
        repositories = (self.repository, self.repository.rpartition("/")[2]) if self.repository else ()
        return (self.name, *(f"{one}/{path}" for one in repositories), *_ALSO.get(self.name, ()))


_ARC2FACE = "MIT on its card; trained on WebFace42M, whose pictures are for research only"
_ARCFACE = "non-commercial research only (InsightFace); trained on WebFace42M"
_OPENRAIL = "creativeml-openrail-m (commercial use allowed, some uses forbidden)"
_OPENRAIL_PLUS = "openrail++ (commercial use allowed, some uses forbidden)"
_HYPER_SD = "openrail++ on its card until August 2024, since then the LICENSE.md of its repository"
_SMIRK = "MIT for its code; the checkpoint needs FLAME's licence, which is for research"
_AUTHORS, _SD15, _TAESD = "FoivosPar/Arc2Face", "stable-diffusion-v1-5/stable-diffusion-v1-5", "madebyollin/taesd"
_LCM = "latent-consistency/lcm-lora-sdv1-5"
_STUDENTS = "as the weights that taught it"
_WEIGHTS, _LORA = "diffusion_pytorch_model.safetensors", "pytorch_lora_weights.safetensors"

UNET = f"arc2face/{_WEIGHTS}"
ENCODER = "encoder/pytorch_model.bin"
EXPRESSION_ADAPTER = "exp_adapter/exp_adapter.bin"
REFERENCE_ADAPTER = f"ref_adapter/{_LORA}"
RECOGNISER = "arcface.onnx"
VAE = f"vae/{_WEIGHTS}"
TINY_DECODER = f"taesd/{_WEIGHTS}"
DISTILLED = {  # the LoRA of each few-step sampler
    "lcm": f"lcm/{_LORA}",
    "tcd": "hyper-sd/Hyper-SD15-1step-lora.safetensors",
    "student": f"student/{_LORA}",
}
CONTROLNET = f"controlnet/{_WEIGHTS}"
SMIRK = "smirk/SMIRK_em1.pt"
_ALSO = {RECOGNISER: ("antelopev2/arcface.onnx",)}  # where the README of Arc2Face puts it
_FORMER = {_SD15: "runwayml/stable-diffusion-v1-5"}  # the same files under an earlier name on the Hub
_ORIGINS = {
    DISTILLED["student"]: "made here by `omote train arc2face`",
    SMIRK: "from SMIRK's authors (georgeretsi/smirk), under FLAME's licence",
}

FILES: tuple[PublishedFile, ...] = (
    PublishedFile("arc2face/config.json", "the denoiser's sizes", _ARC2FACE, False, _AUTHORS),
    PublishedFile(UNET, "the denoiser", _ARC2FACE, False, _AUTHORS),
    PublishedFile("encoder/config.json", "the text encoder's sizes", _ARC2FACE, False, _AUTHORS),
    PublishedFile(ENCODER, "the text encoder, which encodes the identity", _ARC2FACE, False, _AUTHORS),
    PublishedFile(EXPRESSION_ADAPTER, "the expression adapter", _ARC2FACE, False, _AUTHORS),
    PublishedFile(REFERENCE_ADAPTER, "the reference adapter", _ARC2FACE, False, _AUTHORS),
    PublishedFile(RECOGNISER, "ArcFace, the face recogniser", _ARCFACE, False, _AUTHORS),
    PublishedFile("vae/config.json", "the decoder's sizes", _OPENRAIL, True, _SD15),
    PublishedFile(VAE, "Stable Diffusion's decoder", _OPENRAIL, True, _SD15),
    PublishedFile("taesd/config.json", "the fast decoder's sizes", "MIT", True, _TAESD, path="config.json"),
    PublishedFile(TINY_DECODER, "the fast decoder", "MIT", True, _TAESD, path=_WEIGHTS),
    PublishedFile(DISTILLED["lcm"], "few steps, `--sampler lcm`", _OPENRAIL_PLUS, True, _LCM, path=_LORA),
    PublishedFile(
        DISTILLED["tcd"], "one step, `--sampler tcd`", _HYPER_SD, False, "ByteDance/Hyper-SD", False,
        "Hyper-SD15-1step-lora.safetensors",
    ),
    PublishedFile("controlnet/config.json", "the ControlNet's sizes", _ARC2FACE, False, _AUTHORS, False),
    PublishedFile(CONTROLNET, "head pose, `--pose controlnet`", _ARC2FACE, False, _AUTHORS, False),
    PublishedFile(DISTILLED["student"], "one step, `--sampler student`", _STUDENTS, False, "", False),
    PublishedFile(SMIRK, "SMIRK, for `--expression-from`", _SMIRK, False, "", False),
)  # fmt: skip
ALIKE = (UNET, EXPRESSION_ADAPTER, REFERENCE_ADAPTER)  # decide the likeness, in any number of steps


def files_for(sampler: str) -> tuple[str, ...]:
    """The names of all files that make and draw a character with this sampler; ValueError for an unknown one."""
    if sampler not in DISTILLED:
        raise ValueError(f'unknown sampler "{sampler}": there are {", ".join(DISTILLED)}')
    shared = (file.name for file in FILES if file.is_needed and file.name not in DISTILLED.values())
    return (*shared, DISTILLED[sampler])


def files_that_draw(sampler: str) -> tuple[str, ...]:
    """The files that decide a picture. A character is bound to their digests."""
    return (UNET, EXPRESSION_ADAPTER, REFERENCE_ADAPTER, DISTILLED[sampler], TINY_DECODER)


def published_file(name: str) -> PublishedFile:
    """The file of this name; KeyError if there is none."""
    return {file.name: file for file in FILES}[name]


class PublishedError(ModelError):
    """A published file is missing, has changed, or cannot be downloaded. The message names the cure."""


class NonCommercialError(ModelError):
    """Weights are not for commercial use, and config.toml does not allow such weights."""


class Licensed(Protocol):
    """Anything with a licence: a part of a character, or a published file."""

    @property
    def name(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def is_commercial(self) -> bool: ...


def require_commercial(parts: Iterable[Licensed], allow: bool) -> None:
    """NonCommercialError if a licence forbids commercial use, unless `allow` is set."""
    refused = [part for part in parts if not part.is_commercial]
    if refused and not allow:
        others = f" (1 of {len(refused)} such files)" if len(refused) > 1 else ""
        raise NonCommercialError(
            f"{refused[0].name} is not for commercial use ({refused[0].licence}){others}: if your use is not "
            "commercial, set `allow_noncommercial = true` in config.toml; `omote models` lists all files"
        )


@dataclass(frozen=True)
class Ledger:
    """The sha256 of each published file at its first use. A file is read again only if its size or time changes."""

    path: Path

    def sha256(self, file: Path) -> str:
        """The file's sha256; PublishedError if it differs from that at its first use."""
        seen, key = self._seen(), str(file.resolve())
        try:
            stat = file.stat()
            known = seen.get(key)
            if known and known[:2] == [stat.st_size, stat.st_mtime_ns]:
                return str(known[2])
            with file.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise PublishedError(f"cannot read {file} ({error.strerror or error}); make it readable") from error
        if known and known[2] != found:
            raise PublishedError(
                f"{file} has changed since its first use: its sha256 was {str(known[2])[:16]}… and is {found[:16]}…; "
                f"restore the earlier file, or delete {self.path} if you replaced it yourself"
            )
        try:
            write_text(self.path, json.dumps({**seen, key: [stat.st_size, stat.st_mtime_ns, found]}, indent=1))
        except OSError as error:
            log.warning("%s cannot be written (%s): published files are hashed again at each start", self.path, error)
        return found

    def _seen(self) -> dict[str, list[object]]:
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if not all(isinstance(one, list) and list(map(type, one)) == [int, int, str] for one in kept.values()):
                raise ValueError("each file must have a size, a time and a sha256")
            return dict(kept)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            raise PublishedError(
                f"{self.path} cannot be read ({error}): delete it, and it will be created again"
            ) from error


@dataclass(frozen=True)
class Published:
    """Searches each file in these folders in turn, then in the Hub's cache, as `from_pretrained` fills it."""

    folders: tuple[Path, ...]  # at least one; downloads go into the first
    ledger: Ledger

    def find(self, name: str) -> Path | None:
        """The path of this file, or None."""
        file = published_file(name)
        for folder in self.folders:
            for place in file.places:
                if (folder / place).is_file():
                    return folder / place
        return _cached(file)

    def path(self, name: str) -> Path:
        """The path of this file; PublishedError says where it is expected and how to get it."""
        found, file = self.find(name), published_file(name)
        if found is not None:
            return found
        cure = "`omote models get arc2face` downloads it" if file.repository else file.origin
        raise PublishedError(
            f"{name} ({file.purpose}; {file.origin}) is missing: {cure}, or put it at {self.folders[0] / name}; "
            f"searched {', '.join(map(str, self.folders))} and the Hub's cache. "
            f'Set `photoreal = "FOLDER"` in config.toml or '
            f"{FOLDER_VARIABLE} for another folder"
        )

    def parts(self, names: Iterable[str]) -> tuple[SourceFile, ...]:
        """These files as parts of a character; PublishedError if one is missing or has changed."""
        found = [(published_file(name), self.ledger.sha256(self.path(name))) for name in names]
        return tuple(SourceFile(file.name, sha256, file.licence, file.is_commercial) for file, sha256 in found)

    def model(self, sampler: str, reference_scale: float) -> str:
        """The digest of the weights for this sampler, as characters and exported networks name it."""
        digest = model_digest(self.parts(files_that_draw(sampler)))
        return hashlib.sha256(f"{digest} {sampler} {reference_scale:.6f}".encode()).hexdigest()

    def fetch(self, file: PublishedFile) -> str:
        """Downloads a file into the first folder and returns its sha256. An interrupted download is continued."""
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the Hub's library is imported
        place = self.folders[0] / file.name
        path = file.path or file.name
        try:
            from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

            announced = get_hf_file_metadata(hf_hub_url(file.repository, path)).etag or ""
            hf_hub_download(file.repository, path, local_dir=str(place).removesuffix(path))
            found = self.ledger.sha256(place)
        except ImportError as error:
            raise PublishedError(f"the Hub's library is missing ({error}): pip install 'omote[photoreal]'") from error
        except PublishedError:
            raise
        except Exception as error:  # the Hub's errors have no common class
            raise PublishedError(
                f"{file.name} could not be downloaded from {file.repository} ({' '.join(str(error).split())}). Go "
                f"online and run the command again, or download the file elsewhere and put it at {place}"
            ) from error
        if re.fullmatch(r"[0-9a-f]{64}", announced) and announced != found:
            place.unlink()
            raise PublishedError(
                f"{file.name} has the sha256 {found[:16]}…, the Hub announced {announced[:16]}…: try again"
            )
        return found


def _cached(file: PublishedFile) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    for repository in filter(None, (file.repository, _FORMER.get(file.repository))):
        if isinstance(found := try_to_load_from_cache(repository, file.path or file.name), str):
            return Path(found)
    return None


def published(folder: Path | None = None) -> Published:
    """The files in this folder of config.toml, in $OMOTE_MODELS/arc2face, or in the Hub's cache."""
    folders = (default_folder(),) if folder is None else (folder.expanduser(), default_folder())
    return Published(tuple(dict.fromkeys(folders)), Ledger(models_folder() / "arc2face.json"))


def default_folder() -> Path:
    """The folder of published files, unless config.toml names another."""
    return models_folder() / "arc2face"


def model_digest(parts: Iterable[SourceFile]) -> str:
    """A digest of these weights that does not depend on their order."""
    lines = sorted(f"{part.name} {part.sha256}\n" for part in parts)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
