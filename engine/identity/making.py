"""New characters out of a seed, out of two others, or out of one of whom something is to be different."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from omote.engine.character import CharacterError
from omote.engine.face.head import open_head
from omote.engine.face.lift import Lifter
from omote.engine.morph import mixed
from omote.engine.nouns import Array, Character, FlameParams
from omote.engine.roles import Artist

from .drawing import Drawing, drawing_of
from .looks import Look, Wide
from .networks import Encoded, PeopleNetworks
from .prior import Prior
from .wishes import COLOURS, RGB, Wishes

LICENCE = "Apache-2.0"
_BROW_SHARE = 0.55  # brows are so much as bright as the hair that they go with
_ROUNDS = 2  # of repainting: what the networks draw after one falls short of it, after three it goes beyond
_UNSEEN = 1e-3


class Maker:
    """Makes characters with a prior, the networks that know people, and an artist who draws them."""

    def __init__(self, prior: Prior, networks: PeopleNetworks, artist: Artist) -> None:
        self._networks, self._artist = networks, artist
        self._prior = prior
        self._of_my_model(f"the prior of model {prior.model}", prior.model)

    def from_seed(self, name: str, seed: int) -> Character:
        """Someone who does not exist, the same for the same seed; CharacterError for a negative one."""
        if seed < 0:
            raise CharacterError(f"a seed is a whole number from 0 on, got {seed}")
        prior = self._prior
        draft = prior.draw(seed)
        weight = Lifter(open_head().shaped(draft.shape)).lift(FlameParams.neutral()).weight
        weight = weight * prior.looks.atlas(np.ones((len(draft.seen), 1)))[0]
        lifted = np.concatenate([prior.looks.atlas(draft.seen) * weight, weight[None]]).astype(np.float32)
        character = Character(
            name=name,
            shape=draft.shape,
            identity=draft.identity,
            texture=self._networks.complete(lifted, draft.identity),
            bank=_no_rows(),
            model=self._networks.model,
            licence=LICENCE,
            made_from=f"A person who does not exist, seed {seed} of model {self._networks.model}",
        )
        return self._repainted(character, self._drawing(character), draft.look, Look(draft.look.style, draft.colours))

    def blended(self, name: str, first: Character, second: Character, share: float) -> Character:
        """`share` of the way from the first (0) to the second (1), which at the ends are themselves."""
        if not 0.0 <= share <= 1.0:
            raise CharacterError(f"a blend goes from 0 (the first) to 1 (the second), got {share:g}")
        for character in (first, second):
            self._of_my_model(f'character "{character.name}"', character.model)
        character = replace(
            mixed(first, second, share),
            name=name,
            bank=_no_rows(),
            licence=" and ".join(dict.fromkeys((first.licence, second.licence))),
            made_from=f"A blend of {first.name} and {second.name} at {share:g}. {first.name}: {first.made_from}. "
            f"{second.name}: {second.made_from}",
        )
        if share in (0.0, 1.0):
            return replace(character, bank=(first if share == 0.0 else second).bank)
        return replace(character, bank=self._seen(self._drawing(character)).rows)

    def changed(self, character: Character, wishes: Wishes) -> Character:
        """The same person but for what is wished."""
        self._of_my_model(f'character "{character.name}"', character.model)
        said = f"{character.made_from}, with {', '.join(wishes.said)}"
        if wishes.numbers:
            character = self._rebuilt(character, wishes.numbers)
        if wishes.style:
            character = self._restyled(character, wishes.style)
        for _ in range(_ROUNDS if wishes.colours else 0):
            drawing = self._drawing(character)
            look = self._look(drawing)
            character = self._repainted(character, drawing, look, Look(look.style, _dyed(look.colours, wishes.colours)))
        return replace(character, made_from=said)

    def _look(self, drawing: Drawing) -> Look:
        seen = self._prior.looks.texels(drawing.lifted)
        return self._prior.looks.read(seen[:, :3] / np.maximum(seen[:, 3:], _UNSEEN), seen[:, 3])

    def _rebuilt(self, character: Character, numbers: dict[str, float]) -> Character:
        """On a head of this sex and age, seen as the encoder sees the difference."""
        other = replace(character, shape=self._prior.built(character.shape, numbers))
        before, after = (self._seen(self._drawing(one)) for one in (character, other))
        return replace(other, identity=character.identity + (after.identity - before.identity), bank=after.rows)

    def _restyled(self, character: Character, style: str) -> Character:
        """With another hairstyle, made anew from the repainted drawing: old hair is nothing to add to."""
        looks, drawing = self._prior.looks, self._drawing(character)
        look = self._look(drawing)
        drawing = drawing.repainted(looks.atlas(looks.painted(looks.styled(look, style)) - looks.painted(look)))
        seen = self._seen(drawing)
        texture = self._networks.complete(drawing.lifted, seen.identity)
        return replace(character, identity=seen.identity, texture=texture, bank=seen.rows)

    def _repainted(self, character: Character, before: Drawing, look: Look, wanted: Look) -> Character:
        """The character as if it had the other look: its drawing repainted, and seen again as a photo would be."""
        looks, complete = self._prior.looks, self._networks.complete
        after = before.repainted(looks.atlas(looks.painted(wanted) - looks.painted(look)))
        then, now = self._seen(before), self._seen(after)
        identity = character.identity + (now.identity - then.identity)
        gained = complete(after.lifted, identity) - complete(before.lifted, character.identity)
        return replace(character, identity=identity, texture=character.texture + gained, bank=now.rows)

    def _drawing(self, character: Character) -> Drawing:
        return drawing_of(character, self._artist, self._networks.size)

    def _seen(self, drawing: Drawing) -> Encoded:
        return self._networks.encode(drawing.picture, drawing.maps.geometry)

    def _of_my_model(self, who: str, model: str) -> None:
        if model != self._networks.model:
            raise CharacterError(
                f'{who} is of model "{model}", this Omote makes characters of model "{self._networks.model}": '
                "make it again"
            )


def _dyed(colours: Wide, wanted: dict[str, RGB]) -> Wide:
    """[5,3] these with those that are wanted; brows go with hair."""
    dyed = colours.copy()
    if "hair" in wanted:
        dyed[COLOURS.index("brow")] = np.array(wanted["hair"]) * _BROW_SHARE
    for name, colour in wanted.items():
        dyed[COLOURS.index(name)] = colour
    return dyed


def _no_rows() -> Array:
    return np.zeros((0, 0), np.float32)
