"""Runs the environment's Python with the given arguments; makes the environment first if it is missing."""

import sys

import environment

if __name__ == "__main__":
    environment.ensure()
    raise SystemExit(environment.run(sys.argv[1:]))
