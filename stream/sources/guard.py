"""What Tocsin connects to of its own accord: addresses of the open internet, and no others. EDGE: uses the network.

An address in a configuration, or one to which an answer leads on, may point into our own network: at the metadata of a
cloud machine, at a database, at a printer. So every such connection goes through here (OWASP ASVS 5.0, 1.3.6): https
alone, on listed ports; the name is looked up once, each number it has is held against the private ranges, and the
connection goes to the very number that was looked at, so that a name cannot become another number in between. No answer
is followed elsewhere by itself, no proxy of the environment is used, and an answer has a greatest size and time.
"""

import asyncio
import ipaddress
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

LARGEST_BYTES = 1 << 20
"""How much of an answer is read."""
TOTAL_S = 10.0
"""How long a call may take, from the look-up of the name to the last byte."""
CONNECT_S = 5.0
LOOKED_UP_S = 5.0
"""How long what a look-up found is used, and then once."""
HOSTS_KNOWN = 1_000

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_WRAPPED_V4 = ipaddress.ip_network("64:ff9b::/96")
"""NAT64, RFC 6052: IPv4 inside IPv6. Addresses of `64:ff9b:1::/48` (RFC 8215) are local by definition."""
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE_V4 = ipaddress.ip_network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""RFC 5214: the middle of an IPv6 address whose last 32 bits are an IPv4 address."""


class Refused(Exception):  # noqa: N818 - says what was done, as its siblings do
    """An address that is not connected to. The text says why, in words of ours; it never holds the address."""

    def __init__(self, why: str, *, passing: bool = False) -> None:
        super().__init__(why)
        self.passing = passing
        """Whether it may be otherwise in a moment: a name that cannot be looked up now."""


class Rules(NamedTuple):
    """What may be connected to. `plain` names hosts, as `host` or `host:port`, that are asked whatever their number is
    and also without https: for a gateway inside one's own network, and for trials on this machine.
    """

    ports: tuple[int, ...] = (443,)
    """Empty for any port."""
    plain: tuple[str, ...] = ()
    private: bool = False
    """Whether numbers of private networks may be asked, with https."""
    unencrypted: bool = False
    """Whether numbers of the open internet may also be asked without https: for what is public anyway, as some feeds
    are. What comes so may have been changed on its way. `ports` must then hold 80."""


class Target(NamedTuple):
    """An address that is well written and allowed as far as it can be told without looking its name up."""

    scheme: str
    host: str
    port: int
    listed: bool
    """One of the hosts that the rules allow whatever their number."""


def target_of(url: str, rules: Rules = Rules()) -> Target:  # noqa: B008 - a tuple that nobody changes
    """The place that an address names. Raises `Refused`.

    >>> target_of("https://hooks.example/a?b").port
    443
    >>> for url in ("http://hooks.example/", "https://2130706433/", "https://a@b.example/", "https://10.0.0.1/"):
    ...     try:
    ...         target_of(url)
    ...     except Refused as why:
    ...         print(why)
    it has no https
    its host is no name, and no address in its usual spelling
    it holds a name or a password before the host
    it lies inside a private network
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Refused("it holds characters that an address does not have; write a name in its xn-- spelling")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("it is no address") from None
    if "@" in parts.netloc:
        raise Refused("it holds a name or a password before the host")
    port = (443 if parts.scheme == "https" else 80) if port is None else port
    listed = _is_listed(host, port, rules)
    if parts.scheme != "https" and not (parts.scheme == "http" and (listed or rules.unencrypted)):
        raise Refused("it has no https")
    if not listed and rules.ports and port not in rules.ports:
        raise Refused(f"it names port {port}; allowed: {', '.join(map(str, rules.ports))}")
    number = _number(host)
    if number is None and not _is_name(host):
        raise Refused("its host is no name, and no address in its usual spelling")
    target = Target(parts.scheme, host, port, listed)
    if number is not None and not (_may_be_private(target, rules) or is_public(host)):
        raise Refused("it lies inside a private network")
    return target


def place_of(url: str) -> str:
    """Host and port of an address, as `Rules.plain` names them; "" where it has none.

    >>> place_of("http://[::1]:80/x"), place_of("https://pager.corp.example/x"), place_of("https://[/")
    ('[::1]:80', 'pager.corp.example:443', '')
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port or (443 if parts.scheme == 'https' else 80)}" if host else ""


def _may_be_private(target: Target, rules: Rules) -> bool:
    return target.listed or (rules.private and target.scheme == "https")


def _is_listed(host: str, port: int, rules: Rules) -> bool:
    shown = f"[{host}]" if ":" in host else host
    return bool(host) and any(one in (host, shown, f"{shown}:{port}") for one in rules.plain)


def _is_name(host: str) -> bool:
    """Whether it is a name of the DNS, and nothing that a resolver might read as a number (`2130706433`, `0x7f.1`)."""
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    return not (labels[-1][0].isdecimal() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]))


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_public(number: str) -> bool:
    """Whether an IP address is one of the open internet, also where IPv6 only wraps an IPv4 address.

    >>> [is_public(n) for n in ("93.184.216.34", "10.0.0.1", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "::1")]
    [True, False, False, False, False, False]
    >>> [is_public(n) for n in ("2606:4700::1111", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::", "fe80::1%eth0")]
    [True, False, False, False, False]
    """
    address = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        low = int(address) & 0xFFFFFFFF
        if address in _WRAPPED_V4 or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
            inner = ipaddress.IPv4Address(low)
        if address.teredo is not None or address in _LOCAL_NAT64 or address in _COMPATIBLE_V4:
            return False
        address = inner or address
    return address.is_global and not address.is_multicast


def numbers_of(target: Target, rules: Rules = Rules()) -> list[str]:  # noqa: B008
    """The numbers of a target that may be connected to, looked up once. Waits for the network. Raises `Refused`.

    One private number among public ones is left out: a name may not choose for us which of its numbers is asked.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused("no such host", passing=True) from None
    numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [one for one in numbers if _may_be_private(target, rules) or is_public(one)]
    if not allowed:
        raise Refused("it lies inside a private network")
    return allowed


async def looked_up(target: Target, rules: Rules, *, within_s: float) -> list[str]:
    """As `numbers_of`, while others have their turn. Raises `Refused`, also for a look-up that takes too long."""
    try:
        async with asyncio.timeout(within_s):
            return await asyncio.to_thread(numbers_of, target, rules)
    except TimeoutError:
        raise Refused("its name could not be looked up in time", passing=True) from None


def carrier() -> httpx.AsyncHTTPTransport:
    """What carries requests that are `pinned`. It keeps no connection: one is known by its number, and its certificate
    was held against one name alone.
    """
    return httpx.AsyncHTTPTransport(
        trust_env=False,
        verify=httpx.create_ssl_context(trust_env=True),
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def pinned(method: str, url: str, number: str, headers: Mapping[str, str], body: bytes = b"") -> httpx.Request:
    """A request that goes to `number` and speaks to the host of `url`: for its certificate, and in the `Host` line."""
    whole = httpx.URL(url)
    spoken = {"Host": whole.netloc.decode(), "Accept-Encoding": "identity", "Connection": "close", **headers}
    return httpx.Request(
        method,
        whole.copy_with(host=number, username=None, password=None),
        headers=spoken,
        content=body,
        extensions={"sni_hostname": whole.raw_host.decode()},
    )


class Answer(NamedTuple):
    """What a host answered. A redirect is an answer like any other."""

    status: int
    headers: httpx.Headers
    body: bytes


class NotSent(Exception):  # noqa: N818 - the one thing that matters of it
    """No connection came about, so nothing was sent. The text is one word."""


class Lost(Exception):  # noqa: N818
    """The request left, at least in part, and no whole answer came. The text is one word."""


class GuardedClient:
    """Calls that go to allowed places alone. Nothing of a call shows in a log; close it at the end."""

    def __init__(self, rules: Rules = Rules(), *, total_s: float = TOTAL_S, largest: int = LARGEST_BYTES) -> None:  # noqa: B008
        self._rules = rules
        self._total_s = total_s
        self._largest = largest
        # The transport and not a client: a client of httpx logs whole addresses, and follows where it is led.
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._numbers: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def look_up(self, url: str) -> None:
        """Look the host up now, so that a call within `LOOKED_UP_S` begins at once. Raises `Refused`."""
        target = target_of(url, self._rules)
        numbers = await self._looked_up(target)
        if len(self._numbers) >= HOSTS_KNOWN:
            self._numbers.clear()
        self._numbers[target.host, target.port] = (time.monotonic(), numbers)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST, never again by itself. Raises `Refused`, `NotSent` or `Lost`."""
        target = target_of(url, self._rules)
        ends_s = time.monotonic() + self._total_s
        known_s, numbers = self._numbers.pop((target.host, target.port), (0.0, []))
        if not numbers or time.monotonic() - known_s > LOOKED_UP_S:
            numbers = await self._looked_up(target)
        return await self._sent(url, numbers, body, headers, ends_s)

    async def _looked_up(self, target: Target) -> list[str]:
        return await looked_up(target, self._rules, within_s=min(CONNECT_S, self._total_s))

    async def _sent(
        self, url: str, numbers: Sequence[str], body: bytes, headers: Mapping[str, str], ends_s: float
    ) -> Answer:
        last = "ConnectError"
        for number in numbers:
            request = pinned("POST", url, number, headers, body)
            left: list[bool] = []
            request.extensions |= {"timeout": self._timeouts(), "trace": _noting(left)}
            try:
                async with asyncio.timeout(ends_s - time.monotonic()):
                    return await self._answered(request)
            except (httpx.HTTPError, TimeoutError) as error:
                last = type(error).__name__
                if left:
                    raise Lost(last) from None
        raise NotSent(last)

    async def _answered(self, request: httpx.Request) -> Answer:
        if self._transport is None:
            self._transport = carrier()
        response = await self._transport.handle_async_request(request)
        try:
            held = bytearray()
            async for piece in response.aiter_raw():
                held += piece
                if len(held) > self._largest:
                    break
            return Answer(response.status_code, response.headers, bytes(held[: self._largest]))
        finally:
            await response.aclose()

    def _timeouts(self) -> dict[str, float | None]:
        return httpx.Timeout(self._total_s, connect=min(CONNECT_S, self._total_s)).as_dict()

    async def close(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None


def _noting(left: list[bool]) -> Callable[[str, dict[str, Any]], Any]:
    """Notes the moment from which on something may have arrived (httpcore's "trace" extension)."""

    async def note(event: str, _info: dict[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            left.append(True)

    return note
