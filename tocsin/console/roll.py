"""Who may come in, and what they may do then: by the section `console` of the settings. Pure."""

from collections.abc import Mapping

import msgspec

from tocsin.console.doors import Visitor
from tocsin.console.sessions import Session
from tocsin.console_sections import ConsoleSettings, Role, known_as

LOCAL = "local"
"""Whoever comes by the token: it belongs to the machine, not to a person."""
NOBODY = Visitor(name="", role="viewer", brands=(), verbs=("open",))
"""Whoever is not signed in."""
_RANK: Mapping[str, int] = {"viewer": 0, "responder": 1, "admin": 2}


class Roll:
    """The people of the settings, looked up at every request: what a file says at a start holds from then on."""

    def __init__(self, console: ConsoleSettings) -> None:
        self._people = {known_as(name): (name, person) for name, person in console.people.items()}
        self._groups: Mapping[str, Role] = console.oidc.groups if console.oidc is not None else {}
        self._by_token = console.by_token

    def name_of(self, claimed: str) -> str | None:
        """What `people` calls somebody, or nothing."""
        found = self._people.get(known_as(claimed))
        return found[0] if found is not None else None

    def role_by(self, groups: list[str]) -> Role | None:
        """The greatest role that any of these groups gives.

        >>> from tocsin.console_sections import OidcSettings
        >>> groups = {"pr": "responder", "it": "viewer"}
        >>> oidc = OidcSettings(issuer="https://id.example", client_id="tocsin", groups=groups)
        >>> roll = Roll(ConsoleSettings(oidc=oidc))
        >>> roll.role_by(["it", "pr", "tennis"]), roll.role_by(["tennis"])
        ('responder', None)
        """
        found = [self._groups[group] for group in groups if group in self._groups]
        return max(found, key=_RANK.__getitem__, default=None)

    def visitor(self, session: Session) -> Visitor | None:
        """Who a session is today; nobody where the settings do not know them any more."""
        if session.how == "local":
            if not self._by_token:
                return None
            return Visitor(name=LOCAL, role="admin", responder=session.responder, how="local", csrf=session.csrf)
        found = self.named(session.name, session.how)
        if found is None and session.role and session.role in self._groups.values():
            found = Visitor(name=session.name, role=msgspec.convert(session.role, Role), how="oidc")
        return msgspec.structs.replace(found, csrf=session.csrf) if found is not None else None

    def named(self, name: str, how: str, csrf: str = "") -> Visitor | None:
        """Somebody whom `people` names."""
        found = self._people.get(known_as(name))
        if found is None:
            return None
        called, person = found
        return Visitor(
            name=called,
            role=person.role,
            responder=person.responder or "",
            brands=person.brands or None,
            how=msgspec.convert(how, Visitor.__annotations__["how"]),
            csrf=csrf,
        )
