"""One thing that `omote doctor` looked at, in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """What was found of it."""

    name: str
    is_ok: bool
    found: str
    cure: str = ""  # what to do, where it is not
    is_needed: bool = False  # what the doctor was asked about cannot run without it
    wrong: str = "missing"  # what is said where it is not ok

    def line(self) -> str:
        said = f"{self.found}: {self.cure}" if self.cure and not self.is_ok else self.found
        return f"{'ok' if self.is_ok else self.wrong:8}{self.name:18}{said}"
