"""Where Apache Kafka comes from: a directory that `TOCSIN_KAFKA` names, or Maven, once, into a cache.

`python -m tests.cluster.jars` fetches it, and says where it lies.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POM = Path(__file__).parent / "kafka" / "pom.xml"
VERSION = re.findall(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text())[0]
JAVA = 17
MAVEN_S = 200


class NoKafkaError(Exception):
    """Apache Kafka cannot be started here; the message says what is missing."""


def kafka_jars() -> Path:
    """A directory with the jars of Apache Kafka. Raises `NoKafkaError`."""
    _java()
    named = os.environ.get("TOCSIN_KAFKA")
    if named:
        return _unpacked(Path(named).expanduser())
    kept = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tocsin-kafka" / VERSION
    if not any(kept.glob("kafka_2.13-*.jar")):
        _fetch(kept)
    return kept


def _java() -> None:
    if not shutil.which("java"):
        raise NoKafkaError(f"Apache Kafka needs Java {JAVA} or newer; there is no `java` here")
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA:
        raise NoKafkaError(
            f"Apache Kafka needs Java {JAVA} or newer; here is {version[1] if version else said.strip()}"
        )


def _unpacked(named: Path) -> Path:
    for directory in (named / "libs", named):
        if any(directory.glob("kafka_2.1?-*.jar")):
            return directory
    raise NoKafkaError(f"TOCSIN_KAFKA names {named}, which is neither an unpacked Kafka nor a directory of its jars")


def _fetch(kept: Path) -> None:
    """Have Maven copy the jars; they are moved into place whole, so that a run beside this one finds all or nothing."""
    if not shutil.which("mvn"):
        raise NoKafkaError("Apache Kafka is fetched by Maven (`mvn`), once; or TOCSIN_KAFKA names an unpacked one")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
        call = ["mvn", "-B", "-q", "-ntp", "-f", str(POM), "dependency:copy-dependencies"]
        call += ["-DincludeScope=runtime", f"-DoutputDirectory={beside}/libs"]
        try:
            done = subprocess.run(call, capture_output=True, text=True, timeout=MAVEN_S, check=False, cwd=beside)
        except subprocess.TimeoutExpired:
            raise NoKafkaError(f"Maven did not fetch Apache Kafka {VERSION} within {MAVEN_S} s") from None
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise NoKafkaError(f"Maven could not fetch Apache Kafka {VERSION}:\n{said}")
        if not any(kept.glob("kafka_2.13-*.jar")):
            shutil.rmtree(kept, ignore_errors=True)
            Path(beside, "libs").rename(kept)


if __name__ == "__main__":  # fetch them before the tests, whose time is measured
    try:
        print(kafka_jars())
    except NoKafkaError as missing:
        sys.exit(str(missing))
