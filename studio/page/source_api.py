"""The page's requests about sources: cameras with a picture, phones with a QR code, files."""

from __future__ import annotations

import asyncio
import io
import secrets
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from omote.engine.capture.cameras import list_cameras
from omote.engine.capture.datagrams import lan_addresses
from omote.engine.capture.sources import TAKE_SUFFIX, VIDEO_SUFFIXES
from omote.engine.storage import data_folder, make_folder

from ..app.session import StudioSession, as_control_errors, failed_request
from ..app.sources import PHONE_KINDS
from ..app.validation import Arguments, choice_argument, invalid_argument, text_argument

MAX_FILE_BYTES = 8 << 30
PART_TIMEOUT_S = 20.0  # for the next part of a file
MAX_STILL_WIDTH = 320
PLAYED_FOLDER = "played"  # in the data folder; it holds the last file from the page


Endpoint = Callable[[Request], Awaitable[Response]]


class SourceApi:
    """The handlers of /api/cameras, /api/phones and /api/source/..."""

    def __init__(self, studio: StudioSession) -> None:
        self._studio = studio
        self._arriving: set[Path] = set()  # folders of files that arrive, or are not played yet
        self._playing = asyncio.Lock()

    def use_phone(self, arguments: Arguments) -> None:
        """Listens to an app, or asks the phone with the address `phone`."""
        kind = choice_argument(arguments, "source", PHONE_KINDS)
        self._studio.use_phone(kind, text_argument(arguments, "phone", default="").strip())

    async def cameras(self, request: Request) -> Response:
        """The cameras by number and name, none of which is opened."""
        with as_control_errors():
            found = await run_in_threadpool(list_cameras)
        return JSONResponse({"error": "", "cameras": [{"index": one.index, "name": one.name} for one in found]})

    async def still(self, request: Request) -> Response:
        """A small JPEG of one camera."""
        with as_control_errors():
            picture = await run_in_threadpool(self._studio.camera_still, request.path_params["index"])
        shown = Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))
        shown.thumbnail((MAX_STILL_WIDTH, MAX_STILL_WIDTH))
        jpeg = io.BytesIO()
        shown.save(jpeg, "JPEG", quality=80)
        return Response(jpeg.getvalue(), media_type="image/jpeg")

    async def addresses(self, request: Request) -> Response:
        """The addresses at which a phone may reach this machine, the likeliest first."""
        found = await run_in_threadpool(lan_addresses)
        return JSONResponse({"error": "", "addresses": list(found)})

    async def qr_code(self, request: Request) -> Response:
        """A QR code of one of this machine's addresses, as SVG."""
        address = request.path_params["address"]
        if address not in await run_in_threadpool(lan_addresses):
            raise invalid_argument("this is not an address of this machine")
        import segno

        svg = io.BytesIO()
        segno.make(address, micro=False).save(svg, kind="svg", scale=8, border=2, light="#ffffff", xmldecl=False)
        return Response(svg.getvalue(), media_type="image/svg+xml")

    async def play_file(self, request: Request) -> Response:
        """Keeps the video or the take in the body, and plays it."""
        name = _checked_name(request.query_params.get("name", ""))
        folder = data_folder() / PLAYED_FOLDER / secrets.token_hex(4)
        await run_in_threadpool(make_folder, folder)
        self._arriving.add(folder)
        try:
            await _save_body(request, folder / name)
            async with self._playing:  # so that the file that is played is the one that is kept
                with as_control_errors():
                    await run_in_threadpool(self._studio.use_file, folder / name)
                await run_in_threadpool(self._remove_earlier, folder.parent)
        except BaseException:
            await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
            raise
        finally:
            self._arriving.discard(folder)
        return JSONResponse({"error": ""})

    def _remove_earlier(self, played: Path) -> None:
        """Removes the files that were played before; those that still arrive stay."""
        for folder in played.iterdir():
            if folder not in self._arriving:
                shutil.rmtree(folder, ignore_errors=True)

    def endpoints(self) -> tuple[tuple[str, Endpoint, str], ...]:
        """Path, endpoint and method of each."""
        return (
            ("/api/cameras", self.cameras, "GET"),
            ("/api/cameras/{index:int}/picture", self.still, "GET"),
            ("/api/phones/addresses", self.addresses, "GET"),
            ("/api/phones/addresses/{address}/qr", self.qr_code, "GET"),
            ("/api/source/file", self.play_file, "POST"),
        )


def _checked_name(name: str) -> str:
    """The name of a file that can be played, without any folder."""
    base = name.replace("\\", "/").rpartition("/")[2]
    suffix = Path(base).suffix.lower()
    if not base.isprintable() or suffix not in (TAKE_SUFFIX, *VIDEO_SUFFIXES):
        wanted = ", ".join((*VIDEO_SUFFIXES, TAKE_SUFFIX))
        raise invalid_argument(f'"name" must be the name of a video or a take, with one of {wanted}; got {base[:40]!r}')
    stem = "".join(one if one.isalnum() or one in " ._-()" else "_" for one in Path(base).stem).strip(" .")
    return f"{stem[:60] or 'file'}{suffix}"


async def _save_body(request: Request, path: Path) -> None:
    """Writes the body into this new file; ControlError if it is too long or breaks off."""
    size = 0
    with path.open("xb") as file:
        try:
            async with asyncio.timeout(PART_TIMEOUT_S) as limit:
                async for part in request.stream():
                    size += len(part)
                    if size > MAX_FILE_BYTES:
                        raise failed_request(f"the file is larger than {MAX_FILE_BYTES >> 30} GiB")
                    await run_in_threadpool(file.write, part)
                    limit.reschedule(asyncio.get_running_loop().time() + PART_TIMEOUT_S)
        except TimeoutError as error:
            raise failed_request(f"no part of the file came for {PART_TIMEOUT_S:.0f} s") from error
        except ClientDisconnect as error:
            raise failed_request("the file did not arrive whole") from error
        except OSError as error:
            raise failed_request(f"the file cannot be kept in {path.parent.parent}: {error.strerror}") from error
