"""Addresses of mailboxes. Pure."""

from email.errors import MessageError
from email.headerregistry import Address


def mailbox(address: str) -> str:
    """An address of one mailbox, as it goes over the wire. Raises `ValueError` for anything else.

    >>> mailbox("anna@bücher.example")
    'anna@xn--bcher-kva.example'
    >>> mailbox("anna@corp.example, eve@evil.example")
    Traceback (most recent call last):
      ...
    ValueError: no address of a mailbox
    """
    local, _, domain = address.rpartition("@")
    try:
        host = domain.encode("idna").decode("ascii")
        found = Address(addr_spec=f"{local}@{host}").addr_spec if local.isascii() and local.isprintable() else ""
    except (MessageError, UnicodeError, ValueError, IndexError):
        found = ""
    if not found or not host or set(found) & set(' ,;:<>()[]"\\\t\r\n') or found.count("@") != 1:
        raise ValueError("no address of a mailbox")
    return found
