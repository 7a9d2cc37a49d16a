"""A local file for OBS that waits for Omote, so that either may be started first."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from omote.engine.storage import write_text

OBS_PAGE = "omote-obs.html"

log = logging.getLogger(__name__)

# It opens a WebSocket until one is accepted, since a request to a server that is not there would show an error page.
# The clean page itself reconnects whenever Omote is started again.
_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Omote, waiting</title>
    <style>html, body {{ margin: 0; background: transparent; }}</style>
    <script>
      const clean = {clean};
      function wait() {{
        const socket = new WebSocket(clean.replace("http", "ws").replace("/clean", "/pictures"));
        socket.onopen = () => location.replace(clean);
        socket.onclose = () => setTimeout(wait, 1000);
      }}
      wait();
    </script>
  </head>
  <body></body>
</html>
"""


def write_obs_page(folder: Path, clean_url: str) -> Path | None:
    """Writes the file for this address of the clean page, readable only by the user; None if that fails.

    The file holds the token that allows watching, as the address does.
    """
    path = folder / OBS_PAGE
    try:
        write_text(path, _PAGE.format(clean=json.dumps(clean_url)), is_private=True)
    except OSError as error:
        log.warning("%s cannot be written (%s): use the address of the clean page in OBS", path, error)
        return None
    return path
