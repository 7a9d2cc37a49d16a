"""Settings from a file, under flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.studio.app.config import Config, ConfigError, load_config, user_config_path, with_changes


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_changes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path, 'source = "webcam:1"\nsize = 256\nfps = 24\npage = false\nreport = "out.json"\n')
    assert load_config(path) == Config(source="webcam:1", size=256, fps=24.0, page=False, report=Path("out.json"))


def test_a_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, '\ufeffsource = "webcam"\n')) == Config(source="webcam")


def test_a_list_of_texts_stays_one(tmp_path: Path) -> None:
    path = written(tmp_path, 'out = ["livelink://unreal", "vmc://127.0.0.1"]\ncurve = true\n')
    assert load_config(path) == Config(out=("livelink://unreal", "vmc://127.0.0.1"), curve=True)
    assert with_changes(load_config(path), {"out": ["vmc://other"]}).out == ("vmc://other",)


def test_photoreal_characters_have_settings_of_their_own(tmp_path: Path) -> None:
    assert not Config().allow_noncommercial
    path = written(tmp_path, 'photoreal = "~/weights"\nflame_map = "map"\nallow_noncommercial = true\n')
    wanted = Config(photoreal=Path("~/weights").expanduser(), flame_map=Path("map"), allow_noncommercial=True)
    assert load_config(path) == wanted


def test_flags_go_over_the_file(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, 'source = "webcam"\nsteps = 2\n'))
    assert with_changes(config, {"source": "demo"}) == Config(source="demo", steps=2)


def test_an_unknown_key_is_an_error_that_names_the_file_and_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, 'charakter = "hana"\n')
    with pytest.raises(ConfigError, match=r'config.toml: no setting is called "charakter"; did you mean "character"'):
        load_config(path)


def test_a_key_that_is_near_nothing_gets_all_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are: source, character, size"):
        load_config(written(tmp_path, "xyzzy = 1\n"))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('size = "256"', "size must be a whole number above 0, got '256'"),
        ("size = 256.0", "size must be a whole number above 0, got 256.0"),
        ("size = true", "size must be a whole number above 0, got True"),
        ("steps = 0", "steps must be a whole number above 0, got 0"),
        ("fps = nan", "fps must be a number above 0, got nan"),
        (f"fps = 1{'0' * 400}", "fps must be a number above 0, got 1000"),
        ("seconds = -1", "seconds must be a number above 0, got -1"),
        ("page = 1", "page must be true or false, got 1"),
        ("source = 0", "source must be a text in quotes, got 0"),
        ('allow_noncommercial = "yes"', "allow_noncommercial must be true or false, got 'yes'"),
        ("curve = 1", "curve must be true or false, got 1"),
        ('out = "vmc://host"', "out must be a list of texts in quotes, got 'vmc://host'"),
        ('out = ["vmc://host", 1]', "out must be a list of texts in quotes, got ['vmc://host', 1]"),
        ("page_port = 65536", "page_port must be a port from 0"),
        ("[source]\nname = 1", "source must be a text in quotes"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_was_wanted(tmp_path: Path, line: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, line + "\n"))
    assert wanted in str(caught.value)


def test_tables_too_deep_are_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = " + "[" * 100_000 + "]" * 100_000)
    with pytest.raises(ConfigError, match="cannot be read as TOML"):
        load_config(path)


def test_what_is_no_toml_says_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read as TOML.*line 1"):
        load_config(written(tmp_path, "size: 256\n"))


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        load_config(tmp_path / "nowhere.toml")


def test_the_users_own_file_is_read_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert load_config() == Config()
    user_config_path().parent.mkdir(parents=True)
    user_config_path().write_text("steps = 4\n")
    assert load_config() == Config(steps=4)
