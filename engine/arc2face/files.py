"""The published files that a user brings: which there are, where they lie, and under which licence."""

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
    """One file that a user brings; nothing of these is shipped."""

    name: str  # in the folder of published files, as in "vae/config.json"
    purpose: str
    licence: str
    is_commercial: bool  # whether its licence allows to earn money with what it makes
    repository: str  # on the Hub; "" for a file that is not fetched
    is_needed: bool = True  # by every photoreal character
    path: str = ""  # in the repository, where it differs from the name

    @property
    def origin(self) -> str:
        return f"from {self.repository}" if self.repository else _ORIGINS[self.name]


_ARC2FACE = "MIT on its card; trained on WebFace42M, whose pictures are for research only"
_ARCFACE = "non-commercial research only (InsightFace); trained on WebFace42M"
_OPENRAIL = "creativeml-openrail-m (commercial use allowed, some uses forbidden)"
_OPENRAIL_PLUS = "openrail++ (commercial use allowed, some uses forbidden)"
_HYPER_SD = "openrail++ on its card until August 2024, since then what the LICENSE.md of its repository says"
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
DISTILLED = {  # by sampler: the LoRA that makes its few steps enough
    "lcm": f"lcm/{_LORA}",
    "tcd": "hyper-sd/Hyper-SD15-1step-lora.safetensors",
    "student": f"student/{_LORA}",
}
SMIRK = "smirk/SMIRK_em1.pt"
_ORIGINS = {
    DISTILLED["student"]: "made here by `omote train arc2face`",
    SMIRK: "from SMIRK's authors (georgeretsi/smirk), who ask for FLAME's licence",
}

FILES: tuple[PublishedFile, ...] = (
    PublishedFile("arc2face/config.json", "the denoiser's sizes", _ARC2FACE, False, _AUTHORS),
    PublishedFile(UNET, "the denoiser", _ARC2FACE, False, _AUTHORS),
    PublishedFile("encoder/config.json", "the text encoder's sizes", _ARC2FACE, False, _AUTHORS),
    PublishedFile(ENCODER, "the text encoder, which holds the identity", _ARC2FACE, False, _AUTHORS),
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
    PublishedFile(DISTILLED["student"], "one step, `--sampler student`", _STUDENTS, False, "", False),
    PublishedFile(SMIRK, "SMIRK, which reads expressions from photos", _SMIRK, False, "", False),
)  # fmt: skip
ALIKE = (UNET, EXPRESSION_ADAPTER, REFERENCE_ADAPTER)  # decide who is seen, in however many steps


def files_for(sampler: str) -> tuple[str, ...]:
    """The names of all files that make and draw a character of this sampler; ValueError says which there are."""
    if sampler not in DISTILLED:
        raise ValueError(f'no sampler "{sampler}": there are {", ".join(DISTILLED)}')
    shared = (file.name for file in FILES if file.is_needed and file.name not in DISTILLED.values())
    return (*shared, DISTILLED[sampler])


def files_that_draw(sampler: str) -> tuple[str, ...]:
    """Those whose numbers are in every picture, so that another of them is another model."""
    return (UNET, EXPRESSION_ADAPTER, REFERENCE_ADAPTER, DISTILLED[sampler], TINY_DECODER)


def published_file(name: str) -> PublishedFile:
    """KeyError where there is none of this name."""
    return {file.name: file for file in FILES}[name]


class PublishedError(ModelError):
    """A published file is missing, has changed, or cannot be fetched; the message ends with the cure."""


class NonCommercialError(ModelError):
    """Weights are not for commercial use, and the configuration does not allow that; the message names both."""


class Licensed(Protocol):
    """A part of a character, or a published file."""

    @property
    def name(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def is_commercial(self) -> bool: ...


def require_commercial(parts: Iterable[Licensed], allow: bool) -> None:
    """NonCommercialError where the licence of one forbids to earn money and `allow` is not set."""
    refused = [part for part in parts if not part.is_commercial]
    if refused and not allow:
        others = f", and {len(refused) - 1} more files like it" if len(refused) > 1 else ""
        raise NonCommercialError(
            f"{refused[0].name} is not for commercial use ({refused[0].licence}){others}: if yours is not, say "
            "`allow_noncommercial = true` in config.toml; `omote models` lists all"
        )


@dataclass(frozen=True)
class Ledger:
    """The sha256 of each published file at its first use; one of unchanged size and time is not read again."""

    path: Path

    def sha256(self, file: Path) -> str:
        """PublishedError where the file's bytes are others than at its first use."""
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
                f"{file} is not the file that was first used: its sha256 was {str(known[2])[:16]}… and is "
                f"{found[:16]}…; put the earlier one back, or delete {self.path} if you replaced it yourself"
            )
        try:
            write_text(self.path, json.dumps({**seen, key: [stat.st_size, stat.st_mtime_ns, found]}, indent=1))
        except OSError as error:
            log.warning("%s cannot be written (%s): published files are read whole at each start", self.path, error)
        return found

    def _seen(self) -> dict[str, list[object]]:
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            if not all(isinstance(one, list) and list(map(type, one)) == [int, int, str] for one in said.values()):
                raise ValueError("a file has its size, its time and its sha256")
            return dict(said)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            raise PublishedError(f"{self.path} cannot be read ({error}): delete it, and it is written anew") from error


@dataclass(frozen=True)
class Published:
    """Each file is looked for in these folders in turn, then in the Hub's own cache."""

    folders: tuple[Path, ...]  # at least one; files are put into the first
    ledger: Ledger

    def find(self, name: str) -> Path | None:
        """Where this file is; None where it is nowhere."""
        for folder in self.folders:
            if (folder / name).is_file():
                return folder / name
        file = published_file(name)
        return _cached(file) if file.repository else None

    def path(self, name: str) -> Path:
        """The same; PublishedError says what is missing, where it goes, and the command."""
        found, file = self.find(name), published_file(name)
        if found is not None:
            return found
        cure = "`omote models get arc2face` downloads it" if file.repository else file.origin
        raise PublishedError(
            f"{name} ({file.purpose}; {file.origin}) is missing: {cure}, or put it at {self.folders[0] / name}; looked "
            f'in {", ".join(map(str, self.folders))} and the Hub\'s cache. `photoreal = "FOLDER"` in config.toml or '
            f"{FOLDER_VARIABLE} names another place"
        )

    def parts(self, names: Iterable[str]) -> tuple[SourceFile, ...]:
        """These files as parts of a character; PublishedError where one is missing or has changed."""
        found = [(published_file(name), self.ledger.sha256(self.path(name))) for name in names]
        return tuple(SourceFile(file.name, sha256, file.licence, file.is_commercial) for file, sha256 in found)

    def model(self, sampler: str, reference_scale: float) -> str:
        """The digest of all that draws a character of this sampler, as characters and exported networks name it."""
        digest = model_digest(self.parts(files_that_draw(sampler)))
        return hashlib.sha256(f"{digest} {sampler} {reference_scale:.6f}".encode()).hexdigest()

    def fetch(self, file: PublishedFile) -> str:
        """Downloads a file into the first folder, and gives its sha256; a broken download goes on where it stopped."""
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
        except Exception as error:  # what the Hub's library raises has no common class
            raise PublishedError(
                f"{file.name} could not be fetched from {file.repository} ({' '.join(str(error).split())}). Go online "
                f"and run the same command again; or fetch the file elsewhere and put it at {place}"
            ) from error
        if re.fullmatch(r"[0-9a-f]{64}", announced) and announced != found:
            place.unlink()
            raise PublishedError(f"{file.name} came with the sha256 {found[:16]}…, announced was {announced[:16]}…")
        return found


def _cached(file: PublishedFile) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(file.repository, file.path or file.name)
    return Path(found) if isinstance(found, str) else None


def published(folder: Path | None = None) -> Published:
    """The files in this folder (the configuration's), else in $OMOTE_MODELS/arc2face, else in the Hub's cache."""
    folders = (default_folder(),) if folder is None else (folder.expanduser(), default_folder())
    return Published(tuple(dict.fromkeys(folders)), Ledger(models_folder() / "arc2face.json"))


def default_folder() -> Path:
    """Where published files are kept unless the configuration names another folder."""
    return models_folder() / "arc2face"


def model_digest(parts: Iterable[SourceFile]) -> str:
    """One name for these weights together: the same in any order, another where a byte differs."""
    lines = sorted(f"{part.name} {part.sha256}\n" for part in parts)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
