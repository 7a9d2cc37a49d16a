"""MediaPipe's form of a picture."""

from __future__ import annotations

from typing import Any

import cv2

from .tracker import Picture


def media_image(picture: Picture) -> Any:
    """MediaPipe's image, red first."""
    from mediapipe import Image, ImageFormat

    return Image(ImageFormat.SRGB, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
