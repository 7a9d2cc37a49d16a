"""Makes .venv with everything that developers need, and the link folder build/omote."""

import environment

if __name__ == "__main__":
    environment.ensure()
    print(f"ready: {environment.PYTHON.relative_to(environment.ROOT)}")
