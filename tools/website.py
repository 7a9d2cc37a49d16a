"""Builds the site from the repository's pages with mkdocs-material, and writes the table of all settings.

python tools/run.py tools/website.py              # build/site/index.html
python tools/run.py tools/website.py --settings   # only the table in docs/settings.md
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from omote.studio.app import config

ROOT = Path(__file__).resolve().parents[1]
SOURCE, SITE = ROOT / "build" / "site-source", ROOT / "build" / "site"
SETTINGS = ROOT / "docs" / "settings.md"
_BEGIN, _END = "<!-- settings: written by tools/website.py -->", "<!-- end of settings -->"
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_KINDS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "`true` or `false`",
    "Path": "path",
    "tuple[str, ...]": "list of texts",
}
_STYLE = """\
:root, [data-md-color-scheme="slate"] {
  --md-primary-fg-color: #22303c;
  --md-primary-bg-color: #ffffff;
}
[data-md-color-scheme="default"] { --md-typeset-a-color: #0b57a4; --md-default-fg-color--light: #4a4a4a; }
[data-md-color-scheme="slate"] { --md-typeset-a-color: #8ab8ee; --md-default-fg-color--light: #c4c8d0; }
[data-md-color-scheme="slate"] { --md-code-hl-number-color: #ff9a8d; --md-code-hl-constant-color: #b9b0ff; }
.md-typeset a { text-decoration: underline; }
.md-typeset td:first-child code { white-space: nowrap; }
"""
# The changelog names everything, so a search would show it first.
_SEARCHED_LAST = """\
---
search: {boost: 0.01}
---
"""
# Wide tables scroll, by keyboard as well; the search is a dialog, which needs a name.
_SCRIPT = """\
document.querySelectorAll(".md-search").forEach((one) => { one.setAttribute("aria-label", "Search") })
const mark = () => document.querySelectorAll(".md-typeset__scrollwrap").forEach((one) => { one.tabIndex = 0 })
new MutationObserver(mark).observe(document.body, { childList: true, subtree: true })
mark()
"""


# The pages.


def pages() -> list[Path]:
    """The Markdown files of the repository that the site shows, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [Path(line) for line in listed.stdout.split("\n") if line and not line.startswith((".github", "tests"))]


def gather() -> None:
    """Copies all pages and what they link to; links to folders become links to their README, or plain text."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shown = pages()
    for page in shown:
        target = SOURCE / page
        target.parent.mkdir(parents=True, exist_ok=True)
        order = _SEARCHED_LAST if page.name == "CHANGELOG.md" else ""
        target.write_text(order + _with_links(page, set(shown)), encoding="utf-8")
    (SOURCE / "site.css").write_text(_STYLE, encoding="utf-8")
    (SOURCE / "site.js").write_text(_SCRIPT, encoding="utf-8")


def _with_links(page: Path, shown: set[Path]) -> str:
    def link(found: re.Match[str]) -> str:
        picture, text, target = found.groups()
        path, _, anchor = target.partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return found[0]
        file = (ROOT / page).parent.joinpath(path).resolve()
        if file.is_dir() and (file / "README.md").is_file():
            path, file = f"{path.rstrip('/')}/README.md", file / "README.md"
        if not file.is_relative_to(ROOT) or not file.is_file():
            return text
        inside = file.relative_to(ROOT)
        if inside.suffix != ".md":
            copy = SOURCE / inside
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        elif inside not in shown:
            return text
        return f"{picture}[{text}]({path}{'#' + anchor if anchor else ''})"

    return _LINK.sub(link, (ROOT / page).read_text(encoding="utf-8"))


# The table of all settings.


def settings_table() -> str:
    """A row for each setting of config.toml: name, kind, default, and what the code says about it."""
    said = _comments()
    rows = ["| setting | kind | default | meaning |", "|---|---|---|---|"]
    for one in fields(config.Config):
        default = getattr(config.DEFAULTS, one.name)
        kind = _KINDS[str(one.type).removesuffix(" | None")]
        rows.append(f"| `{one.name}` | {kind} | {_as_toml(default)} | {said.get(one.name, '')} |")
    return "\n".join(rows)


def _comments() -> dict[str, str]:
    """The comment beside each field of `Config`."""
    text = Path(config.__file__).read_text(encoding="utf-8")
    (body,) = (one.body for one in ast.parse(text).body if isinstance(one, ast.ClassDef) and one.name == "Config")
    names = {
        one.lineno: one.target.id for one in body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    return {
        names[token.start[0]]: token.string.removeprefix("#").strip().replace("|", "\\|")
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and token.start[0] in names
    }


def _as_toml(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'`"{value}"`'
        case tuple():
            return f"`[{', '.join(map(repr, value))}]`"
        case _:
            return f"`{value}`"


def write_settings() -> None:
    """Writes the table into docs/settings.md."""
    before, _, rest = SETTINGS.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    SETTINGS.write_text(f"{before}{_BEGIN}\n{settings_table()}\n{_END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--settings", action="store_true", help="only write the table of settings")
    typed = parser.parse_args(words)
    write_settings()
    if typed.settings:
        return 0
    gather()
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean"]
    code = subprocess.call(command, cwd=ROOT)
    if code == 0:
        print(f"{SITE.relative_to(ROOT)}/index.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
