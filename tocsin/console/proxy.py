"""What a reverse proxy says: whom it let in, and where a request comes from. Believed from listed peers alone. Pure."""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence

from starlette.requests import Request

from tocsin.console.doors import Visitor
from tocsin.console.roll import Roll
from tocsin.console_sections import ProxySettings

FORWARDED = "X-Forwarded-For"


class Proxy:
    """The proxy of the settings; without them, nothing that a header says is believed. `key` is for forms' tokens."""

    def __init__(self, proxy: ProxySettings | None, roll: Roll, key: bytes) -> None:
        self._peers = [ipaddress.ip_network(peer) for peer in (proxy.peers if proxy is not None else ())]
        self._header = proxy.header if proxy is not None else None
        self._roll = roll
        self._key = key

    def name_in(self, request: Request) -> str | None:
        """Whom the proxy let in; nothing from elsewhere, and nothing where two names are given."""
        if self._header is None or not self._is_peer(_peer(request)):
            return None
        names = request.headers.getlist(self._header)
        return names[0].strip() or None if len(names) == 1 else None

    def visitor(self, request: Request) -> Visitor | None:
        """Who this is, if `people` names them."""
        name = self.name_in(request)
        if name is None:
            return None
        found = self._roll.named(name, "proxy")
        if found is None:
            return None
        token = hmac.new(self._key, f"csrf {found.name}".encode(), hashlib.sha256).hexdigest()
        return self._roll.named(name, "proxy", token)

    def address_of(self, request: Request) -> str:
        """Where a request comes from: the last address on its way that is not the proxy's own."""
        address = _peer(request)
        if not self._is_peer(address):
            return address
        hops = ",".join(request.headers.getlist(FORWARDED)).split(",")
        return next(
            (hop for hop in map(str.strip, reversed(hops)) if _is_address(hop) and not self._is_peer(hop)), address
        )

    def _is_peer(self, address: str) -> bool:
        return is_in(address, self._peers)


def is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether an address lies in one of these networks; IPv4 inside IPv6 counts as IPv4.

    >>> is_in("::ffff:10.0.0.5", [ipaddress.ip_network("10.0.0.0/24")]), is_in("?", [ipaddress.ip_network("0.0.0.0/0")])
    (True, False)
    """
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is not None:
        return any(number.ipv4_mapped in network for network in networks)
    return any(number in network for network in networks)


def _peer(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
