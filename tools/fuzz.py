"""Changes valid files and messages in many ways and reads them: each is accepted, or refused with an error of Omote's.

    python tools/run.py tools/fuzz.py --count 200000
    python tools/run.py tools/fuzz.py --only timeline,actor --seed 7

Prints how many were accepted and refused, and each other error once, with the input that raised it. The same count and
seed give the same inputs. Exits with 1 if there was another error, or if one reading took longer than `SLOW_S`.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import struct
import sys
import tempfile
import time
import tomllib
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgpack
import numpy as np
from PIL import Image

from omote.bridge import frame, ifacialmocap, livelink, openseeface, vmc, vtubestudio_phone
from omote.bridge.control.message import decode_reply, decode_request
from omote.bridge.errors import OmoteError
from omote.bridge.keys import ClientKeys, make_client, make_server
from omote.calibration.actor_file import Provenance, load_actor, save_actor
from omote.engine.capture.openseeface import OpenSeeFace
from omote.engine.capture.phones import IFacialMocap, LiveLink, VTubeStudio
from omote.engine.capture.sources import DEMO
from omote.engine.capture.take import read_take
from omote.engine.capture.vmc import Vmc
from omote.engine.data import Actor
from omote.engine.images import uploaded_drawing, uploaded_picture
from omote.engine.model.character_file import load_any_character, save_character
from omote.engine.offline.timeline import read_timeline
from omote.engine.testing.drawing import painted_character
from omote.studio.app.config import load_config
from omote.studio.app.settings import Settings, load_settings
from omote.studio.app.validation import expression_argument

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "tests" / "data"
SLOW_S = 5.0  # of the processor's time, for one input
_MOST_SHOWN = 20  # other errors

# What a hostile file might hold where a number, a text, a list or a table is.
_DEEP = "[" * 20_000 + "]" * 20_000
VALUES: tuple[object, ...] = (
    *(None, True, -1, 0, 1, 10**30, -(10**400), 0.5, 1e308, -1e308, 5e-324, float("nan"), float("inf")),
    *("", "\x1b]52;c;aGk=\x07", "x" * 5000, "\u202egnp.exe", "../../../etc/passwd", "\0", "NaN", "1e999", "hana"),
    *([], {}, [[]] * 50, {"at": 0}, [None] * 300, {"": {"": {}}}, [0.1] * 52, [1e300] * 67),
)
WORDS: tuple[bytes, ...] = (
    *(b"nan", b"inf", b"-inf", b"1e999", b"-1", b"99999999999999999999", b"1" * 5000, b"true", b"''", b'""', b"[]"),
    *(
        b"{}",
        b"\xff\xfe",
        b"\0",
        b"\x1b[2J",
        b"\n\n[",
        b"=",
        b'"',
        b"'''",
        b"#",
        b",,,,",
        b"00:00:00:00",
        _DEEP.encode(),
    ),
)


# Changing bytes.

Mutation = Callable[[bytes, Random], bytes]


def flipped(data: bytes, random: Random) -> bytes:
    """A few other bytes."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4) if data else 0):
        changed[random.randrange(len(data))] ^= random.randint(1, 255)
    return bytes(changed)


def flipped_head(data: bytes, random: Random) -> bytes:
    """A few other bytes at the beginning, where headers are."""
    return flipped(data[:400], random) + data[400:]


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def grown(data: bytes, random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.randbytes(random.randint(1, 40)) + data[at:]


def renumbered(data: bytes, random: Random) -> bytes:
    """Other digits, in what is still text."""
    changed = bytearray(data)
    digits = [at for at, byte in enumerate(data) if byte in b"0123456789"]
    for at in random.sample(digits, min(len(digits), random.randint(1, 4))):
        changed[at] = random.choice(b"0123456789.-e")
    return bytes(changed)


def reworded(data: bytes, random: Random) -> bytes:
    """A hostile word in place of one of the text."""
    at = random.randint(0, len(data))
    return data[:at] + random.choice(WORDS) + data[at + random.choice((0, 1, 4, 12)) :]


def rearranged(data: bytes, random: Random) -> bytes:
    """Lines that are missing, doubled or elsewhere."""
    lines = data.split(b"\n")
    for _ in range(random.randint(1, 3)):
        line = lines.pop(random.randrange(len(lines))) if lines else b""
        for _ in range(random.randint(0, 2)):
            lines.insert(random.randint(0, len(lines)), line)
    return b"\n".join(lines)


def restructured(data: bytes, random: Random) -> bytes:
    """Another value or key in JSON."""
    try:
        return json.dumps(_with_another_value(json.loads(data), random)).encode()
    except (ValueError, RecursionError):
        return flipped(data, random)


def repacked(data: bytes, random: Random) -> bytes:
    """Another value or key in msgpack."""
    try:
        return bytes(msgpack.packb(_with_another_value(msgpack.unpackb(data), random)))
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException):
        return flipped(data, random)


def relabelled(data: bytes, random: Random) -> bytes:
    """Another value or key in the JSON header of safetensors."""
    length = int.from_bytes(data[:8], "little")
    header = restructured(data[8 : 8 + length], random)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def reworded_label(data: bytes, random: Random) -> bytes:
    """Another value in Omote's own words, which are JSON in the header of safetensors."""
    length = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + length])
        header["__metadata__"]["omote"] = restructured(header["__metadata__"]["omote"].encode(), random).decode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return flipped(data, random)
    words = json.dumps(header).encode()
    return struct.pack("<Q", len(words)) + words + data[8 + length :]


def _with_another_value(document: object, random: Random) -> object:
    """The document with a value or a key replaced, at any depth."""
    if isinstance(document, dict) and document and random.random() < 0.8:
        key = random.choice(list(document))
        if random.random() < 0.1:
            return {**document, random.choice(("", "other", "\x1b[2J", "at")): random.choice(VALUES)}
        return {**document, key: _with_another_value(document[key], random)}
    if isinstance(document, list) and document and random.random() < 0.8:
        at = random.randrange(len(document))
        return [*document[:at], _with_another_value(document[at], random), *document[at + 1 :]]
    return random.choice(VALUES)


BYTES: tuple[Mutation, ...] = (flipped, cut, grown)
TEXT: tuple[Mutation, ...] = (*BYTES, renumbered, reworded, reworded, rearranged)
JSON: tuple[Mutation, ...] = (*TEXT, restructured, restructured, restructured)


# What is read.


@dataclass(frozen=True)
class Target:
    """One kind of input: valid ones, how they are changed, and what reads them."""

    name: str
    seeds: tuple[bytes, ...]
    mutations: tuple[Mutation, ...]
    read: Callable[[bytes], object]
    share: int = 1  # of the inputs


def targets(folder: Path) -> tuple[Target, ...]:
    """All kinds of inputs; files are written to this folder before they are read."""

    def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
        def write_and_read(data: bytes) -> object:
            path = folder / name
            path.write_bytes(data)
            return read(path)

        return write_and_read

    csv, sidecar = _take_seed()
    (folder / "beside.csv").write_bytes(csv)
    stored = {path.stem: path.read_bytes() for path in VECTORS.glob("*.bin")}
    phone = {
        "livelink": (livelink.decode, LiveLink, ("livelink_",)),
        "ifacialmocap": (ifacialmocap.decode, IFacialMocap, ("phone_ifacial", "phone_facemotion")),
        "vtubestudio": (vtubestudio_phone.decode, VTubeStudio, ("phone_vtube",)),
        "openseeface": (openseeface.decode, OpenSeeFace, ("phone_openseeface",)),
        "vmc": (vmc.decode, Vmc, ("phone_vmc",)),
    }
    phones = tuple(
        Target(
            name,
            tuple(data for stem, data in sorted(stored.items()) if stem.startswith(starts)),
            JSON if name == "vtubestudio" else TEXT if name == "ifacialmocap" else BYTES,
            _phone_reader(decode, protocol),
            2,
        )
        for name, (decode, protocol, starts) in phone.items()
    )
    requests, replies = (
        tuple(b"".join(_parts(data)) for stem, data in sorted(stored.items()) if stem.startswith(f"control_{kind}_"))
        for kind in ("request", "reply")
    )
    return (
        Target(
            "character",
            (_character_seed(folder),),
            (*BYTES, flipped_head, relabelled, reworded_label),
            in_file("a.omote", load_any_character),
        ),
        Target("take", (csv,), TEXT, in_file("take.csv", read_take), 2),
        Target(
            "take's JSON", (sidecar,), JSON, in_file("beside.json", lambda path: read_take(path.with_suffix(".csv"))), 2
        ),
        Target("timeline", (_timeline_seed(),), TEXT, in_file("a.toml", read_timeline), 2),
        Target(
            "timeline in JSON",
            (json.dumps(tomllib.loads(_timeline_seed().decode())).encode(),),
            JSON,
            in_file("a.json", read_timeline),
            2,
        ),
        Target("photo", _photo_seeds(), (*BYTES, flipped_head, flipped_head), uploaded_picture, 2),
        Target("drawing", _photo_seeds(), (*BYTES, flipped_head), uploaded_drawing),
        Target("config.toml", (_CONFIG,), TEXT, in_file("config.toml", load_config), 2),
        Target(
            "settings",
            (json.dumps(Settings().as_json()).encode(),),
            JSON,
            in_file("page.json", _settings_reader(folder)),
            2,
        ),
        Target("actor", (_actor_seed(folder),), JSON, in_file("actor.json", load_actor), 2),
        Target("key", _key_seeds(folder), TEXT, in_file("client.toml", ClientKeys.load)),
        Target("request", requests, (*BYTES, repacked, repacked), _request_reader, 2),
        Target("reply", replies, (*BYTES, repacked), decode_reply),
        Target(
            "wire",
            tuple(_parts(stored["wire_params"])[-1:]),
            (*BYTES, repacked),
            lambda data: frame.decode([b"p/omote", _parts(stored["wire_params"])[1], data]),
        ),
        *phones,
    )


def _parts(data: bytes) -> list[bytes]:
    """The parts of a stored message of ZeroMQ."""
    parts = []
    while data:
        (length,) = struct.unpack_from("<I", data)
        parts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return parts


def _phone_reader(decode: Callable[[bytes], object], protocol: Callable[[], object]) -> Callable[[bytes], object]:
    """Decodes a datagram and makes a face of it, as the source does; the protocol remembers earlier ones."""
    own = protocol()

    def read(data: bytes) -> object:
        packet = decode(data)
        own.device(packet), own.has_face(packet)  # type: ignore[attr-defined]
        return own.update(packet, 1_000_000_000)  # type: ignore[attr-defined]

    return read


def _request_reader(data: bytes) -> object:
    request = decode_request(data)
    return expression_argument(request.arguments) if "name" in request.arguments else request


def _settings_reader(folder: Path) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        try:
            return load_settings(folder)
        finally:
            for left in folder.glob("page*"):  # damaged files are set aside
                left.unlink()

    return read


def _character_seed(folder: Path) -> bytes:
    path = folder / "seed.omote"
    save_character(painted_character("seed", side=256), path)
    return path.read_bytes()


def _take_seed() -> tuple[bytes, bytes]:
    """The first rows of the demo, and the JSON beside it."""
    rows = DEMO.read_bytes().split(b"\n")[:13]
    beside = json.loads(DEMO.with_suffix(".json").read_bytes())
    few = {key: value[:12] if isinstance(value, list) else value for key, value in beside.items()}
    return b"\n".join(rows) + b"\n", json.dumps(few).encode()


def _timeline_seed() -> bytes:
    """The example of docs/timelines.md."""
    text = (ROOT / "docs" / "timelines.md").read_text(encoding="utf-8")
    return text.split("```toml\n", 1)[1].split("```", 1)[0].encode()


def _photo_seeds() -> tuple[bytes, ...]:
    ramp = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)
    colours = Image.fromarray(np.stack([ramp, ramp.T.copy().reshape(48, 64), 255 - ramp], -1))
    files = []
    for image, kind, options in (
        (colours, "JPEG", {"exif": Image.Exif().tobytes(), "quality": 80}),
        (colours, "JPEG", {"progressive": True}),
        (colours, "PNG", {}),
        (colours.convert("P"), "PNG", {"transparency": 3}),
        (Image.fromarray(ramp.astype(np.uint16) * 257), "PNG", {}),
        (colours, "WEBP", {"lossless": True}),
        (colours.convert("RGBA"), "WEBP", {"quality": 50}),
    ):
        file = io.BytesIO()
        image.save(file, kind, **options)
        files.append(file.getvalue())
    return tuple(files)


_CONFIG = b"""source = "webcam:1"
character = "aoi"
size = 512
fps = 30
budget_ms = 60.0
page_port = 8765
record = "~/evening.csv"
out = ["vmc://127.0.0.1", "vts"]
curve = false
guidance = 1.0
"""


def _actor_seed(folder: Path) -> bytes:
    path = folder / "seed.json"
    save_actor(Actor("someone", thresholds=(("smile", 0.5),)), path, Provenance("webcam 0", "2026-11-25"))
    return path.read_bytes()


def _key_seeds(folder: Path) -> tuple[bytes, ...]:
    server = make_server(folder / "keys")
    make_client(server, "pc", folder / "pc.toml")
    return ((folder / "pc.toml").read_bytes(),)


# The run.


@dataclass
class Outcome:
    """What came of one target's inputs."""

    accepted: int = 0
    refused: int = 0
    others: Counter[str] = field(default_factory=Counter)  # other errors, by where they were raised
    examples: dict[str, tuple[bytes, str]] = field(default_factory=dict)  # an input and a traceback of each


def run(target: Target, count: int, seed: int) -> Outcome:
    """Reads so many changed inputs."""
    outcome, random = Outcome(), Random(f"{target.name} {seed}")
    for _ in range(count):
        data = random.choice(target.seeds)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            data = random.choice(target.mutations)(data, random)
        began_s = time.process_time()
        try:
            target.read(data)
            outcome.accepted += 1
        except OmoteError as error:
            outcome.refused += 1
            if not str(error).strip() or any(ord(one) < 32 and one not in "\n\t" for one in str(error)):
                _note(outcome, f"unprintable message: {str(error)!r:.80}", data, repr(error))
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            _note(
                outcome,
                f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}",
                data,
                traceback.format_exc(),
            )
        if (took_s := time.process_time() - began_s) > SLOW_S:
            _note(outcome, f"slow: over {SLOW_S:g} s", data, f"{took_s:.1f} s")
    return outcome


def _note(outcome: Outcome, what: str, data: bytes, text: str) -> None:
    outcome.others[what] += 1
    outcome.examples.setdefault(what, (data, text))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="inputs of all kinds together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="kinds, with commas between them")
    typed = parser.parse_args(words)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="omote-fuzz-") as folder:
        known = targets(Path(folder))
        chosen = [one for one in known if not typed.only or one.name in typed.only.split(",")]
        if not chosen:
            parser.error(f"there are {', '.join(one.name for one in known)}")
        shares, is_clean = sum(one.share for one in chosen), True
        print(f"{'input':18}{'accepted':>10}{'refused':>10}{'other errors':>14}")
        for target in chosen:
            outcome = run(target, -(-typed.count * target.share // shares), typed.seed)
            print(
                f"{target.name:18}{outcome.accepted:10}{outcome.refused:10}{sum(outcome.others.values()):14}",
                flush=True,
            )
            for what, times in outcome.others.most_common(_MOST_SHOWN):
                is_clean = False
                data, text = outcome.examples[what]
                print(f"  {times} x {what}\n    {data[:200]!r}\n    {text.strip()[-600:]}", flush=True)
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
