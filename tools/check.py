"""All checks, the same here as in CI: format, lint, types, import contracts, tests. pytest speaks last."""

import sys

import environment

CHECKS = {
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "ruff check": ("-m", "ruff", "check", "."),
    "mypy": ("-m", "mypy"),
    "lint-imports": ("-c", "from importlinter.cli import lint_imports_command as main; main()"),
}


def main() -> int:
    """1 where anything failed, however many failed; every check runs."""
    environment.ensure()
    failed = [name for name, arguments in CHECKS.items() if _run(name, arguments) != 0]
    if failed:
        print(f"== failed before the tests: {', '.join(failed)}", flush=True)
    tests = _run("pytest", ("-m", "pytest", *sys.argv[1:]))
    return 1 if failed or tests != 0 else 0


def _run(name: str, arguments: tuple[str, ...]) -> int:
    print(f"== {name}", flush=True)
    return environment.run(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
