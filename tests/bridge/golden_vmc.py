"""Writes the golden vectors of what leaves without a plugin: VMC's bundles, and a Live Link packet as Omote sends it.

Run once, by hand; a committed vector never changes:
    PYTHONPATH=build python tests/bridge/golden_vmc.py
All bytes are put together here from the protocols' descriptions, not by the codecs that they test. A vector of VMC
holds the datagrams of one face, each after its length as a little-endian uint32.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"

SAID = {"jawOpen": 0.5, "mouthPucker": 0.25, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 0.25, "mouthSmileLeft": 0.5}
EXPECTED_PRESETS = {  # the arithmetic of bridge/vrm.py by hand: all exact in binary
    "A": 0.375,
    "I": 0.0,
    "U": 0.125,
    "E": 0.0,
    "O": 0.125,
    "Blink": 0.25,
    "Blink_L": 0.75,
    "Blink_R": 0.0,
    "Joy": 0.0,
    "Fun": 0.25,
    "Angry": 0.0,
    "Sorrow": 0.0,
}
HEAD_LEFT_RAD, EYES_DOWN_RAD = 0.5, 0.25  # head to the subject's left, eyes down
DEVICE, SUBJECT = "DC1A9B2E-0F5C-4D3A-9E77-0123456789AB", "Omote"
ANGLES = (HEAD_LEFT_RAD, 0.0, 0.0, 0.0, EYES_DOWN_RAD, 0.0, 0.0, EYES_DOWN_RAD, 0.0)


def padded(text: str) -> bytes:
    """An OSC string: it ends with a zero, and what follows begins at a multiple of four."""
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def message(address: str, kinds: str, *values: str | float) -> bytes:
    data = padded(address) + padded("," + kinds)
    for kind, value in zip(kinds, values, strict=True):
        data += padded(str(value)) if kind == "s" else struct.pack(">" + kind, value)
    return data


def bundles(messages: list[bytes]) -> list[bytes]:
    found = [b"#bundle\0" + struct.pack(">Q", 1)]
    for one in messages:
        if len(found[-1]) + 4 + len(one) > 1400:
            found.append(b"#bundle\0" + struct.pack(">Q", 1))
        found[-1] += struct.pack(">i", len(one)) + one
    return found


def face(names: list[str], presets: dict[str, float]) -> list[bytes]:
    to_left = (0.0, -math.sin(HEAD_LEFT_RAD / 2), 0.0, math.cos(HEAD_LEFT_RAD / 2))  # clockwise is right in Unity
    down = (math.sin(EYES_DOWN_RAD / 2), 0.0, 0.0, math.cos(EYES_DOWN_RAD / 2))
    bones = [("Head", to_left), ("LeftEye", down), ("RightEye", down)]
    pose = [message("/VMC/Ext/Bone/Pos", "sfffffff", bone, 0.0, 0.0, 0.0, *turn) for bone, turn in bones]
    values = {name: SAID.get(name[0].lower() + name[1:], 0.0) for name in names} | presets
    blends = [message("/VMC/Ext/Blend/Val", "sf", name, value) for name, value in values.items()]
    alive = [message("/VMC/Ext/OK", "i", 1), message("/VMC/Ext/T", "f", 1.5)]
    return bundles([*alive, *pose, *blends, message("/VMC/Ext/Blend/Apply", "")])


def live_link(names: list[str]) -> bytes:
    words = b"".join(struct.pack(">i", len(word)) + word for word in (DEVICE.encode(), SUBJECT.encode()))
    values = (*(SAID.get(name, 0.0) for name in names), *ANGLES)
    return b"\x06" + words + struct.pack(">ifii", 2_700_030, 0.5, 60, 1) + b"\x3d" + struct.pack(">61f", *values)


def main() -> None:
    names: list[str] = json.loads((DATA / "golden.json").read_text("utf-8"))["wire_schema"]["weights"]
    pascal = [name[0].upper() + name[1:] for name in names]
    vectors = {"vmc_face": face(names, EXPECTED_PRESETS), "vmc_face_pascal": face(pascal, {})}
    for name, parts in vectors.items():
        (DATA / f"{name}.bin").write_bytes(b"".join(struct.pack("<I", len(part)) + part for part in parts))
    (DATA / "livelink_omote.bin").write_bytes(live_link(names))
    said = {
        "shown_weights": SAID,
        "neck_pose": [0.0, HEAD_LEFT_RAD, 0.0],
        "eye_pose": [[EYES_DOWN_RAD, 0.0, 0.0]] * 2,
        "time_s": 1.5,
        "presets": EXPECTED_PRESETS,
        "livelink_omote": {
            "device_id": DEVICE,
            "subject": SUBJECT,
            "frame_number": 2_700_030,  # half a second after half past twelve, 60 a second
            "sub_frame": 0.5,
            "fps_numerator": 60,
            "fps_denominator": 1,
            "angles": list(ANGLES),
        },
    }
    (DATA / "golden_vmc.json").write_text(json.dumps(said, indent=1) + "\n", "utf-8", newline="\n")


if __name__ == "__main__":
    main()
