"""Characters as the page offers them: what is listed, shown, made and removed, and what is refused."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from omote.engine import DEFAULT_CHARACTER, Animator, load_character, studio_light
from omote.engine.cache_folder import cache_folder
from omote.engine.capture.photo import PhotoError, read_upload
from omote.engine.character import FOLDER, CharacterError, character_names, save_character
from omote.engine.flat_artist import FlatArtist
from omote.engine.latency import LatencyMeter
from omote.engine.nouns import Actor
from omote.engine.photoreal.character_file import save_photoreal
from omote.engine.scene import Scene
from omote.studio import thumbnails, workshop
from omote.studio.casting import Casting
from omote.studio.workshop import Task, WorkshopError

HANA = load_character(DEFAULT_CHARACTER)
PATIENCE_S = 600.0
MEDIA = Path(__file__).resolve().parents[2].parent / "shared" / "media"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where own characters are; what is drawn is kept beside them, compiled networks where they are always."""
    folder = tmp_path / "kept"
    folder.mkdir()
    monkeypatch.setenv("OMOTE_CHARACTERS", str(folder))
    monkeypatch.setattr(thumbnails, "cache_folder", lambda: tmp_path / "cache")
    return folder


def scene() -> Scene:
    return Scene(FlatArtist(), HANA, Actor(), studio_light(), [], LatencyMeter(), time.perf_counter_ns)


class Workplace:
    """A place of work that does what a test says, and notes what it was told."""

    def __init__(self, then: Callable[[Task], None] = lambda task: None) -> None:
        self.tasks: list[Task] = []
        self.is_free = threading.Event()
        self.is_free.set()
        self._then = then

    def __call__(self, task: Task) -> None:
        self.tasks.append(task)
        assert self.is_free.wait(PATIENCE_S)
        self._then(task)


class Page:
    """Casting with a running scene, and how often it said that something is new."""

    def __init__(self, work: Callable[[Task], None] | None = None, is_running: bool = True) -> None:
        self.scene = scene() if is_running else None
        self._changed = threading.Condition()
        self.changes = 0
        self.casting = Casting(lambda: self.scene, self._note, work or Workplace(), lambda: "2026-11-22")

    def _note(self) -> None:
        with self._changed:
            self.changes += 1
            self._changed.notify_all()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(is_so, PATIENCE_S)

    def row(self, name: str) -> dict[str, object]:
        (row,) = [row for row in self.casting.rows() if row["name"] == name]
        return row

    def state(self, number: int) -> tuple[object, object]:
        (job,) = [job for job in self.casting.jobs if job["number"] == number]
        return job["state"], job["message"]

    def outcome(self, number: int) -> tuple[object, object]:
        self.wait_until(lambda: self.state(number)[0] in ("done", "failed"))
        return self.state(number)


def own(folder: Path, name: str) -> Path:
    path = folder / f"{name}.omote"
    save_character(replace(HANA, name=name, made_from=f"hana, called {name}"), path)
    return path


def photo(form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 300), "grey").save(file, form)
    return file.getvalue()


def test_shipped_characters_stand_first_and_say_where_they_are_from(folder: Path) -> None:
    own(folder, "aaa")
    page = Page()
    assert [row["name"] for row in page.casting.rows()] == [*character_names(), "aaa"]
    hana = page.row(DEFAULT_CHARACTER)
    assert hana == {
        "name": "hana",
        "kind": "open",
        "is_own": False,
        "licence": HANA.licence,
        "made_from": HANA.made_from,
        "can_be_shown": True,
        "has_thumbnail": True,
        "error": "",
    }
    assert page.row("aaa")["is_own"] is True


def test_a_file_that_is_changed_is_read_again(folder: Path) -> None:
    page, path = Page(), own(folder, "me")
    assert page.row("me")["made_from"] == "hana, called me"
    save_character(replace(HANA, name="me", made_from="somebody quite different"), path)
    assert page.row("me")["made_from"] == "somebody quite different"


def test_a_damaged_file_is_listed_with_what_is_wrong_and_hides_no_other(folder: Path) -> None:
    own(folder, "whole")
    (folder / "broken.omote").write_bytes(b"x")
    page = Page()
    broken = page.row("broken")
    assert "broken.omote is no character file or damaged" in str(broken["error"])
    assert (broken["can_be_shown"], broken["has_thumbnail"]) == (False, False)
    assert page.row("whole")["can_be_shown"] is True
    with pytest.raises(CharacterError, match="damaged"):
        page.casting.show("broken")
    page.casting.remove("broken")
    assert not (folder / "broken.omote").exists()


def test_a_character_of_another_model_cannot_be_shown(folder: Path) -> None:
    save_character(replace(HANA, name="old", model="open-s 0"), folder / "old.omote")
    assert Page().row("old")["can_be_shown"] is False


def test_a_photoreal_character_is_listed_and_waits_for_its_own_artist(folder: Path) -> None:
    from tests.studio import photoreal_home

    me = photoreal_home.person("me")
    save_photoreal(me, folder / "me.omote")
    row = Page().row("me")
    assert (row["kind"], row["can_be_shown"]) == ("photoreal", False)
    page = Page()
    page.scene = Scene(FlatArtist(), me, Actor(), studio_light(), [], LatencyMeter(), time.perf_counter_ns)
    assert page.row("me")["can_be_shown"] is True
    assert page.row("hana")["can_be_shown"] is False


def test_before_the_stream_runs_nothing_can_be_shown() -> None:
    page = Page(is_running=False)
    assert page.row("noah")["can_be_shown"] is False
    with pytest.raises(CharacterError, match="still starting"):
        page.casting.show("noah")


def test_a_character_is_shown_by_its_name() -> None:
    page = Page()
    page.casting.show("noah")
    assert page.scene is not None
    assert page.scene.character.name == "noah"
    assert page.changes == 1


@pytest.mark.parametrize("name", ["", "nobody", "../hana", str(FOLDER / "hana.omote"), "hana.omote", "hana\0", "HANA"])
def test_what_is_no_name_of_a_character_is_no_path_to_one_either(name: str) -> None:
    page = Page()
    for ask in (page.casting.show, page.casting.remove):
        with pytest.raises(CharacterError, match="there is no character"):
            ask(name)
    with pytest.raises(CharacterError, match="there is no character"):
        page.casting.make({"name": "me", "from": name, "set": {"hair": "teal"}})
    assert page.casting.thumbnail(name) is None


def test_own_characters_are_removed_and_nothing_else_is(folder: Path) -> None:
    path, page = own(folder, "me"), Page()
    with pytest.raises(CharacterError, match='"hana" is a shipped character, and stays'):
        page.casting.remove("hana")
    page.casting.remove("me")
    assert not path.exists()
    assert (FOLDER / "hana.omote").exists()
    assert "me" not in [row["name"] for row in page.casting.rows()]


def test_the_character_on_stage_stays(folder: Path) -> None:
    path, page = own(folder, "me"), Page()
    path.rename(folder / "renamed.omote")  # by its file's name it is another one
    page.casting.show("renamed")
    assert page.scene is not None
    assert page.scene.character.name == "renamed"
    with pytest.raises(CharacterError, match="on stage: show another character first"):
        page.casting.remove("renamed")
    page.casting.show("hana")
    page.casting.remove("renamed")
    assert list(folder.iterdir()) == []


def test_an_own_file_with_a_shipped_name_neither_hides_it_nor_can_it_be_removed_by_it(folder: Path) -> None:
    path, page = own(folder, "hana"), Page()
    assert page.row("hana")["is_own"] is False
    with pytest.raises(CharacterError, match="shipped"):
        page.casting.remove("hana")
    assert path.exists()


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({}, '"name" must be a text, got NoneType'),
        ({"name": 5, "seed": 1}, '"name" must be a text, got int'),
        ({"name": "me"}, "a character is made from one of seed, blend, from or a photo, got 0"),
        ({"name": "me", "seed": 1, "from": "hana"}, "got 2"),
        ({"name": "../me", "seed": 1}, '"../me" is no name: letters, digits, _ and - make one'),
        ({"name": "con", "seed": 1}, '"con" is no name'),
        ({"name": "m" * 65, "seed": 1}, "is no name"),
        ({"name": "me\n", "seed": 1}, "is no name"),
        ({"name": "hana", "seed": 1}, '"hana" is the name of a shipped character'),
        ({"name": "there", "seed": 1}, '"there" is there already: choose another name'),
        ({"name": "me", "seed": -1}, "a seed is a whole number from 0"),
        ({"name": "me", "seed": True}, "a seed is a whole number"),
        ({"name": "me", "seed": 1.5}, "a seed is a whole number"),
        ({"name": "me", "seed": 10**30}, "a seed is a whole number"),
        ({"name": "me", "blend": ["hana", "noah"]}, "a blend is two characters and a share"),
        ({"name": "me", "blend": ["hana", "noah", "half"]}, "a share goes from 0 (the first) to 1"),
        ({"name": "me", "blend": ["hana", "noah", float("nan")]}, "a share goes from 0 (the first) to 1"),
        ({"name": "me", "blend": ["hana", "nobody", 0.5]}, 'there is no character "nobody"'),
        ({"name": "me", "from": "hana"}, "choose something that is to be different"),
        ({"name": "me", "from": "hana", "set": {"hare": "teal"}}, 'no attribute "hare", did you mean "hair"?'),
        ({"name": "me", "from": "hana", "set": {"hair": "taupeish"}}, 'no colour "taupeish"'),
        ({"name": "me", "from": "hana", "set": {"hair": "rgb(999,0,0)"}}, 'no colour "rgb(999,0,0)"'),
        ({"name": "me", "from": "hana", "set": {"age": 2}}, "age takes a number from 0 to 1, got 2"),
        ({"name": "me", "from": "hana", "set": {"hair": ["teal"]}}, '"hair" is set to what is no colour'),
        ({"name": "me", "from": "hana", "set": "teal"}, '"set" must say what'),
        ({"name": "me", "seed": 1, "out": "/etc/passwd"}, 'no "out" in a wish'),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_refused_before_anything_is_begun(
    folder: Path, wish: dict[str, object], says: str
) -> None:
    own(folder, "there")
    page = Page()
    with pytest.raises(CharacterError) as refused:
        page.casting.make(wish)
    assert says in str(refused.value)
    assert page.casting.jobs == []


@pytest.mark.parametrize(
    ("wish", "data", "says"),
    [
        ({"name": "me"}, photo(), "tick that the person in the photo agrees"),
        ({"name": "me", "consent": "no"}, photo(), "tick that the person in the photo agrees"),
        ({"name": "me", "consent": "yes"}, b"", "this is no photo that can be read"),
        ({"name": "me", "consent": "yes"}, photo("GIF"), "wanted a JPEG, PNG or WebP file"),
        ({"name": "me", "consent": "yes"}, b"\xff\xd8\xff" + bytes(17 << 20), "17 MB, 16 at most"),
        ({"name": "me", "consent": "yes", "seed": 3}, photo(), "one of seed, blend, from or a photo, got 2"),
    ],
)
def test_a_photo_that_will_not_do_is_refused(wish: dict[str, object], data: bytes, says: str) -> None:
    page = Page()
    with pytest.raises(CharacterError) as refused:
        page.casting.make(wish, data)
    assert says in str(refused.value)
    assert page.casting.jobs == []


def test_consent_is_written_as_it_was_given() -> None:
    place = Workplace()
    page = Page(place)
    assert page.outcome(page.casting.make({"name": "me", "consent": "yes"}, photo())) == ("done", "")
    (task,) = place.tasks
    assert task.consent == (
        "On 2026-11-22 the maker declared that the person in this photo agrees to it (ticked on the page)"
    )


def test_one_character_is_made_at_a_time_and_few_wait() -> None:
    place = Workplace()
    place.is_free.clear()
    page = Page(place)
    numbers = [page.casting.make({"name": "a", "seed": 0})]
    page.wait_until(lambda: page.state(numbers[0])[0] == "running")
    numbers += [page.casting.make({"name": name, "seed": 1}) for name in "bcd"]
    assert [job["state"] for job in page.casting.jobs] == ["running", "waiting", "waiting", "waiting"]
    with pytest.raises(CharacterError, match="3 characters are waiting to be made"):
        page.casting.make({"name": "e", "seed": 1})
    with pytest.raises(CharacterError, match='"B" is being made already'):
        page.casting.make({"name": "B", "seed": 1})
    assert len(place.tasks) == 1
    place.is_free.set()
    assert [page.outcome(number)[0] for number in numbers] == ["done"] * 4
    assert [task.order.name for task in place.tasks if task.order] == ["a", "b", "c", "d"]


def test_what_fails_is_told_and_the_next_is_made_all_the_same() -> None:
    def fails(task: Task) -> None:
        if task.order and task.order.name == "a":
            raise WorkshopError("no face was found in the photo")
        if task.order and task.order.name == "b":
            raise RuntimeError("a fault of ours")

    page = Page(Workplace(fails))
    numbers = [page.casting.make({"name": name, "seed": 1}) for name in "abc"]
    assert [page.outcome(number) for number in numbers] == [
        ("failed", "no face was found in the photo"),
        ("failed", "a fault of ours"),
        ("done", ""),
    ]


def test_only_the_last_jobs_are_remembered() -> None:
    page = Page()
    for number in range(1, 16):
        assert page.outcome(page.casting.make({"name": f"a{number}", "seed": number})) == ("done", "")
    assert [job["number"] for job in page.casting.jobs] == list(range(7, 16))


def test_a_task_is_heard_as_it_was_told() -> None:
    from omote.studio.wish import ordered

    for wish, data in (
        ({"name": "me", "consent": "yes"}, photo()),
        ({"name": "me", "blend": ["hana", "noah", 0.25]}, None),
        ({"name": "me", "from": "hana", "set": {"hair": "teal", "age": 0.5}}, None),
    ):
        task = Task(ordered(wish, data), "some words", {"a.omote": "a.webp"})
        header, _, rest = task.told().partition(b"\n")
        assert Task.heard(header, rest) == task
    assert Task.heard(Task(drawn={"a": "b"}).told(), b"") == Task(drawn={"a": "b"})


def test_a_seed_becomes_a_character_with_its_thumbnail_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "cache_folder", cache_folder)  # the other process has only the environment
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    page = Page(workshop.in_own_process)
    assert page.outcome(page.casting.make({"name": "mika", "seed": 5})) == ("done", "")
    row = page.row("mika")
    assert row["has_thumbnail"] is True
    assert str(row["made_from"]).startswith("A person who does not exist, seed 5 of model")
    assert row["can_be_shown"] is True
    page.casting.show("mika")
    assert load_character("mika").name == "mika"


def test_the_page_makes_the_same_character_as_the_command(folder: Path) -> None:
    from omote.studio.command import main

    page = Page(workshop.work)
    assert page.outcome(page.casting.make({"name": "teal", "from": "hana", "set": {"hair": "teal"}})) == ("done", "")
    ours = (folder / "teal.omote").read_bytes()
    assert main(["character", "new", "teal", "--from", "hana", "--set", "hair=teal", "--overwrite"]) == 0
    assert (folder / "teal.omote").read_bytes() == ours
    assert page.row("teal")["has_thumbnail"] is True


def test_a_photo_of_nobody_fails_and_leaves_nothing(folder: Path) -> None:
    page = Page(workshop.work)
    state, message = page.outcome(page.casting.make({"name": "wall", "consent": "yes"}, photo()))
    if "could not be fetched" in str(message):
        pytest.skip(str(message))
    assert (state, message) == (
        "failed",
        "no face was found in the photo: wanted a photo of one face, sharp, lit, seen from the front",
    )
    assert list(folder.iterdir()) == []


def test_a_real_photo_becomes_a_character_that_says_so(folder: Path) -> None:
    path = MEDIA / "person_a_1.jpg"
    if not path.is_file():
        pytest.skip("needs the photos in ../shared/media")
    page = Page(workshop.work)
    assert page.outcome(page.casting.make({"name": "me", "consent": "yes"}, path.read_bytes())) == ("done", "")
    made_from = str(page.row("me")["made_from"])
    assert made_from.startswith("1 photo of a real person. On 2026-11-22 the maker declared")
    assert "Private" in str(page.row("me")["licence"])


def test_a_process_that_dies_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no Python starts there
    with pytest.raises(WorkshopError, match="its process ended before it was done"):
        workshop.in_own_process(Task())


def test_a_process_whose_omote_is_gone_ends_before_it_is_done() -> None:
    command = [sys.executable, "-P", "-m", workshop.__name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()  # as when whoever asked was killed; its task it will never be told
        assert process.wait(PATIENCE_S) == 1


def test_a_file_in_the_folder_where_omote_was_started_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger was run')")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    workshop.in_own_process(Task())


def test_an_answer_is_heard_before_and_after_empty_lines() -> None:
    workshop._hear(b'\n\n{"error": ""}\n\n', b"", 0)
    with pytest.raises(WorkshopError, match="no face"):
        workshop._hear(b'\n{"error": "no face"}\n\n', b"", 0)


def test_thumbnails_of_own_characters_are_drawn_in_the_background_and_once(folder: Path) -> None:
    own(folder, "me")
    place = Workplace(workshop.work)
    page = Page(place)
    assert page.casting.thumbnail("me") is None
    page.wait_until(lambda: page.casting.thumbnail("me") is not None)
    drawn = page.casting.thumbnail("me")
    assert drawn is not None
    assert Image.open(io.BytesIO(drawn)).size == (thumbnails.SIDE, thumbnails.SIDE)
    again = Page(place)
    assert again.row("me")["has_thumbnail"] is True
    assert len(place.tasks) == 1
    again.casting.remove("me")
    assert list((folder.parent / "cache" / "thumbnails").iterdir()) == []


def test_a_thumbnail_that_cannot_be_drawn_is_not_tried_again(folder: Path) -> None:
    own(folder, "me")
    place = Workplace()  # which draws nothing
    page = Page(place)
    page.casting.rows()
    page.wait_until(lambda: page.changes == 1)
    for _ in range(3):
        assert page.row("me")["has_thumbnail"] is False
    assert len(place.tasks) == 1


def test_nothing_is_drawn_in_the_background_before_the_stream_runs(folder: Path) -> None:
    own(folder, "me")
    place = Workplace()
    page = Page(place, is_running=False)
    assert page.casting.thumbnail("me") is None
    assert place.tasks == []


def test_nothing_shows_a_face_whose_character_was_removed_while_it_was_drawn(folder: Path, animator: Animator) -> None:
    path, thumbnail = own(folder, "me"), folder.parent / "me.webp"

    def slow_to_come() -> Animator:
        path.unlink()
        return animator

    workshop._draw({str(path): str(thumbnail)}, slow_to_come)
    assert not thumbnail.exists()


def test_half_a_thumbnail_is_none(tmp_path: Path) -> None:
    whole = thumbnails.shipped("hana").read_bytes()
    for name, data in {"half": whole[:900], "other": b"no picture", "longer": whole + b"x"}.items():
        (tmp_path / name).write_bytes(data)
        assert thumbnails.read(tmp_path / name) is None
    assert thumbnails.read(thumbnails.shipped("hana")) == whole


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator()


@pytest.mark.parametrize("name", character_names())
def test_the_thumbnail_of_a_shipped_character_is_what_is_drawn_of_it(name: str, animator: Animator) -> None:
    stored = thumbnails.read(thumbnails.shipped(name))
    assert stored is not None, "run tools/thumbnails.py"
    assert len(stored) <= 10_000
    drawn = thumbnails.drawn(load_character(name), lambda: animator)
    one, other = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float) for data in (stored, drawn))
    # Other processors round otherwise, and the codec with them; another face is ten times as far.
    assert np.abs(one - other).mean() < 1.5, "the network draws another face: run tools/thumbnails.py"


def test_a_photoreal_character_has_its_photo_for_a_thumbnail() -> None:
    from tests.studio import photoreal_home

    me = photoreal_home.person("me")
    data = thumbnails.drawn(me, lambda: pytest.fail("no artist is needed"))
    found = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)
    assert np.abs(found.mean((0, 1)) - me.reference.mean((0, 1))).max() < 6.0


def test_choices_are_what_can_be_set() -> None:
    from omote.engine.identity.prior import shipped_prior
    from omote.engine.identity.wishes import understood

    choices = Page().casting.choices()
    colours, styles, numbers = choices["colours"], choices["styles"], choices["numbers"]
    assert isinstance(colours, dict)
    assert isinstance(styles, list)
    assert isinstance(numbers, dict)
    known = shipped_prior().looks.styles
    for attribute, named in colours.items():
        assert len({one["hex"] for one in named}) == len(named)
        for one in named:
            by_name = understood((f"{attribute}={one['name']}",), known).colours
            assert by_name == understood((f"{attribute}={one['hex']}",), known).colours
    for style in styles:
        assert understood((f"style={style}",), known).style == style
    for name, ends in numbers.items():
        for end in ends.values():
            assert understood((f"{name}={end}",), known).numbers == {name: end}


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.just("hana")
_ATTRIBUTES = st.sampled_from(["hair", "iris", "skin", "cloth", "brow", "style", "age", "masculine"])
_WISHES = st.fixed_dictionaries(
    {"name": st.just("me") | _LEAVES},
    optional={
        "seed": _LEAVES,
        "blend": st.lists(_LEAVES, max_size=4) | _LEAVES,
        "from": st.just("hana") | _LEAVES,
        "set": st.dictionaries(_ATTRIBUTES | st.text(max_size=20), _LEAVES | st.lists(_LEAVES), max_size=3) | _LEAVES,
        "consent": _LEAVES,
    },
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_WISHES, st.none() | st.binary(max_size=20))
def test_whatever_is_wished_is_an_order_or_refused_in_words_that_can_be_sent(
    wish: dict[str, object], data: bytes | None
) -> None:
    from omote.studio.wish import ordered

    try:
        order = ordered(wish, data)
    except CharacterError as error:
        str(error).encode()
    else:
        header, _, rest = Task(order).told().partition(b"\n")
        assert Task.heard(header, rest).order == order


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 400), st.binary(max_size=40), st.integers(0, 400))
def test_no_bytes_make_a_photo_fail_otherwise_than_as_a_photo(form: str, at: int, put: bytes, length: int) -> None:
    whole = photo(form)
    data = whole[:at] + put + whole[at + len(put) :][:length]

    class Blind:
        def __enter__(self) -> Blind:
            return self

        def __exit__(self, *error: object) -> None: ...

        def faces(self, picture: np.ndarray) -> tuple[()]:
            return ()

    with pytest.raises(PhotoError):
        read_upload(data, Blind)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(PhotoError, match="the photo is too large to be opened"):
        read_upload(photo())
