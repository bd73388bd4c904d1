"""Calendars of rosters: read from files and addresses, and expanded for the core.

EDGE: reads files and the network. Only https is asked, never an address inside a private network unless that is
allowed, and never more than 2 MiB or 20 seconds. The last good copy of each address is kept, so that a calendar that
cannot be had today leaves people on call as they were known. An address is mostly a secret: messages name its host.
"""

import base64
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from alerting.roster import Roster, RosterError, RosterSpec, expand
from alerting.roster_calendar import MAX_BYTES
from stream.codec import DAY_MS, digest
from stream.sources.guard import Refused, Rules, numbers_of, pinned, target_of

HORIZON_DAYS = 400
"""How far ahead rosters are known."""
RENEW_DAYS = 370
"""With less than this ahead of it a roster is prolonged though nothing in it changed: about monthly, not daily."""
TOTAL_SECONDS = 20
_TIMEOUT = httpx.Timeout(10, connect=5)
_REDIRECTS = 3
_ALLOWED = "allowed: a file beside the chart, an address that begins with https://, env:NAME"


class CalendarError(ValueError):
    """A calendar that cannot be had, in one line."""


def read_calendars(
    specs: Mapping[str, RosterSpec],
    base: Path,
    *,
    kept_in: Path | None = None,
    environment: Mapping[str, str] | None = None,
    allow_private: bool = False,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """The iCalendar texts of the rosters that name one, by roster.

    Files lie beside the chart (`base`). What comes from an address is kept in the directory `kept_in`, and read from
    there when the address gives nothing: then `warn` is called with one line. `environment` holds the variables that
    `env:NAME` may name. `allow_private` allows addresses inside private networks.

    Raises `RosterError` with every calendar that cannot be had.
    """
    texts: dict[str, str] = {}
    problems: list[str] = []
    for name, spec in specs.items():
        if spec.calendar is None:
            continue
        try:
            place = _place(spec.calendar, environment or {})
            if place.startswith("https://"):
                texts[name] = _from_address(place, kept_in, allow_private=allow_private, warn=warn)
            else:
                texts[name] = _from_file(base / place)
        except CalendarError as error:
            problems.append(f"roster {name}: {error}")
    if problems:
        raise RosterError(problems)
    return texts


def expand_rosters(
    specs: Mapping[str, RosterSpec],
    calendars: Mapping[str, str],
    at_ms: int,
    responders: Mapping[str, str] | None = None,
    *,
    days: int = HORIZON_DAYS,
) -> dict[str, Roster]:
    """Every roster from the day before `at_ms` on, for the days of the horizon.

    The horizon begins at a midnight of UTC, so that all expansions of a day are the same. Raises `RosterError` with all
    that is wrong with any; gaps are not among it: see `Roster.problems`.
    """
    from_ms = at_ms - at_ms % DAY_MS - DAY_MS
    found: dict[str, Roster] = {}
    problems: list[str] = []
    for name, spec in specs.items():
        try:
            found[name] = expand(
                spec, from_ms, from_ms + days * DAY_MS, calendars.get(name), name=name, responders=responders
            )
        except RosterError as error:
            problems += error.problems
    if problems:
        raise RosterError(problems)
    return found


def must_renew(held: Mapping[str, Roster], fresh: Mapping[str, Roster], at_ms: int) -> bool:
    """Whether the core should get `fresh` in the place of `held`: others are on call, or `held` ends too soon.

    Asked once a day, with `fresh` expanded at `at_ms`. A horizon that only moved on is no change.
    """
    if sorted(held) != sorted(fresh):
        return True
    return any(_differ(held[name], roster, at_ms) for name, roster in fresh.items())


def _differ(held: Roster, fresh: Roster, at_ms: int) -> bool:
    if held.timezone != fresh.timezone or held.until_ms < at_ms + RENEW_DAYS * DAY_MS:
        return True
    from_ms, until_ms = max(at_ms, held.from_ms, fresh.from_ms), min(held.until_ms, fresh.until_ms)
    return _seen(held, from_ms, until_ms) != _seen(fresh, from_ms, until_ms)


def _seen(roster: Roster, from_ms: int, until_ms: int) -> list[tuple[int, tuple[str, ...], int]]:
    """Who is on call in a stretch: each change with its instant."""
    inside = [i for i in roster.intervals if i.from_ms < until_ms and i.until_ms > from_ms]
    return [(max(i.from_ms, from_ms), i.people, i.needed) for i in inside]


# --- files -----------------------------------------------------------------------------------------------------------


def _place(calendar: str, environment: Mapping[str, str]) -> str:
    if not calendar.startswith("env:"):
        return calendar
    name = calendar.removeprefix("env:")
    found = environment.get(name, "").strip()
    if not found:
        raise CalendarError(f"the variable {name} is empty or not set; it must hold the address of the calendar")
    if not found.startswith("https://"):
        raise CalendarError(f"what the variable {name} holds is no address that begins with https://")
    return found


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        said = (getattr(error, "strerror", None) or "error").lower()
        raise CalendarError(f"{path}: the calendar cannot be read ({said}); {_ALLOWED}") from None
    return _decoded(body, str(path))


def _decoded(body: bytes, label: str) -> str:
    if len(body) > MAX_BYTES:
        raise CalendarError(f"{label}: this calendar has more than {MAX_BYTES} bytes; let it hold on-call shifts alone")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CalendarError(f"{label}: byte {error.start} is not UTF-8, as iCalendar must be") from None
    if "BEGIN:VCALENDAR" not in text[:4096].upper():
        raise CalendarError(f"{label}: this is no iCalendar file, which begins with BEGIN:VCALENDAR")
    return text


# --- addresses -------------------------------------------------------------------------------------------------------


def _from_address(address: str, kept_in: Path | None, *, allow_private: bool, warn: Callable[[str], None]) -> str:
    kept = kept_in / f"{digest(address.encode())[:32]}.ics" if kept_in is not None else None
    label = f"calendar at {_host(address)}"
    try:
        text = _decoded(_fetched(address, allow_private=allow_private), label)
    except CalendarError as error:
        if kept is None or not kept.exists():
            raise
        warn(f"{error}; the copy of {_age(kept)} is used")
        return _from_file(kept)
    if kept is not None:
        _keep(kept, text)
    return text


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "?"
    except ValueError:
        return "?"


def _age(kept: Path) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(kept.stat().st_mtime))


def _keep(kept: Path, text: str) -> None:
    """Replace the last good copy, whole or not at all; who is on call when is nobody else's business."""
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = kept.with_suffix(".new")
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline=""
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(kept)


def _fetched(address: str, *, allow_private: bool) -> bytes:
    """The body behind an https address. Raises `CalendarError`, which names the host and never the address.

    In a thread of its own, which is left behind when the time is over: neither a look-up of a name nor an answer that
    comes by the byte can be cut short otherwise.
    """
    box: list[bytes | CalendarError] = []

    def work() -> None:
        try:
            box.append(_followed(address, allow_private=allow_private))
        except CalendarError as error:
            box.append(error)

    thread = threading.Thread(target=work, name="calendar", daemon=True)
    thread.start()
    thread.join(TOTAL_SECONDS)
    found = box[0] if box else CalendarError(f"calendar at {_host(address)}: it took more than {TOTAL_SECONDS} seconds")
    if isinstance(found, CalendarError):
        raise found
    return found


def _followed(address: str, *, allow_private: bool) -> bytes:
    # Not through a proxy: what a proxy would connect to cannot be looked at here. Own authorities: SSL_CERT_FILE.
    # Not through a client of httpx either: it logs whole addresses.
    with httpx.HTTPTransport(trust_env=False, verify=httpx.create_ssl_context(trust_env=True)) as transport:
        for _ in range(_REDIRECTS + 1):
            label = f"calendar at {_host(address)}"
            try:
                found = _asked(transport, httpx.URL(address), allow_private=allow_private)
            except CalendarError:
                raise
            except httpx.HTTPError as error:
                raise CalendarError(f"{label}: it does not answer as it should ({type(error).__name__})") from None
            except (httpx.InvalidURL, ValueError):
                raise CalendarError(f"{label}: this is no address; {_ALLOWED}") from None
            if isinstance(found, bytes):
                return found
            address = urljoin(address, found)
    raise CalendarError(f"calendar at {_host(address)}: it leads on to other addresses more than {_REDIRECTS} times")


def _asked(transport: httpx.HTTPTransport, url: httpx.URL, *, allow_private: bool) -> bytes | str:
    """A body, or the address that a redirect names."""
    host = url.raw_host.decode()
    if url.scheme != "https" or not host:
        raise CalendarError(f"calendar at {host or '?'}: it leads to an address without https, which is not asked")
    answer = _answered(transport, url, _looked_up(url, allow_private=allow_private))
    try:
        if answer.is_redirect:
            return str(answer.headers.get("location", ""))
        if answer.status_code != httpx.codes.OK:
            raise CalendarError(f"calendar at {host}: it answers {answer.status_code} instead of 200")
        return _body(answer, host)
    finally:
        answer.close()


def _answered(transport: httpx.HTTPTransport, url: httpx.URL, numbers: list[str]) -> httpx.Response:
    """The first answer of any of a host's numbers."""
    headers = {"Accept": "text/calendar, */*;q=0.5"}
    if url.userinfo:
        pair = f"{url.username}:{url.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    refused: httpx.HTTPError = httpx.ConnectError("no number")
    for number in numbers:
        asked = pinned("GET", str(url), number, headers)
        asked.extensions["timeout"] = _TIMEOUT.as_dict()
        try:
            return transport.handle_request(asked)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            refused = error
    raise refused


def _body(answer: httpx.Response, host: str) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise CalendarError(f"calendar at {host}: it answers compressed though asked not to")
    body = bytearray()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > MAX_BYTES:
            break  # told by `_decoded`
    return bytes(body)


def _looked_up(url: httpx.URL, *, allow_private: bool) -> list[str]:
    """The numbers of a host that may be asked: public ones, unless private ones are allowed."""
    rules = Rules(ports=(), private=allow_private)
    try:
        return numbers_of(target_of(str(url.copy_with(username=None, password=None)), rules), rules)
    except Refused as refused:
        allowed = "" if refused.passing else ", which is not asked; allowed: a file beside the chart, a public address"
        raise CalendarError(f"calendar at {url.raw_host.decode()}: {refused}{allowed}") from None
