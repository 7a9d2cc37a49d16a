"""Finds all faces in a picture, near and far, with the detector that the face tracker's model file holds."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Self

from .media import media_image
from .tracker import Picture
from .view import FAR, Box, View

DETECTOR = "face_detector.tflite"  # its name in the model file, which is an archive


class FaceFinder:
    """Looks at one picture at a time and remembers nothing; 3 ms a look. Opened by `with`."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self._task: Any = None

    def __enter__(self) -> Self:
        """OSError, ValueError, RuntimeError, KeyError or zipfile.BadZipFile where the model file is none."""
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import FaceDetector, FaceDetectorOptions

        with zipfile.ZipFile(self._model) as archive:
            detector = archive.read(DETECTOR)
        self._task = FaceDetector.create_from_options(
            FaceDetectorOptions(base_options=BaseOptions(model_asset_buffer=detector))
        )
        return self

    def __exit__(self, *error: object) -> None:
        if self._task is not None:
            self._task.close()
            self._task = None

    def faces(self, picture: Picture, view: View) -> list[Box]:
        """The faces in this view that are near enough, in pixels of the whole picture."""
        found = self._task.detect(media_image(view.cut(picture)))
        boxes = (one.bounding_box for one in found.detections)
        return [
            Box(
                view.left + box.origin_x + box.width / 2,
                view.top + box.origin_y + box.height / 2,
                (box.width + box.height) / 2,
            )
            for box in boxes
            if box.width > 0 and box.height > 0
        ]

    def far_faces(self, picture: Picture) -> list[Box]:
        """Also those that are too far to be found at once; nine looks."""
        height = picture.shape[0]
        distinct: list[Box] = []
        for view in View.tiles(picture):
            for face in self.faces(picture, view):
                is_known = any(abs(face.x - one.x) + abs(face.y - one.y) < one.size / 2 for one in distinct)
                if not is_known and face.size < 2 * FAR * height:  # a larger one is the part of a face
                    distinct.append(face)
        return distinct
