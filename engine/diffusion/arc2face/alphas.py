"""The alphas of a LoRA that are no tensors of its file: PEFT writes them into the file's header, or beside the file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from safetensors import safe_open

_HEADER, _BESIDE = "lora_adapter_metadata", "adapter_config.json"
_UNBUILT = ("use_dora", "use_rslora", "lora_bias")


@dataclass(frozen=True)
class Alphas:
    """What a LoRA's changes are multiplied by, over their rank."""

    everywhere: float | None = None  # None is each change's own rank, which multiplies by 1
    by_module: Mapping[str, float] | None = None  # of modules whose names, dots as underscores, end so

    @classmethod
    def in_header(cls, path: Path) -> Self:
        """Those that a safetensors file tells; ValueError names a kind of LoRA that would be drawn wrongly."""
        if path.suffix != ".safetensors":
            return cls()
        with safe_open(path, "pt") as file:
            return cls._told(path, (file.metadata() or {}).get(_HEADER, "{}"))

    @classmethod
    def beside(cls, path: Path) -> Self:
        """Those that PEFT has saved with the file; ValueError where its file is missing."""
        config = path.with_name(_BESIDE)
        if not config.is_file():
            raise ValueError(f"{path.name} was saved by PEFT: put its {_BESIDE} beside it, which tells its alpha")
        return cls._told(config, config.read_text(encoding="utf-8"))

    @classmethod
    def _told(cls, path: Path, text: str) -> Self:
        try:
            said = {key.removeprefix("unet."): value for key, value in json.loads(text).items()}
        except (ValueError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path.name} must describe its LoRA by a JSON object: {error}") from error
        for key in _UNBUILT:
            if said.get(key):
                raise ValueError(f"{path.name} is of a LoRA with {key}, which is not built here")
        alpha, by_module = said.get("lora_alpha"), said.get("alpha_pattern") or {}
        is_told = isinstance(by_module, dict) and all(map(_is_number, by_module.values()))
        if not is_told or not (alpha is None or _is_number(alpha)):
            raise ValueError(f"{path.name} says its alphas by {alpha!r} and {by_module!r}; wanted numbers")
        return cls(alpha, {name.lstrip("^").replace(".", "_"): float(value) for name, value in by_module.items()})

    def alpha(self, module: str, rank: int) -> float:
        """That of a module, whose name has underscores for dots."""
        for name, value in (self.by_module or {}).items():
            if f"_{module}".endswith(f"_{name}"):
                return value
        return float(rank) if self.everywhere is None else self.everywhere


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
