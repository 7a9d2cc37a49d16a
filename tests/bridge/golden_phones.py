"""Writes the golden vectors of what phones and trackers send: `phone_*.bin`, one datagram each, and what it says.

Run once, by hand; a committed vector never changes:
    PYTHONPATH=build python -m tests.bridge.golden_phones
All bytes are put together here from the protocols' descriptions, not by the codecs that they test. What they say is in
`golden_phones.json`, in the app's own units.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

from .golden_vmc import bundles, message

DATA = Path(__file__).resolve().parents[1] / "data"

# iFacialMocap's own page has this head and these eyes; half the weights are missing from a datagram of its.
HEAD = "-21.488958,-6.038993,-6.6019735,-0.030653415,-0.10287084,-0.6584072"
EYES = "rightEye#6.0297494,2.4403017,0.25649446|leftEye#6.034903,-1.6660284,-0.17520553"
HUNDREDTHS = {
    "mouthSmile_R": 25,
    "eyeBlink_L": 100,
    "jawOpen": 50,
    "jawLeft": 12,
    "mouthUpperUp_L": 11,
    "browInnerUp": 0,
}
FULL_NAMES = {"mouthSmileRight": 25, "eyeBlinkLeft": 100, "jawOpen": 50, "jawLeft": -3, "FM_eyeLook": 7}

SHAPES = {"JawOpen": 0.5, "EyeBlinkLeft": 1.0, "MouthSmileRight": 0.25, "TongueOut": 0.0}
ROTATION = {"x": 12.5, "y": -6.25, "z": 3.125}

PRESETS = {"A": 0.375, "O": 0.125, "U": 0.125, "Blink": 0.25, "Blink_L": 0.75, "Fun": 0.25}
VRM1 = {"aa": 0.5, "blinkLeft": 1.0, "happy": 0.5, "surprised": 0.25}

# What OpenSeeFace's own arithmetic makes of a head that is seen from 70 cm, turned by (0.2, -0.3, 0.25), 8 cm to the
# subject's left of the middle and 5 cm below: solved once with OpenCV's solvePnP, its head model and its camera.
QUATERNION = (0.7662879219, -0.5883736106, 0.2547975232, -0.0412011808)
TRANSLATION = (-0.2753585273, 1.2250350430, 5.1202328014)
FEATURES = (0.5, -1.0, 0.0, 0.75, 0.0, 0.0, -0.5, 0.0, -0.25, 0.0, 0.5, 0.0, 0.625, -0.5)


def of_text(values: dict[str, int], between: str, status: str = "") -> bytes:
    fields = [*(f"{name}{between}{value}" for name, value in values.items()), *([status] if status else [])]
    return ("|".join([*fields, f"=head#{HEAD}", EYES]) + "|").encode()


def of_vtube_studio() -> bytes:
    said = {
        "Timestamp": 1700000000123,
        "Hotkey": -1,
        "FaceFound": True,
        "Rotation": ROTATION,
        "Position": {"x": 1.0, "y": 2.0, "z": 3.0},
        "BlendShapes": [{"k": name, "v": value} for name, value in SHAPES.items()],
        "EyeLeft": {"x": 0.0, "y": 0.0, "z": 0.0},
        "EyeRight": {"x": 0.0, "y": 0.0, "z": 0.0},
    }
    return json.dumps(said).encode()


def of_openseeface(face_id: int, left_open: float) -> bytes:
    """One record: the right eye comes first where both do, the pupils look straight ahead."""
    parts = [
        struct.pack("<di", 1700000000.5, face_id),
        struct.pack("<2f", 640.0, 480.0),
        struct.pack("<2f", 0.25, left_open),
        struct.pack("<B", 1),
        struct.pack("<f", 12.5),
        struct.pack("<4f", *QUATERNION),
        struct.pack("<3f", 0.0, 0.0, 90.0),
        struct.pack("<3f", *TRANSLATION),
        struct.pack("<68f", *([0.75] * 68)),
        struct.pack("<136f", *([10.0, 20.0] * 68)),
        struct.pack("<210f", *([0.0] * 198), *PUPILS),
        struct.pack("<14f", *FEATURES),
    ]
    return b"".join(parts)


# Right and left pupil, right and left eyeball, as they are sent: x to the subject's right, y down, z into the head.
PUPILS = (0.0, 0.0, -0.1, -0.03, 0.02, -0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def of_vmc(values: dict[str, float]) -> list[bytes]:
    half = math.radians(30) / 2
    neck = (math.sin(half), 0.0, 0.0, math.cos(half))  # 30 degrees down, and the head as much to the left
    head = (0.0, -math.sin(half), 0.0, math.cos(half))
    bones = [("Hips", (0.0, 1.0, 0.0, 0.0)), ("Neck", neck), ("Head", head)]
    return bundles(
        [
            message("/VMC/Ext/OK", "iiii", 1, 3, 0, 1),
            message("/VMC/Ext/Root/Pos", "sfffffff", "root", *([0.0] * 6), 1.0),
            *(message("/VMC/Ext/Bone/Pos", "sfffffff", name, 0.0, 0.0, 0.0, *turn) for name, turn in bones),
            *(message("/VMC/Ext/Blend/Val", "sf", name, value) for name, value in values.items()),
            message("/VMC/Ext/Blend/Apply", ""),
        ]
    )


def main() -> None:
    vectors = {
        "phone_ifacialmocap_v1": of_text(HUNDREDTHS, "-"),
        "phone_ifacialmocap_v2": of_text(HUNDREDTHS | {"jawLeft": -5}, "&"),
        "phone_facemotion3d": of_text(FULL_NAMES, "&", "trackingStatus&1"),
        "phone_facemotion3d_no_face": of_text(FULL_NAMES, "&", "trackingStatus&0"),
        "phone_vtubestudio": of_vtube_studio(),
        "phone_vtubestudio_no_face": b'{"Timestamp":1700000000123,"Hotkey":-1,"FaceFound":false}',
        "phone_openseeface": of_openseeface(3, 0.5) + of_openseeface(1, 0.75),
        "phone_vmc_vrm0": of_vmc(PRESETS)[0],
        "phone_vmc_vrm1": of_vmc(VRM1)[0],
    }
    for name, data in vectors.items():
        (DATA / f"{name}.bin").write_bytes(data)
    said = {
        "head_deg": [-21.488958, -6.038993, -6.6019735],
        "head_m": [-0.030653415, -0.10287084, -0.6584072],
        "ifacialmocap_v1": {"mouthSmileRight": 0.25, "eyeBlinkLeft": 1.0, "jawOpen": 0.5, "jawLeft": 0.12},
        "facemotion3d": {"mouthSmileRight": 0.25, "eyeBlinkLeft": 1.0, "jawOpen": 0.5, "jawLeft": -0.03},
        "vtubestudio": {"jawOpen": 0.5, "eyeBlinkLeft": 1.0, "mouthSmileRight": 0.25, "tongueOut": 0.0},
        "rotation_deg": [12.5, -6.25, 3.125],
        "presets": PRESETS,
        "vrm1": VRM1,
        "openseeface": {
            "face_id": 1,
            "left_open": 0.75,
            "right_open": 0.25,
            "quaternion": QUATERNION,
            "translation": TRANSLATION,
            "features": FEATURES,
        },
    }
    (DATA / "golden_phones.json").write_text(json.dumps(said, indent=1) + "\n", "utf-8", newline="\n")


if __name__ == "__main__":
    main()
