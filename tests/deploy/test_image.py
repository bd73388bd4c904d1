"""What the image is built from and holds. Without a Docker engine its steps are read; those that build are acted out.

Acted out means: the files that a build would see are copied, and the first stage's RUN lines are run in order, with
directories of the test in place of those of the image. What comes out is then used as the image would use it.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from benchmarks.same import made_up
from stream.codec import HOUR_MS
from tests.cluster.processes import free_port
from tests.command import process, tocsin
from tests.deploy.dockerfile import Stage, ignored, is_seen, stages
from tocsin import __version__
from tocsin.edition import edition
from tocsin.synthetic import START_MS, crisis, merged, quiet

pytestmark = pytest.mark.timeout(600)
"""The packages of the image are installed anew, which takes a minute where they are at hand."""

ROOT = Path(__file__).parent.parent.parent
ROLES = ("intake", "core", "delivery", "console")
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def both() -> tuple[Stage, Stage]:
    """The stage that builds and the one that is shipped."""
    build, final = stages(ROOT / "Dockerfile")
    return build, final


def seen_by_a_build() -> list[str]:
    """The tracked files that are sent to a build."""
    patterns = ignored(ROOT / ".dockerignore")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    return [name for name in listed.stdout.decode().splitlines() if is_seen(name, patterns) and (ROOT / name).is_file()]


# --- read ------------------------------------------------------------------------------------------------------------


def test_nobody_is_root_and_nothing_that_builds_is_shipped(both: tuple[Stage, Stage]) -> None:
    """The second stage takes the finished environment, takes pip away, and ends as a user with a number."""
    build, final = both
    assert build.name == "build"
    assert final.last("USER").rest == "10001:10001"
    assert [step.words for step in final.all("COPY")] == [["--from=build", "/opt/tocsin", "/opt/tocsin"]]
    ran = " ".join(step.rest for step in final.all("RUN"))
    assert "pip uninstall" in ran
    assert not re.search(r"apt-get|pip install|gcc|curl|wget", ran)
    assert final.all("USER")[-1] is not None
    assert final.steps.index(final.last("USER")) > max(final.steps.index(step) for step in final.all("RUN"))


def test_the_image_runs_the_command_and_asks_it_how_it_is(both: tuple[Stage, Stage]) -> None:
    """Arguments of `docker run` are those of `tocsin`; the health check is the probe, which is in the wheel."""
    _, final = both
    assert final.last("ENTRYPOINT").words == ["tocsin"]
    probe = final.last("HEALTHCHECK").rest
    assert '"python", "-m", "tocsin.scaled.probe", "livez"' in probe
    assert final.last("STOPSIGNAL").rest == "SIGTERM"
    assert final.last("EXPOSE").words == ["8750", "8760", "8761"]


def test_every_package_of_the_image_is_pinned_by_its_hash(both: tuple[Stage, Stage]) -> None:
    """Nothing is fetched that has no hash, and nothing that is fetched is compiled: each step that installs says so."""
    build, _ = both
    installs = [step.rest for step in build.all("RUN") if " install " in step.rest]
    assert len(installs) == 3
    for line in installs:
        assert ("--require-hashes --only-binary :all:" in line) or ("--no-deps --no-index" in line), line


def test_the_image_has_the_versions_that_the_tests_run_on() -> None:
    """What is pinned for the image is pinned alike for the tests, and holds the extras of workers and pagers."""
    pins = {
        name: dict(PINNED.findall((ROOT / f"requirements{name}.txt").read_text("utf-8")))
        for name in ("", "-dev", "-image", "-build")
    }
    assert {"aiokafka", "faust-streaming", "redis", "apprise"} <= set(pins["-image"])
    for name in ("", "-image", "-build"):
        differs = {one: version for one, version in pins[name].items() if pins["-dev"].get(one) != version}
        assert differs == {}, f"requirements{name}.txt; run: make lock"
    assert set(pins[""]) <= set(pins["-image"])


def test_the_context_holds_what_is_copied_and_nothing_else(both: tuple[Stage, Stage]) -> None:
    """Each COPY finds its source; no test, secret, data or history is sent to a build."""
    build, _ = both
    seen = seen_by_a_build()
    for step in build.all("COPY"):
        for source in step.words[:-1]:
            assert any(name == source or name.startswith(f"{source}/") for name in seen), source
    tops = {name.split("/")[0] for name in seen}
    assert {name for name in tops if "." not in name and name != "LICENSE"} == {
        *("stream", "detectors", "alerting", "tocsin")
    }
    for never in ("tests", "deploy", ".git", "tocsin-data", "docs"):
        assert never not in tops
    assert not is_seen("deploy/secrets/names_key", ignored(ROOT / ".dockerignore"))


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("tocsin/cli.py", True),
        ("tocsin/scaled/__pycache__/role.cpython-311.pyc", False),
        ("tocsin.yaml", False),
        (".env", False),
        ("stream/lexicons/en.tsv", True),
    ],
)
def test_the_ignore_file_is_read_as_docker_reads_it(path: str, seen: bool) -> None:
    """The last pattern that fits holds; a pattern for a directory holds for what is in it."""
    assert is_seen(path, ignored(ROOT / ".dockerignore")) is seen


# --- acted out -------------------------------------------------------------------------------------------------------


class Built(NamedTuple):
    """What the first stage left."""

    home: Path
    wheel: Path
    sources: list[str]
    """What the build was given."""

    @property
    def command(self) -> str:
        """The entry point."""
        return str(self.home / "opt" / "tocsin" / "bin" / "tocsin")

    @property
    def python(self) -> str:
        """Its Python."""
        return str(self.home / "opt" / "tocsin" / "bin" / "python")

    def run(self, *arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """A call of its command, as the image would make it: far from the source tree."""
        return subprocess.run(
            [self.command, *arguments], cwd=cwd or self.home, env=bare(), capture_output=True, text=True, check=False
        )


def bare() -> dict[str, str]:
    """An environment that knows nothing of the one the tests run in."""
    return {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "200", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The first stage, acted out once."""
    home = tmp_path_factory.mktemp("image")
    src = home / "src"
    sources = seen_by_a_build()
    for name in sources:
        target = src / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    subprocess.run([sys.executable, "-m", "venv", home / "builder"], check=True)
    environment = {**os.environ, "PATH": f"{home / 'builder' / 'bin'}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    environment["PIP_COMPILE"] = "0"  # what is never imported here need not be compiled
    build, _ = stages(ROOT / "Dockerfile")
    for step in build.all("RUN"):
        line = re.sub(r"(?<=\s)/(?=opt/|wheel)", f"{home}/", step.rest)
        done = subprocess.run(line, shell=True, cwd=src, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{step.rest}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    (wheel,) = (home / "wheel").glob("tocsin-*.whl")
    shutil.rmtree(src)
    return Built(home, wheel, sources)


@pytest.mark.slow
def test_the_wheel_holds_the_four_packages_and_what_they_read(built: Built) -> None:
    """Source, lexicons, templates and the shipped flowchart are in it; tests, tools and documents are not."""
    names = zipfile.ZipFile(built.wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {one for one in tops if not one.endswith(".dist-info")} == {"stream", "detectors", "alerting", "tocsin"}
    given = {name for name in built.sources if "/" in name}
    assert sorted(given - set(names)) == []
    assert "tocsin/shipped/crisis_flowchart.yaml" in names
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    assert "tocsin = tocsin.cli:main" in zipfile.ZipFile(built.wheel).read(entry).decode()


@pytest.mark.slow
def test_the_detectors_of_the_image_are_compiled_and_decide_as_the_source_does(built: Built, tmp_path: Path) -> None:
    """A crisis is replayed in it, journal and all; the source of this checkout finds nothing in it to be otherwise, to
    the last figure of the last card."""
    assert built.run("--version").stdout == f"tocsin {__version__}, detectors compiled\n"
    past = quiet(3, brand="Acme", hours=80, per_hour=12)
    told = crisis(3, brand="Acme", start_ms=START_MS + 76 * HOUR_MS, posts=400)
    mentions = tmp_path / "mentions.jsonl"
    mentions.write_text("".join(json.dumps(row) + "\n" for row in merged(past, told)), encoding="utf-8")
    journal = tmp_path / "journal.db"
    done = built.run("replay", str(mentions), "--brand", "Acme", "--journal", str(journal), "--json")
    assert done.returncode == 0, done.stderr
    assert edition() == "source"
    assert tocsin("verify", journal).status == 0
    there, here = json.loads(done.stdout), json.loads(tocsin("replay", mentions, "--brand", "Acme", "--json").out)
    assert there["chains"] == here["chains"]
    assert there["incidents"] == here["incidents"]
    assert sum(one["pages"] for one in here["incidents"]) == 1


RESTORED = """
import sys
from pathlib import Path
import msgspec
from tocsin.engine import Engine
from tocsin.state import Contents, snapshot_bytes, state_from
body = Path(sys.argv[1]).read_bytes()
engine = Engine.restore(state_from(body), Contents({}))
brand = engine.brand("Acme")
print(snapshot_bytes(engine.snapshot()) == body)
print(msgspec.json.encode(brand.panel.standings(brand.state.window)).decode())
"""


@pytest.mark.slow
def test_what_the_source_wrote_down_the_image_goes_on_with(built: Built, tmp_path: Path) -> None:
    """A state after five days and three crises, rhythm and slow burn and all: it is the same state there, and says the
    same of the minutes that are open."""
    run = made_up(30, 5)
    snapshot = tmp_path / "state.json"
    snapshot.write_bytes(run.snapshot())
    brand = run.engine.brand("Acme")
    assert brand is not None
    assert brand.panel.volume.surge.rhythm.known
    done = subprocess.run(
        [built.python, "-c", RESTORED, snapshot], cwd="/", env=bare(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    same, standings = done.stdout.splitlines()
    assert same == "True"
    assert standings == msgspec.json.encode(brand.panel.standings(brand.state.window)).decode()


def test_no_two_operations_become_one_that_is_rounded_once(both: tuple[Stage, Stage]) -> None:
    """Compilers for processors that can, such as arm64, do so unasked: then the last figure of a score would differ."""
    build, _ = both
    (compiles,) = (step.rest for step in build.all("RUN") if "MYPYC" in step.rest)
    assert "-ffp-contract=off" in compiles
    (flags,) = re.findall(r'CFLAGS="[^"]+"', compiles)
    assert flags in (ROOT / "Makefile").read_text("utf-8"), "what `make compiled` measures is to be what the image has"


@pytest.mark.slow
def test_nothing_of_the_source_tree_is_needed_any_more(built: Built) -> None:
    """The environment knows its own code alone, and has no pip to change it with."""
    done = subprocess.run(
        [built.python, "-c", "import tocsin, importlib.util as u; print(tocsin.__file__, u.find_spec('tests'), "
         "u.find_spec('pip'))"],
        cwd="/", env=bare(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip().endswith("None None")
    assert str(built.home) in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_the_entry_point_knows_every_role(built: Built, role: str) -> None:
    """`tocsin worker ROLE --help` works from the finished environment, with nothing but it."""
    done = built.run("worker", role, "--help")
    assert done.returncode == 0, done.stderr
    assert "--with" in done.stdout


@pytest.fixture
def trial(built: Built, tmp_path: Path) -> Path:
    """The trial's configuration with secrets of its own, at ports that nobody has; no broker and no Redis anywhere."""
    text = (ROOT / "deploy" / "config" / "tocsin.yaml").read_text("utf-8")
    for name in ("names_key", "social"):
        secret = tmp_path / name
        secret.touch(mode=0o600)
        secret.write_text("5e" * 32)
        text = text.replace(f"/run/secrets/{name}", str(secret))
    text = (
        text.replace("kafka:9092", "127.0.0.1:9").replace("redis:6379", "127.0.0.1:9").replace("0.0.0.0", "127.0.0.1")
    )
    text = text.replace("127.0.0.1:8750", "127.0.0.1:0").replace("/tmp/tocsin", str(tmp_path / "data"))
    text = text.replace("listen: 127.0.0.1:8761", "listen: 127.0.0.1:0")
    (tmp_path / "tocsin.yaml").write_text(text)
    return tmp_path


@pytest.mark.slow
def test_the_trials_configuration_is_in_order(built: Built, trial: Path) -> None:
    """What deploy/compose.yaml starts with passes `tocsin check`, in the environment of the image."""
    done = built.run("check", cwd=trial)
    assert done.returncode == 0, done.stderr


class Asked(NamedTuple):
    """An answer of a probe."""

    status: int
    body: str


def ask(url: str) -> Asked:
    """What stands at a URL."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return Asked(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        return Asked(error.code, error.read().decode())
    except OSError as error:
        return Asked(0, str(error))


def answered(url: str, status: int, started: "subprocess.Popen[bytes]") -> Asked:
    """What it says once it says that."""
    deadline = time.monotonic() + 90
    while True:
        found = ask(url)
        if found.status == status:
            return found
        assert started.poll() is None, (started.communicate(), found)
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


@pytest.fixture
def started(built: Built, trial: Path) -> Iterator["Starts"]:
    """Starts workers from the finished environment, and ends them."""
    starts = Starts(built, trial, free_port())
    yield starts
    starts.end()


class Starts:
    """A worker of the image, on this machine."""

    def __init__(self, built: Built, trial: Path, port: int) -> None:
        self._built, self._trial, self.port = built, trial, port
        self.process: subprocess.Popen[bytes] | None = None
        text = (trial / "tocsin.yaml").read_text().replace("listen: 127.0.0.1:8760", f"listen: 127.0.0.1:{port}")
        (trial / "tocsin.yaml").write_text(text)

    def __call__(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start it."""
        self.process = subprocess.Popen(
            [self._built.command, "worker", *arguments],
            cwd=self._trial,
            env=bare(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return self.process

    def end(self) -> None:
        """Kill what a failed test left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    "roles", [*((role,) for role in ROLES), ("intake", "--with", "core", "--with", "delivery", "--with", "console")]
)
def test_every_role_starts_without_a_broker_and_says_so(
    built: Built, started: "Starts", roles: tuple[str, ...]
) -> None:
    """Alive at once, not ready and with the reason, metrics there; SIGTERM ends it with status 0."""
    worker = started(*roles)
    base = f"http://127.0.0.1:{started.port}"
    answered(f"{base}/livez", 200, worker)
    deadline = time.monotonic() + 60
    while not any(why in answered(f"{base}/readyz", 503, worker).body for why in ("127.0.0.1:9", "Redis does not")):
        assert time.monotonic() < deadline, "it never said why"
        time.sleep(0.1)
    assert 'tocsin_worker_ready{role="' + roles[0] in ask(f"{base}/metrics").body
    probe = [built.python, "-m", "tocsin.scaled.probe"]
    told = {**bare(), "TOCSIN_HEALTH": base}
    assert subprocess.run([*probe, "livez"], env=told, capture_output=True, check=False).returncode == 0
    assert subprocess.run([*probe, "readyz"], env=told, capture_output=True, check=False).returncode == 1
    worker.send_signal(signal.SIGTERM)
    said, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0, said.decode()[-3000:]
    assert b"Traceback" not in said


def test_the_probe_needs_a_worker() -> None:
    """Where nothing answers, a container is not healthy."""
    from tocsin.scaled.probe import main

    assert main(["livez"], {"TOCSIN_HEALTH": f"http://127.0.0.1:{free_port()}"}) == 1
    assert main(["alive"], {}) == 2


def test_the_probe_asks_for_the_console_besides() -> None:
    """Where a worker opens one, its container is healthy as long as both answer."""
    from tocsin.scaled.probe import main

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in ("/readyz", "/healthz") else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    nobody = f"http://127.0.0.1:{free_port()}"
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        became = [
            main(["readyz", "console"], {"TOCSIN_HEALTH": worker, "TOCSIN_CONSOLE": console})
            for worker, console in ((base, base), (base, nobody), (nobody, base))
        ]
        server.shutdown()
    assert became == [0, 1, 1]


def test_a_worker_is_known_by_the_command(tmp_path: Path) -> None:
    """Without a configuration it is one plain line and status 2, as with every command."""
    ran = process(["worker", "core", "--config", tmp_path / "none.yaml"])
    _, said = ran.communicate(timeout=60)
    assert ran.returncode == 2
    assert b"there is no such configuration" in said
