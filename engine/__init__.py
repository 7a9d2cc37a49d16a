"""Omote's engine: from a performance to a portrait. Importing it opens nothing and loads no model."""

from omote.bridge.frame import Frame

from .animator import Animator, Ensemble, Part, sizes
from .capture import EndOfSource, SourceError, open_source
from .character import DEFAULT_CHARACTER, CharacterError, character_names, load_character
from .errors import AnimatorError
from .face.light import studio_light
from .face.retarget import from_weights, retarget, to_weights
from .nouns import Actor, Character, FlameParams, Portrait, Reference, Signal, Stamp

__all__ = [
    "DEFAULT_CHARACTER",
    "Actor",
    "Animator",
    "AnimatorError",
    "Character",
    "CharacterError",
    "EndOfSource",
    "Ensemble",
    "FlameParams",
    "Frame",
    "Part",
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
    "sizes",
    "studio_light",
    "to_weights",
]
