"""Settings from a file, under flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.studio.app.config import Config, ConfigError, load_config, user_config_path, with_changes


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'source = "webcam:1"\nsize = 256\nfps = 24\npage = false\nreport = "out.json"\n',
            Config(source="webcam:1", size=256, fps=24.0, page=False, report=Path("out.json")),
        ),
        ('\ufeffsource = "webcam"\n', Config(source="webcam")),  # as some editors write it
        ('out = ["ndi", "vmc://127.0.0.1"]\ncurve = true\n', Config(out=("ndi", "vmc://127.0.0.1"), curve=True)),
        (
            'photoreal = "~/weights"\nflame_map = "map"\nallow_noncommercial = true\n',
            Config(photoreal=Path("~/weights").expanduser(), flame_map=Path("map"), allow_noncommercial=True),
        ),
    ],
)
def test_a_file_changes_only_the_settings_in_it(tmp_path: Path, text: str, expected: Config) -> None:
    assert load_config(written(tmp_path, text)) == expected


def test_flags_go_over_the_file(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, 'source = "webcam"\nsteps = 2\n'))
    assert with_changes(config, {"source": "demo", "out": ["ndi"]}) == Config(source="demo", steps=2, out=("ndi",))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('charakter = "hana"', 'config.toml: no setting is called "charakter"; did you mean "character"'),
        ("xyzzy = 1", "there are: source, character, size"),
        ("size: 256", "cannot be read as TOML"),
        pytest.param(f"size = {'1' * 5000}", "cannot be read as TOML", id="too long a number"),
        pytest.param(f"a = {'[' * 100_000}{']' * 100_000}", "cannot be read as TOML", id="too deep"),
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
def test_an_invalid_value_is_an_error_with_the_expected_type(tmp_path: Path, line: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, line + "\n"))
    assert wanted in str(caught.value)


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
