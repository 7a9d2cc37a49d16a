"""Names the packages for setuptools: `package/` is `omote`, and each folder that holds an __init__.py a part of it."""

from setuptools import find_packages, setup

FOLDERS = ("bridge", "calibration", "engine", "studio")

setup(packages=["omote", *(f"omote.{name}" for name in find_packages() if name.split(".")[0] in FOLDERS)])
