"""Draws the pictures of the poses of a calibration: python tools/run.py tools/poses.py"""

import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "studio" / "page" / "static" / "poses"
SIDE = 320  # pixels
LEFT, TOP, SHARE = 0.2, 0.24, 0.6  # the part of a portrait that is shown: the face
QUALITY = 82  # of WebP: some 10 kB a picture


def main() -> int:
    """Replaces all pictures, and removes those without a pose."""
    from PIL import Image

    from omote.bridge import arkit
    from omote.calibration.poses import POSES
    from omote.engine.face.light import studio_light
    from omote.engine.face.retarget import from_weights
    from omote.engine.model.animator import Animator
    from omote.engine.model.character_file import DEFAULT_CHARACTER, load_any_character

    animator = Animator(runtime="openvino", consistency=False)
    character = load_any_character(DEFAULT_CHARACTER)
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.webp"):
        old.unlink()
    for pose in POSES:
        portrait = animator.draw(from_weights(arkit.weights(dict(pose.drawn))), character, studio_light())
        whole = Image.fromarray(portrait.rgba)
        left, top, side = (share * whole.width for share in (LEFT, TOP, SHARE))
        face = (left, top, left + side, top + side)
        picture = whole.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=face)
        picture.save(FOLDER / f"{pose.name}.webp", quality=QUALITY, method=6)
    print(f"{len(POSES)} pictures, {sum(one.stat().st_size for one in FOLDER.iterdir())} bytes in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
