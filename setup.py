"""Names the packages for setuptools: each folder that holds an __init__.py, as a part of `omote`."""

from setuptools import find_packages, setup

FOLDERS = ("bridge", "calibration", "engine", "studio")

setup(packages=[f"omote.{name}" for name in find_packages() if name.split(".")[0] in FOLDERS])
