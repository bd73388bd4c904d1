"""EDGE. Watching a service from another machine: is it there, is it well, and do its probes come through?

Whoever watches asks `/healthz` of an embedded service or `/readyz` of a worker, and believes no more than it must: that
all is well counts only with a probe that came through lately.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import httpx
import msgspec

State = Literal["well", "unwell", "stale", "unreachable", "strange"]
"""`stale`: it answers, and its probes stand still; `strange`: what answers is no Tocsin."""

TIMEOUT_S = 10.0
LARGEST_BYTES = 1 << 20
COMMAND_S = 60.0
STALE_PERIODS = 2
"""Of the probes' period, and half a minute: so old may the last one be that came through."""
STALE_MORE_S = 30.0


class Finding(NamedTuple):
    """How a service was found at one look, in a word and in words for people."""

    state: State
    words: str

    @property
    def well(self) -> bool:
        """Whether there is nothing to tell."""
        return self.state == "well"


class Change(NamedTuple):
    """What whoever watches is told: that it fell silent, or is back."""

    became: Literal["silent", "back"]
    finding: Finding
    since_s: float
    """For how long it had been so, in seconds."""

    def words(self, address: str) -> str:
        """For people.

        >>> Change("back", Finding("well", "all is well"), 125.4).words("http://a:1")
        'Tocsin at http://a:1 is back after 125 s: all is well'
        """
        how = (
            f"is back after {self.since_s:.0f} s" if self.became == "back" else f"is not well for {self.since_s:.0f} s"
        )
        return f"Tocsin at {address} {how}: {self.finding.words}"


class Probe(msgspec.Struct, frozen=True):
    """What a service says of its probes."""

    age_s: float
    every_s: float


class _Healthz(msgspec.Struct, frozen=True):
    status: str
    wrong: list[str]
    probe: Probe | None = None


class _Console(msgspec.Struct, frozen=True):
    console: str


class _Role(msgspec.Struct, frozen=True):
    wrong: list[str] = []
    probe: Probe | None = None


class _Readyz(msgspec.Struct, frozen=True):
    ready: bool
    waits: dict[str, list[str]]
    roles: dict[str, _Role] = {}


def judged(status: int, body: bytes) -> Finding:
    """What an answer of `/healthz` or `/readyz` says.

    >>> judged(200, b'{"status": "ok", "wrong": [], "probe": {"age_s": 12, "every_s": 60}}').words
    'all is well, and a probe came through 12 s ago'
    >>> judged(200, b'{"status": "ok", "wrong": [], "probe": {"age_s": 170, "every_s": 60}}').state
    'stale'
    >>> judged(503, b'{"ready": false, "waits": {"core": ["it has no brokers"]}}').words
    'it says that it is not ready: core: it has no brokers'
    >>> judged(200, b'{"ready": true, "waits": {}, "roles": {"delivery": {"wrong": ["no probe came"]}}}').words
    'it says itself: no probe came'
    >>> judged(200, b"<html>Sign in</html>").state
    'strange'
    """
    try:
        return _of_service(msgspec.json.decode(body, type=_Healthz))
    except msgspec.MsgspecError:
        pass
    try:
        return _of_worker(msgspec.json.decode(body, type=_Readyz))
    except msgspec.MsgspecError:
        pass
    try:
        msgspec.json.decode(body, type=_Console)
        return Finding("strange", "this is the console: give the address at which mentions come in (`ingest.listen`)")
    except msgspec.MsgspecError:
        return Finding("strange", f"what answers (with {status}) is not Tocsin: is the address right?")


def _of_service(said: _Healthz) -> Finding:
    if said.status != "ok" or said.wrong:
        return Finding("unwell", f"it says itself: {'; '.join(said.wrong) or said.status}")
    return _by_probe(said.probe, "all is well")


def _by_probe(probe: Probe | None, well: str) -> Finding:
    if probe is None:
        return Finding("well", well)
    if probe.age_s > STALE_PERIODS * probe.every_s + STALE_MORE_S:
        words = f"it answers that {well}, and no probe came through for {probe.age_s:.0f} s"
        return Finding("stale", f"{words}: what looks after it stands still")
    return Finding("well", f"{well}, and a probe came through {probe.age_s:.0f} s ago")


def _of_worker(said: _Readyz) -> Finding:
    if said.ready:
        wrong = [one for role in said.roles.values() for one in role.wrong]
        if wrong:
            return Finding("unwell", f"it says itself: {'; '.join(wrong)}")
        probe = next((role.probe for role in said.roles.values() if role.probe is not None), None)
        return _by_probe(probe, "the worker is ready")
    waits = "; ".join(f"{role}: {', '.join(words)}" for role, words in said.waits.items())
    return Finding("unwell", f"it says that it is not ready: {waits}")


class Looker:
    """Looks at one service. `address` is where it listens, as http://tocsin.internal:8760."""

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = address.rstrip("/")
        # No proxy of the environment stands between two machines that watch each other.
        self._client = httpx.Client(timeout=timeout_s, trust_env=False)

    def look(self) -> Finding:
        """Look once. Raises nothing: what goes wrong is what is found."""
        try:
            status, body = self._asked("/healthz")
            if status == httpx.codes.NOT_FOUND:
                status, body = self._asked("/readyz")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
            return Finding("unreachable", f"it {why}: the machine, the network between, or the process is down")
        return judged(status, body)

    def _asked(self, path: str) -> tuple[int, bytes]:
        with self._client.stream("GET", f"{self.address}{path}") as answer:
            held = b""
            for piece in answer.iter_bytes():
                held += piece
                if len(held) > LARGEST_BYTES:
                    break
            return answer.status_code, held

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Watching:
    """When somebody is told: once it was not well for the whole of `grace_s`, and once it is well again.

    >>> watching = Watching(grace_s=60)
    >>> bad, good = Finding("unreachable", "it cannot be reached"), Finding("well", "all is well")
    >>> [watching.look(bad, at_s) is not None for at_s in (0, 30, 60, 90)]
    [False, False, True, False]
    >>> watching.look(good, 100).became, watching.look(good, 120)
    ('back', None)
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._bad_since_s: float | None = None
        self._told = False

    def look(self, finding: Finding, now_s: float) -> Change | None:
        """Take in a finding; what is to be told now, if anything. A change counts as told when it was returned."""
        if finding.well:
            since_s, told = self._bad_since_s, self._told
            self._bad_since_s, self._told = None, False
            return Change("back", finding, now_s - since_s) if told and since_s is not None else None
        self._bad_since_s = now_s if self._bad_since_s is None else self._bad_since_s
        if self._told or now_s - self._bad_since_s < self._grace_s:
            return None
        self._told = True
        return Change("silent", finding, now_s - self._bad_since_s)


class Teller:
    """Tells of a change beyond the terminal: by a command, and by a POST as chat services take them.

    The command is no line of a shell; it is given the words in its environment. A change that could not be told is told
    again by `retry`.
    """

    def __init__(
        self,
        address: str,
        *,
        command: str = "",
        url: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._address = address
        self._environment = dict(os.environ if environment is None else environment)
        self._ways: dict[str, Callable[[Change], str]] = {}
        if command:
            self._call = shlex.split(command)
            self._ways["the command"] = self._run
        if url:
            self._url = url
            self._client = httpx.Client(timeout=TIMEOUT_S)
            self._ways["the address"] = self._post
        self._left: list[tuple[str, Change]] = []

    def tell(self, change: Change) -> list[str]:
        """Tell of a change; returns what went wrong, in words without secrets."""
        self._left = [(name, change) for name in self._ways]
        return self.retry()

    def retry(self) -> list[str]:
        """Tell again what could not be told; returns what went wrong."""
        wrong, left = [], []
        for name, change in self._left:
            if why := self._ways[name](change):
                wrong.append(f"{name} {why}; it is tried again at the next look")
                left.append((name, change))
        self._left = left
        return wrong

    def _run(self, change: Change) -> str:
        told = {
            "TOCSIN_WATCH_BECAME": change.became,
            "TOCSIN_WATCH_STATE": change.finding.state,
            "TOCSIN_WATCH_WORDS": change.words(self._address),
        }
        try:
            done = subprocess.run(self._call, env=self._environment | told, timeout=COMMAND_S, check=False)  # noqa: S603 - what to run is what the person who watches says
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"cannot be run ({type(error).__name__})"
        return f"ended with {done.returncode}" if done.returncode else ""

    def _post(self, change: Change) -> str:
        body: dict[str, Any] = {"text": change.words(self._address)}
        try:
            answer = self._client.post(self._url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"does not answer ({type(error).__name__})"
        return "" if answer.is_success else f"answered {answer.status_code}"
