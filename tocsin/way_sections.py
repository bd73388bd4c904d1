"""The sections of `tocsin.yaml` for ways to people besides Slack: each setting with its default and its meaning."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BaseModel, Field

from alerting.mailbox import mailbox
from stream.strict_yaml import Document, YamlProblem, unknown
from tocsin.secret import Secret
from tocsin.setting_sections import Section
from tocsin.setting_types import Text, Variable, WayName, WebAddress, Whole

PORTS = (443, 8443)
"""Where a webhook out in the world may listen."""
MISSING = "the package apprise is not installed; install Tocsin with its extra: pip install 'tocsin[pagers]'"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Where = tuple[str | int, ...]
Opened = Callable[[Where, str | None, str | None], Secret | None]
"""Opens the secret that a variable or a file holds; a problem is noted with the line of the setting."""


def _mailbox(value: str) -> str:
    try:
        return mailbox(value)
    except ValueError:
        raise ValueError(f'"{value[:60]}" is no address of one mailbox; write it as tocsin@example.com') from None


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class EmailSettings(Section):
    """E-mail: the mail server that takes our letters."""

    host: Text = Field(description="name of the mail server")
    port: Whole = Field(default=587, ge=1, le=65535, description="its port: 587 with starttls, 465 with tls")
    sender: Mailbox = Field(description="whom the letters are from")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the connection is kept private; none for a server on this machine"
    )
    username: str = Field(default="", description="whom to log in as; when empty, nobody logs in")
    password_env: Variable | None = Field(default=None, description="variable with the password")
    password_file: Text | None = Field(default=None, description="file of mode 0600 with the password, instead")


class ServiceSettings(Section):
    """A service of PagerDuty, with an integration of the kind Events API v2."""

    routing_key_env: Variable | None = Field(default=None, description="variable with its integration key")
    routing_key_file: Text | None = Field(default=None, description="file of mode 0600 with that key, instead")


class PagerDutySettings(Section):
    """PagerDuty."""

    services: dict[WayName, ServiceSettings] = Field(
        min_length=1, description="services by the name that responders use in `pagerduty: NAME`"
    )
    base_url: WebAddress = Field(
        default="https://events.pagerduty.com/",
        description="where events go; https://events.eu.pagerduty.com/ for accounts in the EU",
    )


class WebhookSettings(Section):
    """A webhook: an address that gets signed pages. A responder's `webhook` must be one of these addresses."""

    url: Text = Field(description="the address, with https")
    secret_env: Variable | None = Field(default=None, description="variable with the signing secret")
    secrets_env: tuple[Variable, ...] = Field(
        default=(), max_length=2, description="two of them, while one replaces the other"
    )
    secret_file: Text | None = Field(default=None, description="file of mode 0600 with the secret, instead")
    inside: bool = Field(
        default=False, description="it lies in our own network: any port and number, and http, are allowed for it"
    )

    @property
    def plain(self) -> tuple[str, ...]:
        """Its place, as the guard's rules name one that lies inside."""
        from stream.sources.guard import place_of

        return (place_of(self.url),) if self.inside else ()


class AppriseSettings(Section):
    """An address of apprise, for the 100 services that it knows. Needs the extra `pagers`."""

    url_env: Variable | None = Field(default=None, description="variable with the address, which holds keys")
    url_file: Text | None = Field(default=None, description="file of mode 0600 with the address, instead")


class PhoneSettings(Section):
    """Who rings the telephones of responders. The number travels with the page."""

    by: Literal["pagerduty", "webhook", "apprise"] = Field(description="the kind of service that rings")
    name: WayName = Field(description="which of those under `pagerduty`, `webhooks` or `apprise`")


class Ways(Protocol):
    """The part of the settings that is about ways to people besides Slack."""

    @property
    def email(self) -> EmailSettings | None: ...
    @property
    def pagerduty(self) -> PagerDutySettings | None: ...
    @property
    def webhooks(self) -> Mapping[str, WebhookSettings]: ...
    @property
    def apprise(self) -> Mapping[str, AppriseSettings]: ...
    @property
    def phone(self) -> PhoneSettings | None: ...


def way_contradictions(settings: Ways, document: Document) -> Iterator[YamlProblem]:
    """What each of these sections allows and the whole does not."""
    if settings.email is not None:
        yield from _email_problems(settings.email, document)
    if settings.pagerduty is not None:
        for name, service in settings.pagerduty.services.items():
            where = ("pagerduty", "services", name)
            yield from _exactly_one(service, ("routing_key_env", "routing_key_file"), where, document)
    yield from _webhook_problems(settings.webhooks, document)
    for name, one in settings.apprise.items():
        yield from _exactly_one(one, ("url_env", "url_file"), ("apprise", name), document)
    if settings.phone is not None:
        known = list(ringers(settings, settings.phone.by))
        if settings.phone.name not in known:
            yield document.problem(
                ("phone", "name"), unknown(settings.phone.name, known, f"under `{_key(settings.phone)}`")
            )


def ringers(settings: Ways, by: str) -> Sequence[str]:
    """The names among which `phone` may choose."""
    services = settings.pagerduty.services if settings.pagerduty is not None else {}
    return list({"pagerduty": services, "webhook": settings.webhooks, "apprise": settings.apprise}[by])


def _key(phone: PhoneSettings) -> str:
    return {"pagerduty": "pagerduty: services", "webhook": "webhooks", "apprise": "apprise"}[phone.by]


def _email_problems(email: EmailSettings, document: Document) -> Iterator[YamlProblem]:
    named = [key for key in ("password_env", "password_file") if getattr(email, key)]
    if bool(email.username) != (len(named) == 1):
        said = "a `username` needs exactly one of password_env, password_file, and the password needs a `username`"
        yield document.problem(("email",), f"`email`: {said}")
    if email.security == "none" and email.host not in _LOOPBACK:
        said = "`security: none` sends pages and passwords in the open; allowed for a mail server on this machine alone"
        yield document.problem(("email", "security"), said)


def _webhook_problems(hooks: Mapping[str, WebhookSettings], document: Document) -> Iterator[YamlProblem]:
    if not hooks:
        return
    from stream.sources.guard import Refused, Rules, target_of  # with httpx: only who has webhooks waits for it

    urls: list[str] = []
    for name, hook in hooks.items():
        yield from _exactly_one(hook, ("secret_env", "secrets_env", "secret_file"), ("webhooks", name), document)
        try:
            target_of(hook.url, Rules(PORTS, hook.plain))
        except Refused as refused:
            said = f"`url` is not connected to: {refused}; `inside: true` allows an address of our own network"
            yield document.problem(("webhooks", name, "url"), said)
        if hook.url in urls:
            yield document.problem(("webhooks", name, "url"), "an earlier webhook has this `url`; each needs its own")
        urls.append(hook.url)


def _exactly_one(section: BaseModel, keys: Sequence[str], where: Where, document: Document) -> Iterator[YamlProblem]:
    if sum(bool(getattr(section, key)) for key in keys) != 1:
        yield document.problem(where, f"`{where[-1]}` needs exactly one of {', '.join(keys)}")


def open_way_secrets(settings: Ways, opened: Opened) -> dict[str, Any]:
    """The secrets of these sections, by the field of `Secrets` that holds them."""
    found: dict[str, Any] = {"pagerduty": {}, "webhooks": {}, "apprise": {}}
    email = settings.email
    if email is not None and email.username:
        where: Where = ("email", "password_file" if email.password_file else "password_env")
        found["email_password"] = opened(where, email.password_env, email.password_file)
    for name, service in (settings.pagerduty.services if settings.pagerduty is not None else {}).items():
        where = ("pagerduty", "services", name)
        _put(found["pagerduty"], name, opened(where, service.routing_key_env, service.routing_key_file))
    for name, hook in settings.webhooks.items():
        names = hook.secrets_env or (hook.secret_env,)
        secrets = [opened(("webhooks", name), variable, hook.secret_file) for variable in names]
        found["webhooks"][name] = tuple(one for one in secrets if one is not None)
    for name, one in settings.apprise.items():
        _put(found["apprise"], name, opened(("apprise", name), one.url_env, one.url_file))
    return found


def _put(into: dict[str, Secret], name: str, secret: Secret | None) -> None:
    if secret is not None:
        into[name] = secret


def package_problems(settings: Ways, document: Document) -> Iterator[YamlProblem]:
    """What is asked for and not installed."""
    if settings.apprise and importlib.util.find_spec("apprise") is None:
        yield document.problem(("apprise",), MISSING, at_key=True)
