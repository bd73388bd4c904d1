"""The section `console` of `tocsin.yaml`: where the web page listens, and who may come in."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from stream.strict_yaml import Document, YamlProblem, unknown
from tocsin.console.passwords import is_kept
from tocsin.secret import Secret
from tocsin.setting_sections import Section
from tocsin.setting_types import Address, Duration, Text, Variable, WebAddress, host_and_port

Where = tuple[str | int, ...]
Opened = Callable[[Where, str | None, str | None], Secret | None]
Role = Literal["viewer", "responder", "admin"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        said = f'"{value[:60]}" is no address and no network; write it as 10.0.0.5 or 10.0.0.0/24'
        raise ValueError(said) from None
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("`public_url` must end after its host, as https://tocsin.example.com")
    return f"{parts.scheme}://{parts.netloc.lower()}"


Network = Annotated[str, AfterValidator(_network)]
Origin = Annotated[WebAddress, AfterValidator(_origin)]


class PersonSettings(Section):
    """Somebody who may sign in to the console, by what they sign in as: an address, or a name of your own."""

    role: Role = Field(
        default="viewer",
        description="viewer looks; responder also answers for incidents; admin also sees settings and the audit trail",
    )
    responder: Text | None = Field(
        default=None, description="which responder of the flowchart they are; without one they answer for no incident"
    )
    brands: tuple[Text, ...] = Field(default=(), description="the brands they see; when empty, all of them")
    password_env: Variable | None = Field(
        default=None, description="variable with what `tocsin console password` made of their password"
    )
    password_file: Text | None = Field(default=None, description="file of mode 0600 with that, instead")


class OidcSettings(Section):
    """OpenID Connect: people sign in where they always do. The provider sends them back to PUBLIC_URL/sign-in/back."""

    issuer: Text = Field(description="the provider, by the address that it calls itself")
    client_id: Text = Field(description="what the provider calls this console")
    client_secret_env: Variable | None = Field(default=None, description="variable with the secret it gave the console")
    client_secret_file: Text | None = Field(default=None, description="file of mode 0600 with that, instead")
    claim: Text = Field(
        default="email",
        description="which of its claims says who somebody is, as `people` names them; `email` must be a verified one",
    )
    scopes: tuple[Text, ...] = Field(default=("openid", "email", "profile"), description="what the provider is asked")
    groups_claim: Text = Field(default="groups", description="which of its claims lists somebody's groups")
    groups: dict[str, Role] = Field(
        default={}, description="group: role, for those whom `people` does not name; they see all brands"
    )
    inside: bool = Field(default=False, description="it lies in our own network: its number and port may be any")

    @property
    def plain(self) -> tuple[str, ...]:
        """Its place, as the guard's rules name one that lies inside."""
        from stream.sources.guard import place_of

        return (place_of(self.issuer),) if self.inside else ()


class ProxySettings(Section):
    """A reverse proxy in front of the console."""

    peers: tuple[Network, ...] = Field(
        min_length=1,
        description="addresses or networks it calls from; the same headers from elsewhere are not believed",
    )
    header: Text | None = Field(
        default=None,
        description="header in which it says who it let in, as X-Forwarded-User; when absent, it signs nobody in, and "
        "is only believed about the address that a request comes from (X-Forwarded-For)",
    )


class ConsoleSettings(Section):
    """The console, as people see Tocsin in a browser. Without this section: for this machine alone."""

    enabled: bool = Field(default=True, description="whether there is one")
    listen: Address = Field(default="127.0.0.1:8761", description="host:port; 0 is any free port")
    public_url: Origin | None = Field(
        default=None, description="where people open it, as https://tocsin.example.com; cards in Slack then link there"
    )
    language: Literal["en", "nl"] = Field(
        default="en", description="language of those whose browser asks for neither English nor Dutch"
    )
    people: dict[str, PersonSettings] = Field(default={}, description="who may sign in")
    token: bool | None = Field(
        default=None,
        description="whether the link of `tocsin console link` signs in as an administrator; when absent, only where "
        "there is no other way to sign in",
    )
    oidc: OidcSettings | None = Field(default=None, description="signing in by OpenID Connect")
    proxy: ProxySettings | None = Field(default=None, description="the reverse proxy in front")
    idle: Duration = Field(
        default=24 * 3_600_000,
        ge=60_000,
        le=30 * 86_400_000,
        description="how long after they last did something people must sign in again",
    )
    longest: Duration = Field(
        default=7 * 86_400_000, ge=60_000, le=90 * 86_400_000, description="how long after they signed in, whatever"
    )

    @property
    def host(self) -> str:
        """The address without its port."""
        return host_and_port(self.listen)[0]

    @property
    def port(self) -> int:
        """The port; 0 asks the machine for a free one."""
        return host_and_port(self.listen)[1]

    @property
    def by_password(self) -> bool:
        """Whether somebody has a password."""
        return any(person.password_env or person.password_file for person in self.people.values())

    @property
    def by_header(self) -> bool:
        """Whether a proxy says who comes."""
        return self.proxy is not None and self.proxy.header is not None

    @property
    def by_token(self) -> bool:
        """Whether the link of the start signs in."""
        return self.token if self.token is not None else not (self.by_password or self.by_header or self.oidc)


def known_as(name: str) -> str:
    """By what a person is looked up: ASCII without its capitals, else letter by letter.

    Unicode has letters that fold into ours; whoever may choose a name at the provider would become somebody else.

    >>> known_as(" Ana@Example.org "), known_as("an\\u212a") == known_as("ank")
    ('ana@example.org', False)
    """
    name = name.strip()
    return name.lower() if name.isascii() else name


def console_contradictions(
    console: ConsoleSettings, brands: Sequence[str], document: Document
) -> Iterator[YamlProblem]:
    """What each setting of the section allows and the whole does not."""
    if console.host not in _LOOPBACK and console.public_url is None:
        said = (
            "is open to the network, so it needs `public_url`, with https, where a proxy keeps passwords and pages "
            "from being read on their way; or listen on 127.0.0.1"
        )
        yield document.problem(("console", "listen"), f"`listen` {said}")
    if console.longest < console.idle:
        where = ("console", "idle" if document.has(("console", "idle")) else "longest")
        yield document.problem(where, "`idle` is longer than `longest`, which ends every session; make it the shorter")
    yield from _people_problems(console, brands, document)
    if console.oidc is not None:
        yield from _oidc_problems(console, console.oidc, document)
    if console.by_header and not console.people:
        said = "`proxy` says who comes, and `people` names nobody who may; add `people`"
        yield document.problem(("console", "proxy"), said)


def _people_problems(console: ConsoleSettings, brands: Sequence[str], document: Document) -> Iterator[YamlProblem]:
    taken: dict[str, str] = {}
    for name, person in console.people.items():
        where: Where = ("console", "people", name)
        if not known_as(name) or len(name) > 254:
            yield document.problem(where, "a name has 1 to 254 characters")
        if known_as(name) in taken:
            said = f'"{taken[known_as(name)]}" is the same person: capitals do not tell names apart'
            yield document.problem(where, said)
        taken.setdefault(known_as(name), name)
        if person.role == "responder" and person.responder is None:
            said = "`role: responder` answers for incidents, so it needs `responder`, one of the flowchart's"
            yield document.problem(where, said)
        if person.password_env and person.password_file:
            yield document.problem(where, "has two passwords; keep password_env or password_file")
        for number, brand in enumerate(person.brands):
            if brand not in brands:
                yield document.problem((*where, "brands", number), unknown(brand, brands, "as a brand"))


def _oidc_problems(console: ConsoleSettings, oidc: OidcSettings, document: Document) -> Iterator[YamlProblem]:
    from stream.sources.guard import Refused, Rules, target_of  # with httpx: only who has a provider waits for it

    where: Where = ("console", "oidc")
    if console.public_url is None:
        yield document.problem(where, "`oidc` needs `public_url`: the provider sends people back there")
    if oidc.client_secret_env and oidc.client_secret_file:
        yield document.problem(where, "`oidc` has two secrets; keep client_secret_env or client_secret_file")
    if not console.people and not oidc.groups:
        yield document.problem(where, "`oidc` lets nobody in: add `people`, or `groups` with a role for each")
    if "openid" not in oidc.scopes:
        yield document.problem((*where, "scopes"), "`scopes` must hold openid")
    try:
        target_of(oidc.issuer, Rules(plain=oidc.plain))
    except Refused as refused:
        said = f"`issuer` is not connected to: {refused}; `inside: true` allows an address of our own network"
        yield document.problem((*where, "issuer"), said)


def open_console_secrets(
    console: ConsoleSettings, opened: Opened, noted: Callable[[Where, str], None]
) -> dict[str, Any]:
    """The secrets that the section names, by their field of `Secrets`; `noted` hears what is wrong with one."""
    found: dict[str, Any] = {"console_passwords": {}}
    for name, person in console.people.items():
        if person.password_env or person.password_file:
            field = "password_file" if person.password_file else "password_env"
            secret = opened(("console", "people", name, field), person.password_env, person.password_file)
            if secret is not None:
                found["console_passwords"][known_as(name)] = secret
            if secret is not None and not is_kept(secret.reveal()):
                noted(
                    ("console", "people", name, field),
                    f"what `{field}` names is no password as `tocsin console password` makes it; put that there",
                )
    oidc = console.oidc
    if oidc is not None and (oidc.client_secret_env or oidc.client_secret_file):
        field = "client_secret_file" if oidc.client_secret_file else "client_secret_env"
        found["console_oidc"] = opened(("console", "oidc", field), oidc.client_secret_env, oidc.client_secret_file)
    return found


def responder_problems(
    console: ConsoleSettings, responders: Mapping[str, object], problem: Callable[[Where, str], object]
) -> list[str]:
    """Which of the people are a responder that the flowchart does not have, one line each."""
    return [
        str(problem(("console", "people", name, "responder"), unknown(person.responder, list(responders), said)))
        for name, person in console.people.items()
        for said in ("as a responder of the flowchart",)
        if person.responder is not None and person.responder not in responders
    ]
