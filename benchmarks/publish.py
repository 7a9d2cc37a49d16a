"""Publishes pictures at a steady rate on fixed ports until it is stopped; what the soak starts again and again."""

from __future__ import annotations

import argparse

import feed

from omote.bridge.publisher import Publisher


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", required=True, help="tcp://127.0.0.1:PORT")
    parser.add_argument("--video", required=True, help="tcp://127.0.0.1:PORT")
    parser.add_argument("--fps", type=float, default=feed.FPS)
    chosen = parser.parse_args()
    with Publisher(chosen.params, chosen.video) as publisher:
        feed.Feed(chosen.fps).run(publisher, float("inf"))


if __name__ == "__main__":
    main()
