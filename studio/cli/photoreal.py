"""What `omote live` and `omote render` need to show a photoreal character, by the settings of a run."""

from __future__ import annotations

from functools import cache

from omote.engine.data import PhotorealCharacter
from omote.engine.errors import AnimatorError
from omote.engine.photoreal.drawing import Drawing, open_drawing, require_drawable
from omote.engine.photoreal.exported_model import ExportedModel
from omote.engine.photoreal.exporting import exported
from omote.engine.photoreal.files import published
from omote.engine.photoreal.flame_map import the_map
from omote.engine.photoreal.licences import require_commercial
from omote.engine.photoreal.opening import weights_of
from omote.engine.photoreal.recipe import Recipe
from omote.engine.runtime.session import RuntimeUnavailable

from ..app.config import Config, ConfigError, without_trials


def open_photoreal(config: Config, character: PhotorealCharacter) -> Drawing:
    """Who draws this character; errors that a person can mend are raised, those that cost no time first."""
    if config.budget_ms is not None:
        raise ConfigError(
            f"{character.name} is photoreal, and there is no cheaper way to draw it that a latency budget could change "
            "to: leave out --budget-ms"
        )
    require_drawable(character, config.size, config.steps)
    require_commercial(character.parts, config.allow_noncommercial)
    to_flame = the_map(config.flame_map).flame
    model = model_of(config, character)
    runtime = without_trials(config).runtime if config.offline else config.runtime
    return open_drawing(character, model, config.steps, runtime, to_flame, is_live=not config.offline)


def model_of(config: Config, character: PhotorealCharacter) -> ExportedModel:
    """The networks that draw this character, exported at the first asking; errors as above."""
    weights = cache(lambda: weights_of(character, published(config.photoreal), config.allow_noncommercial))
    try:
        return exported(Recipe.of(character), weights)
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
