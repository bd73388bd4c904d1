"""EDGE. The ways to people that a configuration sets up, besides Slack and the terminal."""

from collections.abc import Callable, Mapping

from alerting.delivery.email import EmailWay, Server
from alerting.delivery.pagerduty import PagerDutyWay
from alerting.delivery.phone import PhoneWay
from alerting.delivery.ways import Way
from alerting.delivery.webhook import WebhookWay
from stream.sources.guard import GuardedClient, Rules, place_of
from tocsin.setting_sections import Secrets
from tocsin.settings import Settings
from tocsin.way_sections import PORTS, PhoneSettings


class OutwardWays:
    """What a configuration sets up: `ways` by the names that flowcharts use. Close it at the end."""

    def __init__(self, ways: Mapping[str, Way], clients: tuple[GuardedClient, ...] = ()) -> None:
        self.ways = dict(ways)
        self._clients = clients

    async def close(self) -> None:
        """Close the connections that are still open."""
        for client in self._clients:
            await client.close()


def build_ways(settings: Settings, secrets: Secrets, clock: Callable[[], int]) -> OutwardWays:
    """Everything besides Slack that can reach people. Connects to nothing yet.

    Raises `ImportError` where apprise is asked for and missing, which `Settings.require_secrets` tells before.

    >>> build_ways(Settings(), Secrets(), lambda: 0).ways
    {}
    """
    total_s = settings.delivery.timeout / 1000
    ways: dict[str, Way] = {}
    clients: list[GuardedClient] = []
    if settings.email is not None:
        ways["email"] = EmailWay(_server(settings, secrets), clock)
    if settings.pagerduty is not None:
        base_url = settings.pagerduty.base_url
        # Who writes another address here has a PagerDuty of their own, for trials on this machine.
        plain = (place_of(base_url),) if base_url.startswith("http://") else ()
        clients.append(GuardedClient(Rules(PORTS, plain), total_s=total_s))
        keys = {name: key.reveal for name, key in secrets.pagerduty.items()}
        ways["pagerduty"] = PagerDutyWay(clients[-1], keys, base_url)
    if settings.webhooks:
        inside = tuple(place for hook in settings.webhooks.values() for place in hook.plain)
        clients.append(GuardedClient(Rules(PORTS, inside), total_s=total_s))
        hooks = {
            hook.url: [one.reveal for one in secrets.webhooks.get(name, ())] for name, hook in settings.webhooks.items()
        }
        ways["webhook"] = WebhookWay(clients[-1], hooks, clock)
    if settings.phone is not None:
        ways["phone"] = _phone(settings, settings.phone, secrets, ways, total_s)
    return OutwardWays(ways, tuple(clients))


def _server(settings: Settings, secrets: Secrets) -> Server:
    email, password = settings.email, secrets.email_password
    if email is None:
        raise ValueError("no mail server is set up")
    return Server(
        email.host,
        email.port,
        email.sender,
        email.security,
        email.username,
        password.reveal if password is not None else None,
        settings.delivery.timeout / 1000,
    )


def _phone(
    settings: Settings, phone: PhoneSettings, secrets: Secrets, ways: Mapping[str, Way], total_s: float
) -> PhoneWay:
    if phone.by == "apprise":
        from alerting.delivery.apprise import AppriseWay

        urls = {name: url.reveal for name, url in secrets.apprise.items()}
        return PhoneWay(AppriseWay(urls, timeout_s=total_s), phone.name)
    to = settings.webhooks[phone.name].url if phone.by == "webhook" else phone.name
    return PhoneWay(ways[phone.by], to)
