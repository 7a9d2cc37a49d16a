"""A rendering's faces as a table of FLAME's parameters, a row for each picture."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omote.engine.offline.picture_file import Pictures
from omote.engine.offline.script import Script

from .unfinished import unfinished
from .writer import Tell

TABLE = "params.csv"  # in a folder of pictures
_AXES = ("x", "y", "z")
COLUMNS: tuple[str, ...] = (
    *("index", "time_s"),
    *(f"expression_{number}" for number in range(50)),
    *(f"{part}_{axis}" for part in ("jaw_pose", "neck_pose", "eye_pose_left", "eye_pose_right") for axis in _AXES),
    *("eyelid_left", "eyelid_right"),
    *(f"translation_{axis}" for axis in _AXES),
    "presence",
)
_ROW_BYTES = 12 * len(COLUMNS)


@dataclass(frozen=True)
class ParamsTable:
    """`COLUMNS` and their numbers, with as many digits as give the same float32 back."""

    path: Path

    def check(self, script: Script, size: int) -> None:
        pass  # any script can be written

    def bytes_of(self, script: Script, size: int) -> int:
        return _ROW_BYTES * (len(script) + 1)

    def write(self, script: Script, pictures: Pictures, tell: Tell) -> None:
        with unfinished(self.path) as path, path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            for index in range(len(script)):
                numbers = np.append(script.faces[index], script.presence[index]).astype(np.float32)
                table.writerow([index, f"{script.time_s(index):.6f}", *(str(number) for number in numbers)])
        tell(len(script))
