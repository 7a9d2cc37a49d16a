"""Omote's engine: from a performance to a portrait. Importing it opens nothing and loads no model."""

from omote.bridge.frame import Frame

from .capture.source import EndOfSource, SourceError
from .capture.sources import open_source
from .data import Actor, Character, FlameParams, Portrait, Reference, Signal, Stamp
from .errors import AnimatorError
from .face.light import studio_light
from .face.retarget import from_weights, retarget, to_weights
from .model.animator import Animator, Ensemble, EnsembleMember
from .model.character_file import DEFAULT_CHARACTER, character_names, load_character
from .tensor_file import CharacterError

__all__ = [
    "DEFAULT_CHARACTER",
    "Actor",
    "Animator",
    "AnimatorError",
    "Character",
    "CharacterError",
    "EndOfSource",
    "Ensemble",
    "EnsembleMember",
    "FlameParams",
    "Frame",
    "Portrait",
    "Reference",
    "Signal",
    "SourceError",
    "Stamp",
    "character_names",
    "from_weights",
    "load_character",
    "open_source",
    "retarget",
    "studio_light",
    "to_weights",
]
