"""Draws the thumbnails of the shipped characters anew, beside their files; for whoever changes one, or the network."""

from __future__ import annotations

from functools import cache

from omote.engine.animator import Animator
from omote.engine.character import character_names, load_any
from omote.studio.thumbnails import drawn, keep, shipped


def main() -> None:
    artist = cache(Animator)
    for name in character_names():
        thumbnail = drawn(load_any(name), artist)
        keep(thumbnail, shipped(name))
        print(f"{shipped(name)}  {len(thumbnail)} bytes")


if __name__ == "__main__":
    main()
