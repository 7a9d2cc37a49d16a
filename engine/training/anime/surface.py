"""What the kernels read and write: triangles, paint, tones and samples, as plain tuples of arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Index = NDArray[np.int32]

# Materials. Those from IRIS on are laid over the face in the order of their triangles.
SKIN, BODY, EYE_WHITE, MOUTH, TEETH, TONGUE, HAIR, PLAIN, IRIS, PUPIL, HIGHLIGHT, MARK, LASH, LIP, BROW = range(15)
FIRST_OVERLAY = IRIS
# Labels of pixels, `Picture.material`.
LABEL_NONE, LABEL_SKIN, LABEL_EYE, LABEL_MOUTH, LABEL_HAIR, LABEL_BROW, LABEL_CLOTH, LABEL_OTHER = range(8)
# Columns of `Mesh.attribute`.
SCALP, BLUSH = range(2)  # on skin: hair (dm) and blush show where positive; on the body: x, y, z at rest, neckline
ALONG, ACROSS, TINT, LATITUDE = range(4)  # on hair: root to tip, round the lock, which colour, height on the skull
# Entries of `Paint.style`.
TONES, EDGE, SHADE, RIM, GLOW, GRAIN, INK, INK_TINT, PATTERN, IS_MESH = range(10)


class Mesh(NamedTuple):
    """Triangles in the camera's frame; a corner has its own position, normal and texture point."""

    screen: Array  # [C,3] pixel x, pixel y (down), distance from the camera in dm
    normal: Array  # [C,3] unit
    uv: Array  # [C,2], v down
    attribute: Array  # [C,4]
    triangle: Index  # [T,3]
    material: NDArray[np.int8]  # [T]
    label: NDArray[np.uint8]  # [T]
    group: NDArray[np.int16]  # [T] lines are drawn between groups
    picture: NDArray[np.int8]  # [T] row of `Paint.texture`, -1 for none
    color: Array  # [T,3] sRGB 0 to 1; a factor where there is a picture


class Paint(NamedTuple):
    """A character's pictures and colours, sRGB 0 to 1."""

    texel: NDArray[np.uint8]  # [N] RGBA of every picture, one after another
    texture: NDArray[np.int64]  # [P,3] where it starts in `texel`, width, height
    skin: Array  # [3] factor on the skin picture
    skin_shade: Array  # [3] factor in the shade
    blush: Array  # [4] colour and strength
    cloth: Array  # [4,3] main, trim, jacket, choker
    jacket: bool
    choker: float  # half its height, dm; below 0 for none
    hair: Array  # [3,4,3] per tint: root, middle, tip, highlight
    hair_shade: Array  # [3]
    iris_dim: float  # how dark the upper part of the eye white is
    through: Array  # [2] how far eyes and brows show through the fringe
    ring: Array  # [3] height (radians), width and strength of the hair's highlight
    ink: Array  # [3] colour that lines are mixed with, by `INK_TINT`
    style: Array  # [10] tones 1 to 3, half width of their border (cosine), strength of the shade, of the rim light,
    # of a soft gradient, of brush marks, width of lines (1 is usual), how far lines take `ink`, pattern of the cloth,
    # whether the hair is one mesh whose locks have no edges of their own


class Tone(NamedTuple):
    """The light as two tones, and where things throw their shadow on the screen."""

    toward: Array  # [3]
    lit: Array  # [3]
    shade: Array  # [3]
    rim: Array  # [3]
    fringe: Array  # [2] samples to step right and down to meet what shades a point of the face
    chin: float  # samples to step up from the neck to the chin
    line: float  # radius of a line in samples


class Hits(NamedTuple):
    """What each sample of the picture sees."""

    depth: Array  # [H,W] dm, huge where nothing
    triangle: Index  # [H,W], -1 where nothing
    bary: Array  # [H,W,2]
    face_depth: Array  # [H,W] the same without hair
    face_material: NDArray[np.int8]  # [H,W]
    label: NDArray[np.uint8]  # [H,W]
    color: Array  # [H,W,4] sRGB, coverage
    group: NDArray[np.int16]  # [H,W] -1 where nothing
    pen: Array  # [H,W] how wide the lines of this surface are, 1 is usual
    rim: Array  # [H,W] how near this is to the edge of its lock, 0 to 1
    ink: Array  # [H,W,4] colour of a line here, coverage
    brow: Array  # [H,W,4] what is drawn over the lines: premultiplied colour, coverage
