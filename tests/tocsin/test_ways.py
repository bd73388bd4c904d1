"""Ways to people as they are set up: from `tocsin.yaml` to a page that arrives, and what `tocsin check` says."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from alerting.delivery.ways import Message
from alerting.facts import Facts
from alerting.view import IncidentView
from stream.sources.signing import sign
from tests.command import tocsin
from tests.fakes.hooks import FakeHooks
from tests.fakes.smtp import FakeSmtp
from tests.tocsin.rota_chart import WRITTEN
from tocsin.checking import check_all, check_warnings
from tocsin.live_chart import LiveChart
from tocsin.secret import Secret
from tocsin.settings import SettingsError, load_settings
from tocsin.ways import build_ways

PAGE = Path(__file__).parents[2] / "docs" / "paging.md"
CANARY = "canary-of-a-secret"
BRANDS = "brands: [{name: Acme, query: acme}]\n"
NOW_MS = 1_772_449_200_000
VIEW = IncidentView(
    brand="Acme", incident="acme-0", scenario="backlash", severity="high", opened_ms=NOW_MS, facts=Facts(mentions=40)
)
PEOPLE = {
    "chloe": "{name: Chloe Martin, slack: U0CHLOE, phone: '+31 6 1', email: chloe@corp.example, pagerduty: pr_duty}",
    "david": "{name: David Jansen, slack: U0DAVID}",
}
CHART = re.sub(r"\n  (chloe|david): {.*}", lambda one: f"\n  {one[1]}: {PEOPLE[one[1]]}", WRITTEN)
CHART = CHART.replace("PEOPLE", "chloe, david").replace("{page: pr_on_call,", "{page: pr_on_call, by: [slack, phone],")


def blocks(language: str) -> list[str]:
    """The examples of the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def _home(tmp_path: Path, config: str, chart: str = CHART) -> Path:
    (tmp_path / "chart.yaml").write_text(chart, encoding="utf-8")
    path = tmp_path / "tocsin.yaml"
    path.write_text(config, encoding="utf-8")
    return path


# ---- the page


@pytest.mark.parametrize("number", range(len(blocks("yaml"))))
def test_every_example_of_the_page_is_in_order(number: int, tmp_path: Path) -> None:
    """As `tocsin check` says once the secrets that it names are there; without them each is asked for with its line."""
    example = blocks("yaml")[number]
    config = _home(tmp_path, example)
    variables = re.findall(r"\b[A-Z][A-Z0-9_]{5,}\b", example)
    for name in re.findall(r"\w+\.key", example):
        (tmp_path / name).write_text(f"{CANARY}-{name}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    assert len(check_all(config, {})) == len(variables) > 0
    assert check_all(config, {name: f"{CANARY}-{name}" for name in variables}) == []


def test_the_receiver_of_the_page_takes_what_is_right_and_nothing_else() -> None:
    """Wrong, missing, old, future, not a number, another body: refused, and nothing raised."""
    space: dict[str, Any] = {}
    exec(blocks("python")[0], space)
    check, body, now_s = space["is_from_tocsin"], b'{"id": "p1"}', NOW_MS // 1000
    good = {"X-Timestamp": str(now_s), "X-Signature": f"{sign('other', now_s, body)},{sign(CANARY, now_s, body)}"}
    assert check(CANARY.encode(), good, body, now_s)
    old = {"X-Timestamp": str(now_s - 301), "X-Signature": sign(CANARY, now_s - 301, body)}
    ahead = {"X-Timestamp": str(now_s + 301), "X-Signature": sign(CANARY, now_s + 301, body)}
    bad = [{}, old, ahead, {**good, "X-Timestamp": "1e9"}, {**good, "X-Signature": "v1="}, {"X-Timestamp": str(now_s)}]
    assert not any(check(CANARY.encode(), headers, body, now_s) for headers in bad)
    assert not check(b"another", good, body, now_s)
    assert not check(CANARY.encode(), good, body + b" ", now_s)


# ---- from the file to a page that arrives


async def test_what_the_file_sets_up_reaches_people(tmp_path: Path) -> None:
    """Each way by its name, with its secret; telephones by whoever rings."""
    async with FakeHooks() as hooks, FakeSmtp() as mail:
        config = _home(
            tmp_path,
            f"""{BRANDS}
email: {{host: 127.0.0.1, port: {mail.port}, sender: tocsin@corp.example, security: none}}
pagerduty:
  base_url: {hooks.base_url}
  services: {{pr_duty: {{routing_key_env: KEY}}}}
webhooks:
  own: {{url: '{hooks.base_url}own', secret_env: HOOK, inside: true}}
phone: {{by: webhook, name: own}}
""",
        )
        settings = load_settings(config, {"KEY": CANARY, "HOOK": CANARY})
        built = build_ways(settings, settings.require_secrets(), lambda: NOW_MS)
        assert sorted(built.ways) == ["email", "pagerduty", "phone", "webhook"]
        places = {
            "email": "a@corp.example",
            "pagerduty": "pr_duty",
            "phone": "+31 6 1",
            "webhook": f"{hooks.base_url}own",
        }
        for way, to in places.items():
            page = Message(page_id=way, incident="acme-0", kind="page", to=to, text="", view=VIEW, line="Paged: chloe.")
            assert (await built.ways[way].post(page)).kind == "sent", way
        assert mail.to == [["a@corp.example"]]
        assert hooks.keys == ["pagerduty", "phone", "webhook"]
        event, rung, posted = (one.json for one in hooks.taken)
        assert event["routing_key"] == CANARY
        assert rung["phone"] == "+31 6 1"
        schema = json.loads(blocks("json")[0])
        for body in (rung, posted):
            jsonschema.validate(body, schema)
            assert set(body) <= set(schema["properties"]), "every field stands on the page"
        await built.close()


def test_a_secret_shows_neither_in_settings_nor_in_ways(tmp_path: Path) -> None:
    config = _home(tmp_path, f"{BRANDS}pagerduty: {{services: {{pr_duty: {{routing_key_env: KEY}}}}}}\n")
    settings = load_settings(config, {"KEY": CANARY})
    secrets = settings.require_secrets()
    assert secrets.pagerduty == {"pr_duty": Secret(CANARY)}
    built = build_ways(settings, secrets, lambda: 0)
    way = built.ways["pagerduty"]
    assert CANARY not in f"{settings!r}{secrets!r}{secrets.model_dump()!r}{way!r}{vars(way)!r}"


# ---- what is wrong


WRONG = {
    "pagerduty: {services: {}}": "services",
    "pagerduty: {services: {pr_duty: {}}}": "`pr_duty` needs exactly one of routing_key_env, routing_key_file",
    "pagerduty: {services: {pr_duty: {routing_key_env: R-1}}}": "must be the name of an environment variable",
    "webhooks: {own: {url: 'https://10.0.0.1/', secret_env: KEY}}": "it lies inside a private network",
    "webhooks: {own: {url: 'https://2130706433/', secret_env: KEY}}": "no address in its usual spelling",
    "webhooks: {own: {url: 'http://pager.example/', secret_env: KEY}}": "it has no https",
    "webhooks: {own: {url: 'https://pager.example/'}}": "exactly one of secret_env, secrets_env, secret_file",
    "webhooks: {one: {url: 'https://p.test/', secret_env: KEY}, two: {url: 'https://p.test/', secret_env: KEY}}": (
        "an earlier webhook has this `url`"
    ),
    "phone: {by: pagerduty, name: pr_duty}": "`pr_duty` is not known under `pagerduty: services`",
    "apprise: {sms: {}}": "`sms` needs exactly one of url_env, url_file",
    "email: {host: mail.example, sender: nobody}": "is no address of one mailbox",
    "email: {host: mail.example, sender: a@b.example, security: none}": "in the open",
    "email: {host: mail.example, sender: a@b.example, username: a}": "exactly one of password_env, password_file",
    "email: {host: mail.example, sender: a@b.example, password_env: KEY}": "the password needs a `username`",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_what_is_wrong_is_told_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    config = _home(tmp_path, f"{BRANDS}{text}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(config, {"KEY": CANARY})
    assert str(caught.value).startswith(f"{config}:2:")
    assert said in str(caught.value)


def test_a_missing_package_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is needed: whoever replays mentions needs no pager."""
    find: Callable[[str], object] = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "apprise" else find(name))
    settings = load_settings(_home(tmp_path, f"{BRANDS}apprise: {{sms: {{url_env: KEY}}}}\n"), {"KEY": CANARY})
    with pytest.raises(
        SettingsError, match=r"tocsin\.yaml:2:1: the package apprise is not installed; .*tocsin\[pagers\]"
    ):
        settings.require_secrets()


# ---- flowchart and ways together


def test_check_warns_where_the_chart_counts_on_a_way_that_is_not_set_up(tmp_path: Path) -> None:
    """With the chart's line, and as a warning: everything is in order, and nobody's telephone rings."""
    config = _home(tmp_path, f"flowchart: chart.yaml\n{BRANDS}")
    line = next(n for n, text in enumerate(CHART.splitlines(), 1) if "by: [slack, phone]" in text)
    told = check_warnings(config, {})
    assert [one.partition(": ")[0].rsplit(":", 1)[0] for one in told] == [f"{tmp_path}/chart.yaml:{line}"] * 2
    assert "counts on `phone` here, and tocsin.yaml has no `phone`" in told[0]
    assert "can ring by no second way" in told[1]
    ran = tocsin("check", "--config", config, "--json")
    assert ran.status == 0
    assert json.loads(ran.out) == {"ok": True, "problems": [], "warnings": told}


def test_check_is_content_where_somebody_rings(tmp_path: Path) -> None:
    ringing = "pagerduty: {services: {pr_duty: {routing_key_env: KEY}}}\nphone: {by: pagerduty, name: pr_duty}\n"
    config = _home(tmp_path, f"flowchart: chart.yaml\n{BRANDS}{ringing}")
    assert check_all(config, {"KEY": CANARY}) == []
    assert check_warnings(config, {"KEY": CANARY}) == []
    pager = CHART.replace("phone: '+31 6 1', ", "")
    assert check_warnings(_home(tmp_path, config.read_text(), pager), {}) == [], "the pager is the next way, and rings"
    neither = pager.replace(", pagerduty: pr_duty", "")
    assert len(check_warnings(_home(tmp_path, config.read_text(), neither), {})) == 1


def test_check_warns_of_a_letter_that_keeps_the_telephone_quiet_and_of_no_page_that_rings(tmp_path: Path) -> None:
    """While Slack is down a letter counts as told; where Slack stands alone, the next way is the telephone."""
    ringing = "pagerduty: {services: {pr_duty: {routing_key_env: KEY}}}\nphone: {by: pagerduty, name: pr_duty}\n"
    mail = "email: {host: 127.0.0.1, sender: tocsin@corp.example}\n"
    config = f"flowchart: chart.yaml\n{BRANDS}{ringing}{mail}"
    letters = check_warnings(_home(tmp_path, config, CHART.replace("[slack, phone]", "[slack, email]")), {})
    assert len(letters) == 1
    assert "while Slack is down, it wakes nobody" in letters[0]
    assert check_warnings(_home(tmp_path, config, CHART.replace("by: [slack, phone]", "by: slack")), {}) == []


def test_check_knows_who_wants_to_be_woken_in_an_order_of_their_own(tmp_path: Path) -> None:
    """Their telephone counts though the page says Slack; and an order of which nothing is set up is told."""
    ringing = "pagerduty: {services: {pr_duty: {routing_key_env: KEY}}}\n"
    own = CHART.replace("by: [slack, phone]", "by: slack")
    own = own.replace("pagerduty: pr_duty", "pagerduty: pr_duty, reach: [{by: pagerduty}, {by: phone, after: 2m}]")
    assert check_warnings(_home(tmp_path, f"flowchart: chart.yaml\n{BRANDS}{ringing}", own), {"KEY": CANARY}) == []
    order, second = check_warnings(_home(tmp_path, f"flowchart: chart.yaml\n{BRANDS}", own), {})
    assert "none of the ways by which `chloe` wants to be woken (pagerduty, phone) is set up" in order
    assert "can ring by no second way" in second


def test_an_address_that_nothing_goes_to_is_a_mistake(tmp_path: Path) -> None:
    """A service that is not set up, a webhook that is not listed: such pages would fail in the night."""
    chart = CHART.replace("pagerduty: pr_duty", "pagerduty: pr_dutty, webhook: 'https://else.example/'")
    config = _home(
        tmp_path,
        f"flowchart: chart.yaml\n{BRANDS}pagerduty: {{services: {{pr_duty: {{routing_key_env: KEY}}}}}}\n"
        "webhooks: {own: {url: 'https://pager.example/', secret_env: KEY}}\n",
        chart,
    )
    webhook, pagerduty = sorted(check_all(config, {"KEY": CANARY}), key=lambda one: "pr_dutty" in one)
    assert "`pr_dutty` is not known under `pagerduty: services` of tocsin.yaml; did you mean `pr_duty`?" in pagerduty
    assert "no webhook of tocsin.yaml has this `url`" in webhook
    assert all(one.startswith(f"{tmp_path}/chart.yaml:") for one in (pagerduty, webhook))


def test_delivery_knows_every_address_of_a_responder(tmp_path: Path) -> None:
    """The channel first, then the ways in the chart's order; without Slack the terminal, and all others as before."""
    settings = load_settings(_home(tmp_path, f"flowchart: chart.yaml\n{BRANDS}"), {})
    live = LiveChart(settings, settings.brand_list(), lambda _: "", lambda: NOW_MS)
    found = [(one.way, one.to) for one in live.addresses("chloe", "C1")]
    own = [("phone", "+31 6 1"), ("email", "chloe@corp.example"), ("pagerduty", "pr_duty")]
    assert found == [("slack", "C1"), ("slack", "U0CHLOE"), *own]
    assert [(one.way, one.to) for one in live.addresses("chloe", None)] == [("terminal", "terminal"), *own]
