"""The three.js page in Chromium: the portrait with alpha on a plane, and a head that follows the same face."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from omote.bridge import arkit
from omote.engine.data import Portrait, Signal, Stamp
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.offline.animation import single_character_animation
from omote.engine.offline.pictures import PictureFolder
from omote.engine.offline.writers.gltf import GltfWriter
from omote.studio.page.server import PageServer
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.running import until

from ..training.vrm_models import squares
from .node import CLIENT, require_packages

__all__ = ["browser"]
pytestmark = needs_chromium

SIDE = 64
YAW = 0.4  # radians, to the subject's left
WEIGHTS = arkit.weights({"jawOpen": 0.75, "eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5})
LIMBS = ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
REQUIRED_BONES = ("spine", "chest", "neck", "head", *(side + limb for side in ("left", "right") for limb in LIMBS))
UPPER, LOWER = (220, 40, 60), (40, 60, 220)


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def log_message(self, format: str, *arguments: object) -> None:
        """Prints nothing."""


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Omote's own head with its 52 shapes, and VRM models with one expression."""
    folder = tmp_path_factory.mktemp("heads")
    at_rest = from_weights(np.zeros(arkit.COUNT, np.float32)).vector()[None]
    animation = single_character_animation(Fraction(30), at_rest, studio_light(), "hana")
    GltfWriter(folder / "open.glb").write(animation, PictureFolder(folder, 1), lambda done: None)
    for version in (0, 1):
        (folder / f"vrm{version}.vrm").write_bytes(whole_vrm(version))
    return folder


def whole_vrm(version: int) -> bytes:
    """A model with every bone that VRM requires, as three-vrm insists."""
    glb = squares(version)
    extension = "VRMC_vrm" if version == 1 else "VRM"
    glb.json["extensionsUsed"] = [extension]
    human = glb.json["extensions"][extension]["humanoid"]["humanBones"]
    known = human if version == 1 else {one["bone"] for one in human}
    hips = glb.json["nodes"][0]
    for bone in REQUIRED_BONES:
        if bone in known:
            continue
        node = len(glb.json["nodes"])
        glb.json["nodes"].append({"name": bone})
        hips["children"].append(node)
        if version == 1:
            human[bone] = {"node": node}
        else:
            human.append({"bone": bone, "node": node})
    return glb.written()


@pytest.fixture(scope="module")
def site(heads: Path) -> Iterator[str]:
    """The folder of the client, served on loopback, with the heads under /heads/."""
    require_packages("three", "@pixiv/three-vrm")

    class Handler(Quiet):
        def translate_path(self, path: str) -> str:
            name = path.removeprefix("/heads/")
            return str(heads / name) if name != path else super().translate_path(path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=CLIENT)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def portrait(index: int) -> Portrait:
    """A disc, red above and blue below, transparent around, of a face with an open jaw, turned to its left."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    rgba = np.zeros((SIDE, SIDE, 4), np.uint8)
    inside = (rows - SIDE / 2) ** 2 + (columns - SIDE / 2) ** 2 < (SIDE * 0.4) ** 2
    rgba[inside & (rows < SIDE / 2)] = (*UPPER, 255)
    rgba[inside & (rows >= SIDE / 2)] = (*LOWER, 255)
    stamp = Stamp(index, time.perf_counter_ns(), time.time_ns())
    turn = np.array([0.0, YAW, 0.0], np.float32)
    params = from_weights(WEIGHTS, neck_pose=turn)
    return Portrait(stamp, rgba, Signal(stamp, WEIGHTS, turn), params, 1.0, studio_light())


@contextmanager
def streaming(origin: str) -> Iterator[PageServer]:
    """A page's server that is offered a portrait thirty times a second."""
    is_over = threading.Event()

    def offer() -> None:
        index = 0
        while not is_over.wait(1 / 30):
            server.offer(portrait(index))
            index += 1

    with PageServer(port=0, origins=(origin,)) as server:
        thread = threading.Thread(target=offer)
        thread.start()
        try:
            yield server
        finally:
            is_over.set()
            thread.join()


@contextmanager
def shown(browser: playwright.Browser, site: str, head: str) -> Iterator[playwright.Page]:
    """The page with this head, when both follow the face; what its scripts complain of fails the test."""
    context = browser.new_context(viewport={"width": 640, "height": 400})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with streaming(site) as server:
        page.goto(f"{site}/examples/three/index.html#{urlencode({'page': server.clean_url, 'head': f'/heads/{head}'})}")
        until(lambda: complaints or page.evaluate("globalThis.omote?.head != null"), "the head")
        before = page.evaluate("omote.faces")
        until(lambda: complaints or page.evaluate(f"omote.pictures > 1 && omote.faces > {before} + 1"), "the face")
        yield page
    context.close()
    assert not complaints


def pixels(page: playwright.Page) -> NDArray[np.uint8]:
    """[H,W,3] the window."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


def at(page: playwright.Page, x: float, y: float) -> tuple[int, int]:
    """Column and row in the window of a point of the portrait's plane, -0.5 to 0.5, y up."""
    script = f"""() => {{
      const at = omote.portrait.mesh.localToWorld(new omote.THREE.Vector3({x}, {y}, 0)).project(omote.camera);
      return [Math.round((at.x + 1) / 2 * innerWidth), Math.round((1 - at.y) / 2 * innerHeight)];
    }}"""
    column, row = page.evaluate(script)
    return int(column), int(row)


def test_portrait_is_upright_and_transparent_and_a_gltf_head_follows(browser: playwright.Browser, site: str) -> None:
    with shown(browser, site, "open.glb") as page:
        window = pixels(page)
        for (x, y), colour in (((0.0, 0.2), UPPER), ((0.0, -0.2), LOWER)):
            column, row = at(page, x, y)
            assert np.abs(window[row, column].astype(int) - colour).max() <= 2, (x, y)
        column, row = at(page, -0.47, 0.47)
        assert window[row, column].max() < 110  # the grey wall behind its corner
        shapes: dict[str, float] = page.evaluate(
            """(() => {
              const found = {};
              for (const { mesh } of omote.head.targets)
                for (const [name, at] of Object.entries(mesh.morphTargetDictionary))
                  found[name] = mesh.morphTargetInfluences[at];
              return found;
            })()"""
        )
        assert len(shapes) == arkit.COUNT
        assert shapes["jawOpen"] == pytest.approx(0.75, abs=0.02)
        assert shapes["eyeBlinkLeft"] == pytest.approx(0.5, abs=0.02)
        assert shapes["mouthSmileLeft"] == pytest.approx(0.0, abs=0.02)
        assert page.evaluate("omote.head.bone.quaternion.y") == pytest.approx(np.sin(YAW / 2), abs=1e-3)
        head = window[120:280, 400:560].reshape(-1, 3)
        assert len(np.unique(head // 8, axis=0)) > 20  # a shaded head, not the wall alone


@pytest.mark.parametrize("version", [0, 1])
def test_vrm_models_follow_by_their_expressions(browser: playwright.Browser, site: str, version: int) -> None:
    with shown(browser, site, f"vrm{version}.vrm") as page:
        found: dict[str, Any] = page.evaluate(
            """(() => {
              const { vrm } = omote.head;
              const nose = new omote.THREE.Vector3(0, 0, 1);
              vrm.scene.updateMatrixWorld(true);
              const bone = vrm.humanoid.getNormalizedBoneNode("head");
              const way = vrm.meta.metaVersion === "0" ? -1 : 1;
              nose.set(0, 0, way).transformDirection(bone.matrixWorld);
              return { blink: vrm.expressionManager.getValue("blink"), nose: nose.toArray() };
            })()"""
        )
        assert found["blink"] == pytest.approx(0.5, abs=0.02)
        # The subject's left is the right side of the window, +x, for both versions.
        assert found["nose"] == pytest.approx([np.sin(YAW), 0.0, np.cos(YAW)], abs=1e-3)
