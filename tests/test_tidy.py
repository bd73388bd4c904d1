"""The style that checks itself: what the pure modules may not do, and what no file may hold.

Each finding names the replacement. The second half of this file shows that the first half bites.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PURE_PACKAGES = ("stream", "detectors", "alerting")
EDGES = ("stream/sources/", "stream/kafka/", "stream/crash.py", "alerting/delivery/")
PURE_IN_TOCSIN = ("tocsin/engine.py", "tocsin/entry.py", "tocsin/past.py", "tocsin/sealing.py", "tocsin/state.py")

BANNED_IMPORTS = {
    "time": "time is data: take `at_ms` as an argument",
    "random": "derive the value from the entry, or take a seeded generator as an argument outside the core",
    "secrets": "derive the value from the entry; keys come from tocsin.settings",
    "uuid": "derive the id from the brand and the time (`acme-<opened_ms>`)",
    "asyncio": "waiting belongs to an EDGE module",
    "threading": "waiting belongs to an EDGE module",
    "socket": "the network belongs to an EDGE module",
    "httpx": "the network belongs to an EDGE module",
    "aiohttp": "the network belongs to an EDGE module",
    "slack_sdk": "Slack belongs to alerting/delivery",
    "sqlite3": "storage belongs to an EDGE module: return what is to be stored",
    "logging": "return a Decision or count it: the caller logs",
    "structlog": "return a Decision or count it: the caller logs",
    "os": "take the value as an argument; tocsin.settings reads the environment",
    "sys": "take the value as an argument",
    "subprocess": "running programs belongs to an EDGE module",
    "tempfile": "files belong to an EDGE module",
    "stream.crash": "crash points belong on durable writes, which belong to EDGE modules",
}
BANNED_NAMES = {
    "hash": "use stream.names or stream.codec.digest: hash() differs from run to run",
    "id": "use a key that is part of the value: id() is an address",
    "print": "return it: the caller shows it",
    "input": "take the value as an argument",
    "open": "take the text as an argument: files belong to an EDGE module",
    "eval": "write a parser",
    "exec": "write a parser",
    "breakpoint": "remove it",
}
BANNED_ATTRIBUTES = {
    "now": "time is data: take `at_ms` as an argument",
    "utcnow": "time is data: take `at_ms` as an argument",
    "today": "time is data: take `at_ms` as an argument",
    "read_text": "take the text as an argument: files belong to an EDGE module",
    "read_bytes": "take the bytes as an argument: files belong to an EDGE module",
    "write_text": "return it: files belong to an EDGE module",
    "write_bytes": "return it: files belong to an EDGE module",
    "urandom": "take the value as an argument",
    "getenv": "take the value as an argument; tocsin.settings reads the environment",
}
SORT_IT = "put sorted(...) around it: the order of a set differs from run to run"

ORDER_FREE = {"sorted", "set", "frozenset", "any", "all", "len"}
"""Calls whose result does not depend on the order of what they read. `min`, `max` and `sum` are handled apart."""
ORDERED_COPIES = {"list", "tuple", "enumerate", "iter", "next", "zip", "map", "filter", "reversed", "dict"}


def pure_files() -> list[Path]:
    """Every module that may know nothing but its arguments."""
    found = [p for package in PURE_PACKAGES for p in sorted((ROOT / package).rglob("*.py"))]
    inside = [p for p in found if not p.relative_to(ROOT).as_posix().startswith(EDGES)]
    return inside + [ROOT / name for name in PURE_IN_TOCSIN]


class Tidy(ast.NodeVisitor):
    """Walks one module and collects `line: what; do this instead`."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self._sets: list[set[str]] = [set()]
        self._order_free: set[ast.AST] = set()

    def say(self, node: ast.AST, what: str, instead: str) -> None:
        """Note a finding."""
        self.findings.append(f"{getattr(node, 'lineno', 0)}: {what}; {instead}")

    def visit_Import(self, node: ast.Import) -> None:
        for name in node.names:
            self._import(node, name.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        self._import(node, module)
        for name in node.names:
            if f"{module}.{name.name}" in BANNED_IMPORTS:
                self._import(node, f"{module}.{name.name}")

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Name):
            self._plain_call(node, function.id)
        elif isinstance(function, ast.Attribute):
            if function.attr in BANNED_ATTRIBUTES:
                self.say(node, f"calls .{function.attr}()", BANNED_ATTRIBUTES[function.attr])
            if function.attr in {"join", "extend", "fromkeys", "fsum"}:
                self._no_sets(node.args)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._no_sets([node.iter])
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._sets.append(set())
        self.generic_visit(node)
        self._sets.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._remember(target, self._is_set(node.value))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        annotation = ast.unparse(node.annotation)
        self._remember(node.target, annotation.split("[")[0] in {"set", "frozenset"})
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        if node not in self._order_free:
            self._no_sets([node.value])
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        self._order_free.update(e for e in node.elts if isinstance(e, ast.Starred))
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> None:
        if node not in self._order_free:
            self._no_sets([generator.iter for generator in node.generators])
        self.generic_visit(node)

    def _plain_call(self, node: ast.Call, name: str) -> None:
        if name in BANNED_NAMES:
            self.say(node, f"calls {name}()", BANNED_NAMES[name])
        if name in ORDERED_COPIES or (name in {"min", "max"} and any(k.arg == "key" for k in node.keywords)):
            self._no_sets(node.args)  # with a key, the first of equals wins
        elif name in ORDER_FREE or name in {"min", "max", "sum"}:
            self._order_free.update(node.args)

    def _import(self, node: ast.AST, module: str) -> None:
        for banned, instead in BANNED_IMPORTS.items():
            if module == banned or module.startswith(f"{banned}."):
                self.say(node, f"imports {module}", instead)

    def _no_sets(self, values: list[ast.expr]) -> None:
        for value in values:
            if self._is_set(value):
                self.say(value, f"iterates over the set `{ast.unparse(value)[:60]}`", SORT_IT)

    def _remember(self, target: ast.expr, is_set: bool) -> None:
        if isinstance(target, ast.Name):
            names = self._sets[-1]
            names.add(target.id) if is_set else names.discard(target.id)

    def _is_set(self, value: ast.expr) -> bool:
        match value:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Call(func=ast.Attribute(attr="union" | "intersection" | "difference" | "symmetric_difference")):
                return True
            case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), left=left, right=right):
                return self._is_set(left) or self._is_set(right)
            case ast.Name(id=name):
                return any(name in names for names in self._sets)
            case _:
                return False


def findings_in(source: str) -> list[str]:
    """What the tidy walk says about a module's source."""
    tidy = Tidy()
    tidy.visit(ast.parse(source))
    return tidy.findings


@pytest.mark.parametrize("path", pure_files(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_pure_module_knows_nothing_but_its_arguments(path: Path) -> None:
    """No clock, chance, environment, file, network, log, address or order of a set reaches a decision."""
    found = [f"{path.relative_to(ROOT)}:{finding}" for finding in findings_in(path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_crash_points_are_used_at_the_edge_alone() -> None:
    """`stream/crash.py` reads the environment and kills: only modules that write durably may call it."""
    edge = re.compile(
        r"^\s*(from stream import .*\bcrash\b|from stream\.crash import|import stream\.crash)", re.MULTILINE
    )
    users = [p for p in pure_files() if edge.search(p.read_text(encoding="utf-8"))]
    assert users == []


# --- what no tracked file may hold -----------------------------------------------------------------------------------

# Each pattern is written so that it does not find itself.
NOWHERE = {
    r"\b(TO[D]O|FIX[M]E|XX[X])\b": "do it, or write down in docs/ why not",
    r"py[p]i\.org|python[h]osted\.org|registry\.np[m]js|--(extra-)?index[-]url": (
        "pins carry no registry address: where packages come from is the machine's business"
    ),
    r"(?<![\w.])/(wor[k]|roo[t]|home/\w+|User[s]/\w+)/\w": (
        "use a path relative to the repository, or one from the settings"
    ),
    r"xox[abprs]-\d{6,}|xapp-\d-[A-Z0-9]{8,}|AKIA[0-9A-Z]{16}|gh[pousr]_\w{30,}|-----BEGIN [A-Z ]*PRIV[A]TE KEY": (
        "secrets live in the environment or in a file of mode 0600"
    ),
}
TEXT_SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".json", ".html", ".js", ".css", ".sh", ""}


def tracked_files() -> Iterator[Path]:
    """Every text file of the repository that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0"):
        path = ROOT / name
        if name and path.suffix in TEXT_SUFFIXES and path.is_file() and name != "LICENSE":
            yield path


def leftovers_in(text: str) -> list[str]:
    """Lines that hold what no file may hold: `line: what; do this instead`."""
    found = []
    for pattern, instead in NOWHERE.items():
        for match in re.finditer(pattern, text):
            found.append(f"{text.count(chr(10), 0, match.start()) + 1}: `{match.group()}`; {instead}")
    return found


def test_nothing_compiled_lies_beside_its_source() -> None:
    """It would be run in its place, and no change of the source would show: `make clean` takes it away."""
    found = [path.name for package in (*PURE_PACKAGES, "tocsin") for path in (ROOT / package).rglob("*.so")]
    assert found == []


def test_no_file_holds_leftovers_addresses_or_secrets() -> None:
    """Half-done work, package registries, somebody's home directory and secrets stay out of the repository."""
    found = [
        f"{path.relative_to(ROOT)}:{leftover}"
        for path in tracked_files()
        for leftover in leftovers_in(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found, "\n".join(found)


# --- the tidy walk bites ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("snippet", "said"),
    [
        ("import time", "1: imports time; time is data: take `at_ms` as an argument"),
        ("import os.path", "1: imports os.path; take the value as an argument"),
        ("from random import Random", "1: imports random; derive the value"),
        ("from stream import crash", "1: imports stream.crash; crash points belong"),
        ("from datetime import datetime\nx = datetime.now()", "2: calls .now(); time is data"),
        ("x = datetime.datetime.utcnow()", "1: calls .utcnow(); time is data"),
        ("x = hash('acme')", "1: calls hash(); use stream.names"),
        ("print('hello')", "1: calls print(); return it"),
        ("open('f')", "1: calls open(); take the text"),
        ("text = path.read_text()", "1: calls .read_text(); take the text"),
        ("for x in {1, 2}:\n    pass", "1: iterates over the set `{1, 2}`; put sorted(...)"),
        ("for x in set(names):\n    pass", "iterates over the set `set(names)`"),
        ("for x in left | {1}:\n    pass", "iterates over the set `left | {1}`"),
        ("[x for x in frozenset(names)]", "iterates over the set `frozenset(names)`"),
        ("{x: 1 for x in set(names)}", "iterates over the set `set(names)`"),
        ("list({1, 2})", "iterates over the set `{1, 2}`"),
        ("', '.join({a, b})", "iterates over the set `{a, b}`"),
        ("def f(a):\n    seen = set(a)\n    return [x for x in seen]", "3: iterates over the set `seen`"),
        (
            "def f(a):\n    seen: set[int] = make(a)\n    for x in seen:\n        pass",
            "3: iterates over the set `seen`",
        ),
        ("max({1, 2}, key=rank)", "iterates over the set `{1, 2}`"),
        ("[*{1, 2}]", "iterates over the set `{1, 2}`"),
    ],
)
def test_what_is_banned_is_found(snippet: str, said: str) -> None:
    """Each banned thing is named with its line and with what to do instead."""
    assert any(said in finding for finding in findings_in(snippet)), findings_in(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        "for x in sorted({1, 2}):\n    pass",
        "any(x > 1 for x in {1, 2})",
        "len({x for x in names})",
        "sorted({*left, *right})",
        "max({1, 2})",
        "{x + 1 for x in {1, 2}}",
        "def f(a):\n    seen = set(a)\n    seen = sorted(seen)\n    return [x for x in seen]",
        "from datetime import datetime\nx = datetime(2020, 1, 1)",
        "1 in {1, 2}",
    ],
)
def test_what_depends_on_no_order_is_left_alone(snippet: str) -> None:
    """A set is fine where its order cannot show."""
    assert findings_in(snippet) == []


@pytest.mark.parametrize(
    "text",
    [
        "# {}DO later".format("TO"),
        "see https://{}.org/simple".format("pypi"),
        "cd /{}/main".format("work"),
        "token = {}-1234567890-abc".format("xoxb"),
    ],
)
def test_leftovers_are_found(text: str) -> None:
    """What no file may hold is found, with its line."""
    assert leftovers_in(f"first line\n{text}\n")[0].startswith("2: ")


def test_the_walk_reads_something() -> None:
    """The list of pure modules is not empty by mistake, and leaves out what is at the edge."""
    names = [p.relative_to(ROOT).as_posix() for p in pure_files()]
    assert {"stream/window.py", "detectors/detector.py", "alerting/decision.py", "tocsin/entry.py"} <= set(names)
    assert not [n for n in names if n.startswith(EDGES)]
