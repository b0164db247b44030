"""The directory of exports of each test."""

from tests.jobs.workers import files

__all__ = ["files"]
