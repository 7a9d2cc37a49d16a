"""The camera that was chosen on the page, and where it is now among those that are plugged in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from omote.bridge.control import ControlError
from omote.engine.capture.cameras import Camera, CameraFormat, webcam_spec

from .validation import Arguments, checked_number

_MOST_TEXT = 120


@dataclass(frozen=True)
class CameraChoice:
    """A camera and its format. It is found again by its name, because a camera's number changes with the plugs."""

    camera: Camera
    format: CameraFormat

    def spec(self, cameras: Sequence[Camera]) -> str:
        """The source to open, with these cameras plugged in; the number that it had if none has its name."""
        same_name = [one for one in cameras if one.name == self.camera.name]
        same_place = [one for one in same_name if one.path == self.camera.path]
        found = next(iter((*same_place, *same_name)), self.camera)
        return webcam_spec(found.index, self.format)

    def as_json(self) -> dict[str, object]:
        """The same as JSON values."""
        return {**asdict(self.camera), **asdict(self.format)}


def read_camera_choice(data: object) -> CameraChoice | None:
    """Parses what `as_json` wrote, or null; ValueError if it is something else."""
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise ValueError(f"it must be an object or null, got {type(data).__name__}")
    name, path = data.get("name"), data.get("path")
    for text in (name, path):
        if not isinstance(text, str) or len(text) > _MOST_TEXT or not text.isprintable():
            raise ValueError('"name" and "path" must be texts of a camera')
    try:
        return CameraChoice(Camera(_index(data), str(name), str(path)), _format(data))
    except ControlError as error:
        raise ValueError(error.message) from error


def chosen_camera(arguments: Arguments, cameras: Sequence[Camera]) -> CameraChoice:
    """The choice in a request, with "camera" (its number), "width", "height", "fps" and "reads_mouth"."""
    index = _index({"index": arguments.get("camera")})
    found = next((one for one in cameras if one.index == index), Camera(index, f"Camera {index}", ""))
    return CameraChoice(found, _format(arguments))


def _index(data: Mapping[str, object]) -> int:
    return int(checked_number(data.get("index"), "the number of a camera", 0, 99))


def _format(data: Mapping[str, object]) -> CameraFormat:
    usual = CameraFormat()
    width, height, fps = (data.get(name, getattr(usual, name)) for name in ("width", "height", "fps"))
    return CameraFormat(
        int(checked_number(width, '"width"', 16, 7680)),
        int(checked_number(height, '"height"', 16, 7680)),
        checked_number(fps, '"fps"', 1, 1000),
        data.get("reads_mouth", False) is True,
    )
