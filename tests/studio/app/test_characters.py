"""The characters of the page: listed, shown, made and removed."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from omote.engine import DEFAULT_CHARACTER, load_character
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.capture.photo import read_upload
from omote.engine.child_process import IsCancelled
from omote.engine.images import PhotoError
from omote.engine.live.session import LiveSession
from omote.engine.model.character_file import SHIPPED_FOLDER, save_character, shipped_character_names
from omote.engine.tensor_file import CharacterError
from omote.engine.testing.drawing import FlatRenderer, shipped_character
from omote.studio.app import characters, jobs
from omote.studio.app.characters import CharacterLibrary, checked_task
from omote.studio.app.jobs import CharacterJobError, CharacterTask

HANA = shipped_character()
PATIENCE_S = 600.0
NO_PHOTO = CharacterTask("me", b"no photo", "")
MEDIA = Path(__file__).resolve().parents[3].parent / "shared" / "media"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of own characters."""
    folder = tmp_path / "kept"
    folder.mkdir()
    monkeypatch.setenv("OMOTE_CHARACTERS", str(folder))
    return folder


def scene() -> LiveSession:
    return LiveSession(FlatRenderer(), HANA)


class FakeWork:
    """Makes characters as a test says, and records the tasks."""

    def __init__(self, then: Callable[[CharacterTask], tuple[str, ...]] = lambda task: ()) -> None:
        self.tasks: list[CharacterTask] = []
        self.is_free = threading.Event()
        self.is_free.set()
        self._then = then

    def __call__(self, task: CharacterTask, is_cancelled: IsCancelled) -> tuple[str, ...]:
        self.tasks.append(task)
        while not self.is_free.wait(0.01):
            if is_cancelled():
                raise CharacterJobError("it was cancelled")
        return self._then(task)


class Library:
    """A character library with a live session; counts its changes."""

    def __init__(
        self,
        work: Callable[[CharacterTask, IsCancelled], tuple[str, ...]] | None = None,
        is_running: bool = True,
    ) -> None:
        self.scene = scene() if is_running else None
        self._changed = threading.Condition()
        self.changes = 0
        self.characters = CharacterLibrary(lambda: self.scene, self._note, work or FakeWork(), lambda: "2026-11-22")

    def _note(self) -> None:
        with self._changed:
            self.changes += 1
            self._changed.notify_all()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(is_so, PATIENCE_S)

    def make(self, name: str) -> int:
        return self.characters.make({"name": name, "consent": "yes"}, photo())

    def row(self, name: str) -> dict[str, object]:
        (row,) = [row for row in self.characters.rows() if row["name"] == name]
        return row

    def state(self, number: int) -> tuple[object, object]:
        (job,) = [job for job in self.characters.jobs if job["number"] == number]
        return job["state"], job["message"]

    def outcome(self, number: int) -> tuple[object, object]:
        self.wait_until(lambda: self.state(number)[0] in ("done", "failed"))
        return self.state(number)


def own(folder: Path, name: str) -> Path:
    path = folder / f"{name}.omote"
    # With one reference it is saved in no time.
    save_character(replace(HANA, name=name, made_from=f"hana, called {name}", references=HANA.references[:1]), path)
    return path


def photo(form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 300), "grey").save(file, form)
    return file.getvalue()


def test_shipped_characters_stand_first_and_say_where_they_are_from(folder: Path) -> None:
    own(folder, "aaa")
    library = Library()
    assert [row["name"] for row in library.characters.rows()] == [*shipped_character_names(), "aaa"]
    hana = library.row(DEFAULT_CHARACTER)
    assert hana == {
        "name": "hana",
        "kind": "open",
        "is_own": False,
        "licence": HANA.licence,
        "made_from": HANA.made_from,
        "consent": "",
        "can_be_shown": True,
        "has_thumbnail": True,
        "error": "",
    }
    assert library.row("aaa")["is_own"] is True


def test_a_file_that_is_changed_is_read_again(folder: Path) -> None:
    library, path = Library(), own(folder, "me")
    assert library.row("me")["made_from"] == "hana, called me"
    save_character(replace(HANA, name="me", made_from="somebody quite different"), path)
    assert library.row("me")["made_from"] == "somebody quite different"


def test_a_damaged_file_is_listed_with_what_is_wrong_and_hides_no_other(folder: Path) -> None:
    own(folder, "whole")
    (folder / "broken.omote").write_bytes(b"x")
    library = Library()
    broken = library.row("broken")
    assert "broken.omote is no character file or damaged" in str(broken["error"])
    assert (broken["can_be_shown"], broken["has_thumbnail"]) == (False, False)
    assert library.row("whole")["can_be_shown"] is True
    with pytest.raises(CharacterError, match="damaged"):
        library.characters.show("broken")
    library.characters.remove("broken")
    assert not (folder / "broken.omote").exists()


def test_a_photoreal_character_is_listed_and_waits_for_its_own_artist(folder: Path) -> None:
    from tests.arc2face import home as photoreal_home

    me = photoreal_home.person("me")
    save_photoreal(me, folder / "me.omote")
    row = Library().row("me")
    assert (row["kind"], row["can_be_shown"]) == ("photoreal", False)
    library = Library()
    library.scene = LiveSession(FlatRenderer(), me)
    assert library.row("me")["can_be_shown"] is True
    assert library.row("hana")["can_be_shown"] is False


def test_before_the_stream_runs_nothing_can_be_shown() -> None:
    library = Library(is_running=False)
    assert library.row("noah")["can_be_shown"] is False
    with pytest.raises(CharacterError, match="still starting"):
        library.characters.show("noah")


def test_a_character_is_shown_by_its_name() -> None:
    library = Library()
    library.characters.show("noah")
    assert library.scene is not None
    assert library.scene.character.name == "noah"
    assert library.changes == 1


@pytest.mark.parametrize(
    "name", ["", "nobody", "../hana", str(SHIPPED_FOLDER / "hana.omote"), "hana.omote", "hana\0", "HANA"]
)
def test_what_is_no_name_of_a_character_is_no_path_to_one_either(name: str) -> None:
    library = Library()
    for ask in (library.characters.show, library.characters.remove):
        with pytest.raises(CharacterError, match="there is no character"):
            ask(name)
    assert library.characters.thumbnail(name) is None


def test_own_characters_are_removed_and_nothing_else_is(folder: Path) -> None:
    path, library = own(folder, "me"), Library()
    with pytest.raises(CharacterError, match='"hana" is a shipped character and cannot be deleted'):
        library.characters.remove("hana")
    library.characters.remove("me")
    assert not path.exists()
    assert (SHIPPED_FOLDER / "hana.omote").exists()
    assert "me" not in [row["name"] for row in library.characters.rows()]


def test_the_character_on_stage_stays(folder: Path) -> None:
    path, library = own(folder, "me"), Library()
    path.rename(folder / "renamed.omote")  # by its file's name it is another one
    library.characters.show("renamed")
    assert library.scene is not None
    assert library.scene.character.name == "renamed"
    with pytest.raises(CharacterError, match="is shown now: show another character first"):
        library.characters.remove("renamed")
    library.characters.show("hana")
    library.characters.remove("renamed")
    assert list(folder.iterdir()) == []


def test_an_own_file_with_a_shipped_name_neither_hides_it_nor_can_it_be_removed_by_it(folder: Path) -> None:
    path, library = own(folder, "hana"), Library()
    assert library.row("hana")["is_own"] is False
    with pytest.raises(CharacterError, match="shipped"):
        library.characters.remove("hana")
    assert path.exists()


@pytest.mark.parametrize(
    ("asked", "data", "says"),
    [
        ({"consent": "yes"}, photo(), '"name" must be a text, got NoneType'),
        ({"name": 5, "consent": "yes"}, photo(), '"name" must be a text, got int'),
        ({"name": "../me", "consent": "yes"}, photo(), '"../me" is not a valid name'),
        ({"name": "con", "consent": "yes"}, photo(), '"con" is not a valid name'),
        ({"name": "m" * 65, "consent": "yes"}, photo(), "is not a valid name"),
        ({"name": "me\n", "consent": "yes"}, photo(), "is not a valid name"),
        ({"name": "me ", "consent": "yes"}, photo(), "is not a valid name"),
        ({"name": "a  b", "consent": "yes"}, photo(), "is not a valid name"),
        ({"name": "hana", "consent": "yes"}, photo(), '"hana" is the name of a shipped character'),
        ({"name": "there", "consent": "yes"}, photo(), '"there" exists already: choose another name'),
        ({"name": "me", "consent": "yes", "out": "/etc/passwd"}, photo(), 'a new character has no "out"'),
        ({"name": "me"}, photo(), "tick that the person in the photo agrees"),
        ({"name": "me", "consent": "no"}, photo(), "tick that the person in the photo agrees"),
        ({"name": "me", "of": "drawing"}, photo(), "tick that it is a drawing that you may use"),
        ({"name": "me", "of": "model"}, photo(), "tick that the model's terms allow it"),
        ({"name": "me", "of": "model", "consent": "yes"}, photo(), "expected a .vrm file"),
        ({"name": "me", "of": "drawing", "consent": "yes", "points": "[]"}, photo(), '"points" are invalid'),
        ({"name": "me", "of": "drawing", "consent": "yes", "points": '{"tail": [1, 2]}'}, photo(), "point is called"),
        ({"name": "me", "of": "drawing", "consent": "yes", "points": '{"chin": [1, NaN]}'}, photo(), "is not a number"),
        (
            {"name": "me", "of": "statue", "consent": "yes"},
            photo(),
            '"of" must be one of person, drawing, model, got "statue"',
        ),
        ({"name": "me", "consent": "yes"}, b"", "the picture cannot be read"),
        ({"name": "me", "consent": "yes"}, photo("GIF"), "expected a JPEG, PNG or WebP file"),
        ({"name": "me", "consent": "yes"}, b"\xff\xd8\xff" + bytes(17 << 20), "17 MB, 16 at most"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_begun(
    folder: Path, asked: dict[str, object], data: bytes, says: str
) -> None:
    own(folder, "there")
    library = Library()
    with pytest.raises(CharacterError) as refused:
        library.characters.make(asked, data)
    assert says in str(refused.value)
    assert library.characters.jobs == []


def test_consent_is_written_as_it_was_given() -> None:
    fake_work = FakeWork()
    library = Library(fake_work)
    assert library.outcome(library.make("me")) == ("done", "")
    (task,) = fake_work.tasks
    assert task.consent == (
        "On 2026-11-22 the maker declared that the person in this photo agrees to it (ticked on the page)"
    )


def test_of_a_drawing_something_else_is_declared() -> None:
    fake_work = FakeWork()
    library = Library(fake_work)
    asked = {"name": "me", "of": "drawing", "consent": "yes", "points": '{"chin": [10, 20]}'}
    number = library.characters.make(asked, photo())
    assert library.outcome(number) == ("done", "")
    (task,) = fake_work.tasks
    assert task.of == "drawing"
    assert task.consent.endswith("declared that this is a drawing and may be used (ticked on the page)")
    assert task.points == {"chin": (10.0, 20.0)}
    heard = CharacterTask.from_bytes(*task.to_bytes().split(b"\n", 1))
    assert replace(heard, points=None) == replace(task, points=None)
    assert [tuple(at) for at in (heard.points or {}).values()] == [(10.0, 20.0)]


def test_the_points_of_a_drawing_are_found_for_the_page() -> None:
    file = io.BytesIO()
    Image.fromarray(shipped_character("aoi").references[0].rgba).save(file, "PNG")
    found = Library().characters.points(file.getvalue())
    assert found["is_found"]
    assert len(found["points"]) == 22  # type: ignore[arg-type]
    assert not Library().characters.points(photo())["is_found"]
    with pytest.raises(CharacterError, match="another format"):
        Library().characters.points(b"no picture")


def test_one_character_is_made_at_a_time_and_few_wait() -> None:
    fake_work = FakeWork()
    fake_work.is_free.clear()
    library = Library(fake_work)
    numbers = [library.make("a")]
    library.wait_until(lambda: library.state(numbers[0])[0] == "running")
    numbers += [library.make(name) for name in "bcd"]
    assert [job["state"] for job in library.characters.jobs] == ["running", "waiting", "waiting", "waiting"]
    with pytest.raises(CharacterError, match="3 jobs are waiting already"):
        library.make("e")
    with pytest.raises(CharacterError, match='"B" is being made already'):
        library.make("B")
    assert len(fake_work.tasks) == 1
    fake_work.is_free.set()
    assert [library.outcome(number)[0] for number in numbers] == ["done"] * 4
    assert [task.name for task in fake_work.tasks] == ["a", "b", "c", "d"]


def test_a_job_says_its_place_and_can_be_cancelled_and_dismissed() -> None:
    def places() -> dict[object, object]:
        return {job["name"]: job["place"] for job in library.characters.jobs}

    fake_work = FakeWork()
    fake_work.is_free.clear()
    library = Library(fake_work)
    running = library.make("a")
    library.wait_until(lambda: library.state(running)[0] == "running")
    b, c = library.make("b"), library.make("c")
    assert places() == {"a": 0, "b": 1, "c": 2}
    library.characters.remove_job(b)
    assert places() == {"a": 0, "c": 1}
    library.characters.remove_job(running)
    library.wait_until(lambda: places() == {"c": 0} and library.state(c)[0] == "running")
    fake_work.is_free.set()
    assert library.outcome(c) == ("done", "")
    assert [task.name for task in fake_work.tasks] == ["a", "c"]
    library.characters.remove_job(c)
    assert library.characters.jobs == []
    with pytest.raises(jobs.JobQueueError, match="no job has the number"):
        library.characters.remove_job(c)


def test_a_failed_job_reports_its_error_and_the_next_runs() -> None:
    def fails(task: CharacterTask) -> tuple[str, ...]:
        if task.name == "a":
            raise CharacterJobError("no face was found in the photo")
        if task.name == "b":
            raise RuntimeError("a fault of ours")
        return ()

    library = Library(FakeWork(fails))
    numbers = [library.make(name) for name in "abc"]
    assert [library.outcome(number) for number in numbers] == [
        ("failed", "no face was found in the photo"),
        ("failed", "a fault of ours"),
        ("done", ""),
    ]


def test_only_the_last_jobs_are_remembered() -> None:
    library = Library()
    for number in range(1, 16):
        assert library.outcome(library.make(f"a{number}")) == ("done", "")
    assert [job["number"] for job in library.characters.jobs] == list(range(7, 16))


def test_warnings_about_the_photo_are_the_message_of_its_job() -> None:
    library = Library(FakeWork(lambda task: ("The face is very dark.", "The head is turned.")))
    assert library.outcome(library.make("me")) == ("done", "The face is very dark. The head is turned.")


def test_a_photo_without_a_face_fails_in_its_own_process_and_leaves_nothing(folder: Path) -> None:
    library = Library(jobs.make_in_subprocess)
    state, message = library.outcome(library.make("wall"))
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
    library = Library(lambda task, is_cancelled: jobs.make_and_save(task))
    number = library.characters.make({"name": "me", "consent": "yes"}, path.read_bytes())
    assert library.outcome(number)[0] == "done"
    row = library.row("me")
    assert str(row["made_from"]).startswith("Made from a photo of a real person; some eyes and mouths are kenji's")
    assert str(row["consent"]).startswith("On 2026-11-22 the maker declared")
    assert str(row["licence"]).startswith("Private")
    assert row["can_be_shown"] is True
    library.characters.show("me")
    assert load_character("me").name == "me"


@pytest.mark.parametrize("name", [DEFAULT_CHARACTER, "me"])
def test_a_thumbnail_shows_the_first_reference(folder: Path, name: str) -> None:
    own(folder, "me")
    data = Library().characters.thumbnail(name)
    assert data is not None
    assert len(data) <= 10_000
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (characters.THUMBNAIL_SIDE, characters.THUMBNAIL_SIDE)
        shown = np.asarray(picture.convert("RGB"), float)
    first = HANA.references[0].rgba
    middle = slice(int(0.45 * len(first)), int(0.55 * len(first)))
    face = first[middle, middle, :3].astype(float).mean((0, 1))
    # The middle of the picture lies at (0.5 - 0.09, 0.5) / 0.82 of the thumbnail.
    assert np.abs(shown[92:104, 74:86].mean((0, 1)) - face).max() < 25.0
    assert np.abs(shown[:4, :4] - 128.0).max() < 4.0


def test_a_photoreal_character_has_its_photo_for_a_thumbnail() -> None:
    from tests.arc2face import home as photoreal_home

    me = photoreal_home.person("me")
    found = np.asarray(Image.open(io.BytesIO(characters.make_thumbnail(me))).convert("RGB"), float)
    assert np.abs(found.mean((0, 1)) - me.reference.mean((0, 1))).max() < 6.0


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.just("hana")
_ASKED = st.fixed_dictionaries(
    {"name": st.just("me") | _LEAVES}, optional={"consent": st.just("yes") | _LEAVES, "seed": _LEAVES}
)


@given(_ASKED, st.just(photo()) | st.binary(max_size=20))
def test_any_request_is_a_task_or_refused_in_valid_text(asked: dict[str, object], data: bytes) -> None:
    try:
        task = checked_task(asked, data, "2026-11-22")
    except CharacterError as error:
        str(error).encode()
    else:
        header, _, rest = task.to_bytes().partition(b"\n")
        assert CharacterTask.from_bytes(header, rest) == task


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
