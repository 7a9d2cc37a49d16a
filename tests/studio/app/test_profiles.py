"""Profiles: saved, used, exported and imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omote.engine.face.tuning import Tuning
from omote.studio.app.hotkeys import Hotkey
from omote.studio.app.items import Item
from omote.studio.app.lighting import LightChoice
from omote.studio.app.profiles import ProfileError, ProfileLibrary, applied_profile
from omote.studio.app.session import StudioSession
from omote.studio.app.settings import Settings, SettingsStore

SHOW = Settings(
    tuning=Tuning(mirror=True),
    light=LightChoice(mode="preset", preset="night"),
    items=(Item("my hat", "hat"),),
    hotkeys=(Hotkey("wave", "Wave", expression="smile"),),
    actor="mika",
)


@pytest.fixture
def library(tmp_path: Path) -> ProfileLibrary:
    return ProfileLibrary(tmp_path / "profiles")


@pytest.fixture
def studio(library: ProfileLibrary) -> Iterator[StudioSession]:
    session = StudioSession("demo", SettingsStore())
    session.profiles = library
    yield session
    session.finish()


def test_a_profile_has_what_a_show_needs_and_not_the_performer(library: ProfileLibrary) -> None:
    library.save("Friday show", SHOW)
    assert library.names() == ["Friday show"]
    assert library.applied("Friday show", Settings(actor="ana")) == replace(SHOW, actor="ana")


def test_a_profile_is_used_as_a_whole(studio: StudioSession, library: ProfileLibrary) -> None:
    library.save("night", SHOW)
    studio.use_profile("night")
    assert [one.name for one in studio.items.items] == ["my hat"]
    assert studio.store.settings == replace(SHOW, actor=studio.store.settings.actor)
    assert studio.lighting.choice == SHOW.light
    assert studio.hotkeys.definitions == SHOW.hotkeys
    studio.tune({"mirror": False})
    studio.save_profile("night")
    studio.tune({"mirror": True})
    studio.use_profile("night")
    assert studio.store.settings.tuning.mirror is False
    studio.remove_profile("night")
    assert library.names() == []


def test_an_exported_profile_is_imported_elsewhere(library: ProfileLibrary, tmp_path: Path) -> None:
    library.save("night", SHOW)
    other = ProfileLibrary(tmp_path / "elsewhere")
    other.add("late", library.text("night").encode())
    assert other.applied("late", SHOW) == SHOW
    with pytest.raises(ProfileError, match="already"):
        other.add("late", library.text("night").encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "this is no profile"),
        (b"[]", '"omote_profile" is missing'),
        (b'{"omote_profile": 2}', "of version 1"),
        (b'{"omote_profile": 1, "tuning": {"nose": 1}}', "tuning: "),
        (b'{"omote_profile": 1, "hotkeys": 7}', "hotkeys: "),
    ],
)
def test_what_is_no_profile_changes_nothing(data: bytes, said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        applied_profile(data, SHOW)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a" * 41, "a\nb"])
def test_a_name_is_never_a_path(name: str, library: ProfileLibrary) -> None:
    with pytest.raises(ProfileError, match="1 to 40 letters"):
        library.save(name, SHOW)
