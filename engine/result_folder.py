"""A folder for results: new or empty, or an earlier result's own, of which nothing else is touched."""

from __future__ import annotations

import os
from pathlib import Path


def prepare_folder(folder: Path, earlier: tuple[str, ...], error: type[ValueError], *, overwrite: bool) -> None:
    """Makes `folder` ready to be written into; `error` where it holds something or cannot be written to.

    With `overwrite`, what matches the patterns of an `earlier` result is removed, and nothing else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            if not overwrite:
                raise error(f"{folder} is not empty: choose another folder, or add --overwrite")
            for old in [path for pattern in earlier for path in folder.glob(pattern)]:
                old.unlink(missing_ok=True)
        trial = folder / f".omote-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as cause:
        raise error(f"cannot write to {folder} ({cause.strerror or cause}): choose another folder") from cause
