"""Omote's engine: from a performance to a portrait.

Importing it opens nothing and loads no model; each name is imported when it is used. docs/python.md has examples.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omote.bridge.arkit import FaceWeightError
    from omote.bridge.errors import OmoteError

    from .capture.iterable import IterableSource
    from .capture.source import EndOfSource, Source, SourceError
    from .capture.sources import open_source
    from .data import Actor, Character, FlameParams, Portrait, Reference, Signal, Stamp
    from .errors import AnimatorError, DataError
    from .face.expressions import EXPRESSION_NAMES, ExpressionError, expression_weights
    from .face.light import studio_light
    from .face.retarget import from_weights, retarget, to_weights
    from .live.loop import LiveLoop
    from .live.outputs import WireOutput
    from .live.session import LiveSession, Output
    from .model.animator import Animator, Ensemble, EnsembleMember
    from .model.character_file import DEFAULT_CHARACTER, character_names, load_character, save_character
    from .model.portrait_renderer import DrawOptions
    from .tensor_file import CharacterError

# The module of each name.
_MODULES = {
    "omote.bridge.arkit": ("FaceWeightError",),
    "omote.bridge.errors": ("OmoteError",),
    "omote.engine.capture.iterable": ("IterableSource",),
    "omote.engine.capture.source": ("EndOfSource", "Source", "SourceError"),
    "omote.engine.capture.sources": ("open_source",),
    "omote.engine.data": ("Actor", "Character", "FlameParams", "Portrait", "Reference", "Signal", "Stamp"),
    "omote.engine.errors": ("AnimatorError", "DataError"),
    "omote.engine.face.expressions": ("EXPRESSION_NAMES", "ExpressionError", "expression_weights"),
    "omote.engine.face.light": ("studio_light",),
    "omote.engine.face.retarget": ("from_weights", "retarget", "to_weights"),
    "omote.engine.live.loop": ("LiveLoop",),
    "omote.engine.live.outputs": ("WireOutput",),
    "omote.engine.live.session": ("LiveSession", "Output"),
    "omote.engine.model.animator": ("Animator", "Ensemble", "EnsembleMember"),
    "omote.engine.model.character_file": ("DEFAULT_CHARACTER", "character_names", "load_character", "save_character"),
    "omote.engine.model.portrait_renderer": ("DrawOptions",),
    "omote.engine.tensor_file": ("CharacterError",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "DEFAULT_CHARACTER",
    "EXPRESSION_NAMES",
    "Actor",
    "Animator",
    "AnimatorError",
    "Character",
    "CharacterError",
    "DataError",
    "DrawOptions",
    "EndOfSource",
    "Ensemble",
    "EnsembleMember",
    "ExpressionError",
    "FaceWeightError",
    "FlameParams",
    "IterableSource",
    "LiveLoop",
    "LiveSession",
    "OmoteError",
    "Output",
    "Portrait",
    "Reference",
    "Signal",
    "Source",
    "SourceError",
    "Stamp",
    "WireOutput",
    "character_names",
    "expression_weights",
    "from_weights",
    "load_character",
    "open_source",
    "retarget",
    "save_character",
    "studio_light",
    "to_weights",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
