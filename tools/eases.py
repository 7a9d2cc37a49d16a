"""Draws the value and the velocity of each ease for docs/timelines.md: python tools/run.py tools/eases.py"""

import sys
from pathlib import Path

FILE = Path(__file__).parents[1] / "docs" / "eases.png"
FINER = 4  # drawn larger by this factor and then reduced, for smooth lines
WIDTH, HEIGHT, MARGIN, LABEL = 150, 110, 12, 20  # pixels of one ease
PAPER, FRAME, INK, FAINT = "#ffffff", "#cccccc", "#1f4e8c", "#e08a2c"
# Two changes of a second each, the second smaller, to show which eases flow through a key.
KEYS = (0.0, 1.0, 1.6)
MAX_SPEED = 2.5  # units a second, at the upper edge


def main() -> int:
    """Replaces the picture, with the value over time in blue and the velocity in orange."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from omote.engine.offline.keyframes import EASES, Track

    cell, height = WIDTH * FINER, (HEIGHT + LABEL) * FINER
    image = Image.new("RGB", (cell * len(EASES), height), PAPER)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(12 * FINER)
    time_s = np.linspace(0.0, 2.0, 801)
    for place, ease in enumerate(EASES):
        track = Track(np.arange(3.0), np.array(KEYS)[:, None], (ease,) * 3)
        value = track.at(time_s)[:, 0]
        left, top, side = place * cell + MARGIN * FINER, MARGIN * FINER, (WIDTH - 2 * MARGIN) * FINER
        low = HEIGHT * FINER
        pen.rectangle((left, top, left + side, low), outline=FRAME, width=FINER)
        pen.line((left + side / 2, top, left + side / 2, low), FRAME, FINER)
        across = left + side * time_s / 2.0
        if ease != "cut":
            speed = np.gradient(value, time_s)
            pen.line(list(zip(across, low - (low - top) * speed / MAX_SPEED, strict=True)), FAINT, 2 * FINER)
        pen.line(list(zip(across, low - (low - top) * value / KEYS[-1] * 0.96, strict=True)), INK, 2 * FINER)
        pen.text((left + side / 2, low + LABEL * FINER / 2), ease, "black", font, anchor="mm")
    small = image.resize((image.width // FINER, image.height // FINER), Image.Resampling.LANCZOS)
    small.quantize(32).save(FILE, optimize=True)
    print(f"{FILE.stat().st_size} bytes in {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
