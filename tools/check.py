"""All checks, the same here as in CI: format, lint, types, import contracts, tests. pytest speaks last."""

import os
import sys

import environment

CHECKS = {
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "ruff check": ("-m", "ruff", "check", "."),
    "mypy": ("-m", "mypy"),
    "lint-imports": ("-c", "from importlinter.cli import lint_imports_command as main; main()"),
}
# Tests side by side: most of them wait or use one core. Those of one file share what they have opened.
WORKERS = min(os.cpu_count() or 1, 4)
# A worker that dies ends the run: the others would wait for ever for what it left.
SIDE_BY_SIDE = ("-n", str(WORKERS), "--dist", "loadfile", "--max-worker-restart", "0")


def main() -> int:
    """1 where anything failed, however many failed; every check runs."""
    environment.ensure()
    failed = [name for name, arguments in CHECKS.items() if _run(name, arguments) != 0]
    if failed:
        print(f"== failed before the tests: {', '.join(failed)}", flush=True)
    tests = _run("pytest", ("-m", "pytest", *SIDE_BY_SIDE, *sys.argv[1:]))
    return 1 if failed or tests != 0 else 0


def _run(name: str, arguments: tuple[str, ...]) -> int:
    print(f"== {name}", flush=True)
    return environment.run(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
