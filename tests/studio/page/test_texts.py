"""The page's texts: each comes from the catalogue, and each catalogue has all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, get_args

import pytest

from omote.bridge import arkit
from omote.calibration.poses import POSES
from omote.engine.face.drawing_fit import NAMES as POINTS
from omote.engine.face.expressions import EXPRESSION_NAMES
from omote.engine.face.light import LIGHT_PRESETS
from omote.engine.face.lipsync import VISEMES
from omote.engine.face.performance import RECOGNISABLE
from omote.engine.face.tuning import SMOOTHED
from omote.engine.live.latency import STAGES
from omote.engine.model.vrm_file import TERM_VALUES, TERMS
from omote.studio.app.apps import PERMISSIONS
from omote.studio.app.health import Verdict
from omote.studio.app.hotkeys import HOTKEY_COMMANDS, HOTKEY_MODES
from omote.studio.app.session import StudioSession
from omote.studio.app.shipped_pictures import SHIPPED_PICTURES
from omote.studio.app.sources import OFFERED_SOURCES
from omote.studio.app.state import Presence, state_of
from omote.studio.page.server import STATIC, PageServer
from tests.studio.chromium import browser, needs_chromium, playwright

__all__ = ["browser"]

FORMS = {"en": {"one", "other"}, "ja": {"other"}, "de": {"one", "other"}}  # of a plural, as Intl.PluralRules has them
CATALOGUES: Mapping[str, Mapping[str, Any]] = {
    language: json.loads((STATIC / "text" / f"{language}.json").read_text("utf-8")) for language in FORMS
}
SCRIPTS = {path.name: path.read_text("utf-8") for path in sorted(STATIC.glob("*.js")) if path.name != "clean.js"}
PAGE = (STATIC / "studio.html").read_text("utf-8")
PAIRED = re.compile(r"(?!jaw|mouthLeft|mouthRight)(.+?)(Left|Right)\Z")  # as in arkit.js

# What the server names, by the first part of its keys.
NAMED: Mapping[str, Sequence[str]] = {
    "command": HOTKEY_COMMANDS,
    "expression": sorted({*EXPRESSION_NAMES, *RECOGNISABLE}),
    "grant": PERMISSIONS,
    "guest": ("starting", "shown"),
    "job": ("photo", "drawing", "model"),
    "mode": HOTKEY_MODES,
    "picture": tuple(SHIPPED_PICTURES),
    "point": POINTS,
    "pose": tuple(pose.name for pose in POSES),
    "pose_say": tuple(pose.name for pose in POSES),
    "presence": get_args(Presence),
    "preset": tuple(LIGHT_PRESETS),
    "region": (*SMOOTHED, "hair"),
    "rendering": ("waiting", "running", "done", "failed", "cancelled"),
    "source_kind": tuple(OFFERED_SOURCES),
    "term": tuple(TERMS),
    "term_value": TERM_VALUES,
    "timing": STAGES,
    "verdict": get_args(Verdict),
    "viseme": VISEMES,
    "weight": sorted({found[1] if (found := PAIRED.match(name)) else name for name in arkit.NAMES}),
}


def forms(text: str | Mapping[str, str]) -> Mapping[str, str]:
    return {"other": text} if isinstance(text, str) else text


def used_keys() -> set[str]:
    scripts = "\n".join(SCRIPTS.values())
    return {*re.findall(r'\bt\("([^"]+)"', scripts), *re.findall(r'data-text[a-z-]*="([^"]+)"', PAGE)}


def test_every_key_is_in_use_and_none_is_missing() -> None:
    kinds = set(re.findall(r'\bnamed\("([^"]+)"', "\n".join(SCRIPTS.values())))
    assert kinds == set(NAMED)
    named = {f"{kind}.{name}" for kind, names in NAMED.items() for name in names}
    assert set(CATALOGUES["en"]) == used_keys() | named


@pytest.mark.parametrize("language", ["ja", "de"])
def test_a_language_has_the_keys_and_the_values_of_english(language: str) -> None:
    english, other = CATALOGUES["en"], CATALOGUES[language]
    assert list(english) == list(other)
    for key, text in other.items():
        values = [set(re.findall(r"\{(\w+)\}", one)) for one in (*forms(text).values(), forms(english[key])["other"])]
        assert all(one <= values[-1] for one in values), key
        assert values[-2] == values[-1], key


@pytest.mark.parametrize("language", list(FORMS))
def test_plurals_have_the_forms_of_the_language_and_no_text_is_empty(language: str) -> None:
    for key, text in CATALOGUES[language].items():
        assert all((one and one == one.strip()) or key == "light.and" for one in forms(text).values()), key
        if not isinstance(text, str):
            assert set(text) == FORMS[language], key
            assert isinstance(CATALOGUES["en"][key], dict), key


@pytest.mark.parametrize("language", list(FORMS))
def test_no_text_holds_words_of_the_command_line(language: str) -> None:
    for key, text in CATALOGUES[language].items():
        for one in forms(text).values():
            assert not re.search(r"(?<![\w-])--\w|\bomote [a-z]+\b|\bpip install\b", one), key


def strings(value: object) -> Iterator[str]:
    """The strings in JSON values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from strings(one)


class Texts(HTMLParser):
    """The texts that are written in an HTML page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attributes if name in ("title", "aria-label", "placeholder")]

    def handle_data(self, data: str) -> None:
        self.found += [data.strip()] if any(letter.isalpha() for letter in data) else []


def test_no_text_is_written_in_the_page_itself() -> None:
    texts = Texts()
    texts.feed(PAGE)
    assert sorted(set(texts.found)) == ["N", "Omote", "ms", "p50", "p99"]


@pytest.fixture
def open_in(browser: playwright.Browser, server: PageServer) -> Iterator[Any]:
    """Opens the page in a browser of this language, with a catalogue of the test's own if one is given."""
    contexts = []

    def opened(locale: str, catalogue: Mapping[str, Any] | None = None) -> playwright.Page:
        context = browser.new_context(locale=locale, viewport={"width": 1440, "height": 900})
        contexts.append(context)
        page = context.new_page()
        if catalogue:
            page.route("**/text/*.json", lambda route: route.fulfill(json=catalogue))
        page.goto(server.url)
        page.wait_for_selector(".card[aria-pressed=true]", state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()


@needs_chromium
@pytest.mark.parametrize(("locale", "language"), [("ja-JP", "ja"), ("de-AT", "de"), ("en-GB", "en"), ("fr-FR", "en")])
def test_the_browsers_language_is_the_pages(open_in: Any, locale: str, language: str) -> None:
    page = open_in(locale)
    assert page.get_attribute("html", "lang") == language
    assert page.inner_text("#tab-movement") == CATALOGUES[language]["tab.movement"]
    assert page.get_attribute("#mirror", "title") == CATALOGUES[language]["mirror.title"]
    assert page.inner_text("[data-hotkey=smile] >> nth=0 >> .name") == CATALOGUES[language]["expression.smile"]


@needs_chromium
def test_another_language_is_chosen_on_the_page_and_remembered(open_in: Any) -> None:
    page = open_in("en-US")
    page.select_option("#language", "de")
    page.wait_for_selector("html[lang=de]")
    page.reload()
    page.wait_for_selector("html[lang=de]")
    assert page.inner_text("#record-label") == "Aufnehmen"
    assert page.input_value("#language") == "de"


NUMBER = re.compile(r"[+-]? ?[\d.]+ (ms|dB)")
NAMES_OF_PROGRAMS = ("Omote", "Live Link Face", "iFacialMocap", "Facemotion3d", "VTube Studio", "VMC")
# Texts and attributes with a word that is not between the marks of the test's catalogue.
UNMARKED = """() => {
  const isOurs = (text) => text.includes("⟦") || !/\\p{L}{2}/u.test(text);
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) if (!isOurs(walk.currentNode.data)) found.push(walk.currentNode.data);
  for (const name of ["title", "aria-label", "placeholder", "alt", "aria-valuetext"]) {
    for (const one of document.querySelectorAll(`[${name}]`)) {
      if (!isOurs(one.getAttribute(name))) found.push(one.getAttribute(name));
    }
  }
  return [...new Set(found)];
}"""


@needs_chromium
def test_every_text_of_the_page_comes_from_the_catalogue(open_in: Any, studio: StudioSession) -> None:
    sent = set(strings(state_of(studio)))  # names, and what is known of a character
    marked = {key: {form: f"⟦{one}⟧" for form, one in forms(text).items()} for key, text in CATALOGUES["en"].items()}
    singles = {key: marked[key]["other"] for key in marked if isinstance(CATALOGUES["en"][key], str)}
    page = open_in("en-US", {**marked, **singles})
    found: set[str] = set()
    for panel in re.findall(r'data-panel="(\w+)"', PAGE):
        page.eval_on_selector(f"#tab-{panel}", "one => one.click()")
        found |= set(page.evaluate(UNMARKED))
    for opener in ("#edit-hotkeys", "#new-expression", "#make-character", "#set-up-source"):
        page.eval_on_selector(opener, "one => one.click()")
        found |= set(page.evaluate(UNMARKED))
    for view in range(3):
        page.locator("#source-setup .segments input").nth(view).evaluate("one => one.click()")
        found |= set(page.evaluate(UNMARKED))
    sent.add(page.inner_text("#voice-note"))  # what the server says where PortAudio is missing
    untold = {text for text in found if not NUMBER.fullmatch(text) and not sent.issuperset(text.split(" · "))}
    assert untold - {*arkit.NAMES, *NAMES_OF_PROGRAMS, "ms", "English", "日本語", "Deutsch"} == set()
