"""Reads a Dockerfile and a .dockerignore as far as ours go: stages, instructions, and what a build gets to see."""

import fnmatch
import json
import shlex
from pathlib import Path
from typing import NamedTuple


class Step(NamedTuple):
    """One instruction, its continued lines joined."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Its arguments, be they written as JSON or as a shell would read them."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


class Stage(NamedTuple):
    """What stands between one FROM and the next."""

    image: str
    name: str
    steps: list[Step]

    def all(self, word: str) -> list[Step]:
        """Every instruction of one kind."""
        return [step for step in self.steps if step.word == word]

    def last(self, word: str) -> Step:
        """The one that counts."""
        return self.all(word)[-1]


def stages(path: Path) -> list[Stage]:
    """The stages of a Dockerfile; what stands before the first FROM is left out."""
    found: list[Stage] = []
    for line in _lines(path.read_text("utf-8")):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            found.append(Stage(image, name, []))
        elif found:
            found[-1].steps.append(Step(word, rest.strip()))
    return found


def _lines(text: str) -> list[str]:
    kept = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [line.strip() for line in "\n".join(kept).replace("\\\n", " ").splitlines()]


def is_seen(path: str, ignore: list[str]) -> bool:
    """Whether a build sees this file: the last pattern that fits it, or a directory above it, holds."""
    seen = True
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for line in ignore:
        pattern = line.removeprefix("!")
        if any(_fits(one, pattern) for one in above):
            seen = line.startswith("!")
    return seen


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return any(_fits(path.split("/", n)[-1], pattern[3:]) for n in range(path.count("/") + 1))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


def ignored(path: Path) -> list[str]:
    """The patterns of a .dockerignore."""
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
