"""A chat bot for Omote: "!throw tomato" and "!smile" in a chat throw a picture and show an expression.

    pip install websockets
    python chat_items.py

The lines of the chat come from standard input; put your chat's library there. At the first start the control page asks
whether to allow the program; the token is then kept in chat_items.token.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

APP, DEVELOPER, WANTS = "Chat items", "an example", ["expressions", "items"]


def introduce(client: ClientConnection, token_file: Path) -> None:
    """Says who we are, and waits until the user has allowed it; SystemExit if it was denied."""
    token = token_file.read_text("utf-8").strip() if token_file.exists() else ""
    client.send(json.dumps({"app": APP, "developer": DEVELOPER, "wants": WANTS, "token": token}))
    answer = json.loads(client.recv())
    if answer["type"] == "asking":
        print("Allow me on Omote's control page.", file=sys.stderr)
        answer = json.loads(client.recv())
    if answer["type"] != "welcome":
        sys.exit(f"Omote did not let me in: {answer}")
    if "token" in answer:
        token_file.touch(mode=0o600)  # the token lets its holder do what was allowed
        token_file.write_text(answer["token"], "utf-8")


def request_of(line: str) -> dict[str, object] | None:
    """What a line of the chat asks for; None for all others."""
    word, _, rest = line.strip().partition(" ")
    if word == "!throw" and rest:
        return {"do": "throw", "picture": rest.strip()}
    if word.startswith("!") and len(word) > 1:
        return {"do": "expression", "name": word[1:], "hold": 2}
    return None


def play(client: ClientConnection, chat_lines: Iterable[str]) -> None:
    """Sends a request for each line that asks for something, and prints what Omote refuses."""
    for number, line in enumerate(chat_lines):
        request = request_of(line)
        if request is None:
            continue
        client.send(json.dumps({"id": number, **request}))
        reply = json.loads(client.recv())
        print(reply.get("error") or f"done: {line.strip()}", flush=True)


if __name__ == "__main__":
    where = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8765/apps"
    with connect(where, proxy=None) as omote:
        introduce(omote, Path("chat_items.token"))
        play(omote, sys.stdin)
