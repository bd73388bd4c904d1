"""One deliberate bug: read from its file, and put in place of a module's source as it is imported."""

import sys
import tomllib
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(__file__).parent
FIELDS = ("file", "why", "find", "replace", "test")


class MutantError(ValueError):
    """A mutant's file is not what it should be."""


class Mutant(NamedTuple):
    """A deliberate bug, and the test that must find it."""

    name: str
    file: str
    why: str
    find: str
    replace: str
    test: str

    @property
    def module(self) -> str:
        """The module it is in."""
        return self.file.removesuffix(".py").replace("/", ".")

    def source(self) -> str:
        """The module's source with the bug. Raises `MutantError` where the line is not there exactly once."""
        text = (ROOT / self.file).read_text("utf-8")
        if text.count(self.find) != 1:
            raise MutantError(
                f"{self.name}: {self.file} has its line {text.count(self.find)} times, not once: {self.find!r}"
            )
        return text.replace(self.find, self.replace)


def read_mutant(path: Path) -> Mutant:
    """Raises `MutantError` for a file that does not say all five things, or says the same twice over."""
    name = f"{path.parent.name}/{path.stem}"
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise MutantError(f"{name}: {error}") from None
    if sorted(found) != sorted(FIELDS) or not all(isinstance(value, str) for value in found.values()):
        raise MutantError(f"{name}: has {', '.join(sorted(found))}; wanted are {', '.join(FIELDS)}, all of them texts")
    mutant = Mutant(name, *(found[field] for field in FIELDS))
    if mutant.find == mutant.replace:
        raise MutantError(f"{name}: changes nothing")
    return mutant


def all_mutants(folder: Path = FOLDER) -> list[Mutant]:
    """Every mutant of the folder, by name."""
    return [read_mutant(path) for path in sorted(folder.glob("*/*.toml"))]


class _Changed(SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


class Finder(MetaPathFinder):
    """Finds one module with its bug, and leaves every other to the next."""

    def __init__(self, mutant: Mutant) -> None:
        self._module, self._source = mutant.module, mutant.source()
        self.loaded = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The changed module, or nothing."""
        if fullname != self._module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return None
        self.loaded = True
        spec.loader = _Changed(fullname, spec.origin, self._source)
        return spec


def install(mutant: Mutant) -> Finder:
    """From here on the module comes with its bug. Raises `MutantError` where it was imported before."""
    if mutant.module in sys.modules:
        raise MutantError(f"{mutant.name}: {mutant.module} is imported already")
    finder = Finder(mutant)
    sys.meta_path.insert(0, finder)
    return finder
