"""`tocsin slack check` says what would fail at night, in words that say what to do; and the app's manifest asks for
exactly what the code needs.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerting.delivery.slack_scopes import LOST, METHODS
from tests.command import Ran, tocsin
from tests.fakes.slack import FakeSlackThread
from tests.fakes.slack.mrkdwn import active_parts
from tests.fakes.slack.scopes import NEEDED

ROOT = Path(__file__).parents[2]
MANIFEST = yaml.safe_load((ROOT / "deploy/slack/manifest.yaml").read_text("utf-8"))
ENVIRONMENT = {"SLACK_BOT_TOKEN": "xoxb-fake", "SLACK_APP_TOKEN": "xapp-fake", "SLACK_SIGNING_SECRET": "fake-secret"}
CHART = """\
version: 1
owner: Head of communications
last_resort: [ana]
responders:
  ana: {{name: Ana Diaz, slack: U0ANA}}
  bram: {{name: Bram de Vries, slack: "{bram}"}}
  chloe: {{name: Chloe Martin, email: chloe@example.com}}
  desk: {{name: "#crisis", slack: "{desk}"}}
  team: {{name: PR on-call, slack: "{team}"}}
entry: {{viral_complaint: ask, backlash: ask, campaign_blunder: ask, data_security: ask, service_outage: ask,
  blind: end}}
nodes:
  ask: {{question: Must somebody be woken?, when: 'severity in ["high", "critical"]', yes: wake, no: end}}
  wake: {{page: [ana, bram, team], acknowledge_within: 10m, if_not_acknowledged: last, then: end}}
  last: {{page: [chloe, desk], by: [email, slack], then: end}}
  end: {{end: Nothing to do.}}
"""


@pytest.fixture
def slack() -> Iterator[FakeSlackThread]:
    """A Slack of our own."""
    with FakeSlackThread() as fake:
        fake.workspace.add_user("U0ANA", "ana-d")
        fake.workspace.add_user("U0BRAM", "bram-v")
        fake.workspace.add_user("U0GONE", "gone").deleted = True
        fake.workspace.add_group("S0TEAM", "pr-team", ["U0ANA", "U0BRAM"])
        fake.workspace.add_group("S0NONE", "nobody", [])
        fake.workspace.add_channel("C0DESK", "desk")
        fake.workspace.add_channel("C0OUT", "outside", is_member=False)
        fake.workspace.add_channel("C0OLD", "old", is_archived=True)
        yield fake


def check(slack: FakeSlackThread, path: Path, *flags: object, **names: str) -> Ran:
    """A call against a configuration written for it."""
    people = {"bram": "U0BRAM", "desk": "C0DESK", "team": "S0TEAM"} | {k: v for k, v in names.items() if k != "channel"}
    (path / "chart.yaml").write_text(CHART.format(**people), encoding="utf-8")
    settings: dict[str, Any] = {
        "delivery": {"timeout": "1s"},
        "brands": [{"name": "Acme", "query": "acme"}],
        "flowchart": "chart.yaml",
        "slack": {"channel": names.get("channel", "C1"), "base_url": slack.base_url},
    }
    (path / "tocsin.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return tocsin("slack", "check", "--config", path / "tocsin.yaml", *flags, env=ENVIRONMENT)


def problems(ran: Ran) -> list[str]:
    """What stands behind a cross."""
    return [line.removeprefix("✗ ") for line in ran.out.splitlines() if line.startswith("✗")]


def test_a_slack_in_order_is_said_to_be_and_nothing_is_posted(slack: FakeSlackThread, tmp_path: Path) -> None:
    """Every line is fine; the status is 0."""
    ran = check(slack, tmp_path)
    assert (ran.status, problems(ran)) == (0, []), ran.out + ran.err
    assert "✓ signed in as @tocsin in Acme (fake) (T1)" in ran.out
    assert "✓ 2 of 2 responders with a Slack address are in Slack" in ran.out
    assert "✓ team: the user group S0TEAM has 2 members" in ran.out
    assert "✓ a socket can be opened" in ran.out
    assert "without a Slack address: chloe" in ran.out
    assert "Slack is in order." in ran.out
    assert slack.messages() == []


@pytest.mark.parametrize("scope", sorted(LOST))
def test_each_missing_scope_is_named_with_what_is_lost(slack: FakeSlackThread, tmp_path: Path, scope: str) -> None:
    """And with the place where it is added."""
    slack.inner.api.granted.discard(scope)
    ran = check(slack, tmp_path)
    assert ran.status == 1
    assert f"the scope {scope} is missing: {LOST[scope]}" in problems(ran)
    assert "deploy/slack/manifest.yaml" in ran.out


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("C404", "is not there"),
        ("#no-such", "is not there"),
        ("C0OUT", "the bot is not in"),
        ("#outside", "the bot is not in"),
        ("C0OLD", "is archived"),
    ],
)
def test_a_channel_that_cannot_be_used_is_named(
    slack: FakeSlackThread, tmp_path: Path, channel: str, said: str
) -> None:
    """The channel of the cards, and one of the flowchart."""
    for names in ({"channel": channel}, {"desk": channel}):
        ran = check(slack, tmp_path, **names)
        assert ran.status == 1
        assert [said in one and channel in one for one in problems(ran)] == [True]


def test_people_and_groups_that_slack_does_not_know_are_named(slack: FakeSlackThread, tmp_path: Path) -> None:
    """Nobody of that id, an account that was closed, a bot, an empty group."""
    for names, said in (
        ({"bram": "U404"}, "bram: Slack knows no user U404"),
        ({"bram": "U0GONE"}, "bram: the account U0GONE is deactivated"),
        ({"bram": "U0TOCSIN"}, "bram: U0TOCSIN is a bot"),
        ({"team": "S404"}, "team: Slack knows no user group S404"),
        ({"team": "S0NONE"}, "team: nobody is in the user group S0NONE"),
    ):
        ran = check(slack, tmp_path, **names)
        assert ran.status == 1
        assert [said in one for one in problems(ran)] == [True]


@pytest.mark.parametrize(
    ("method", "kind", "said"),
    [
        ("auth.test", "ok_false:invalid_auth", "the bot token is refused (invalid_auth)"),
        ("auth.test", "http_503", "Slack does not answer"),
        ("apps.connections.open", "ok_false:missing_scope", "no socket is opened (missing_scope)"),
        ("apps.connections.open", "ok_false:invalid_auth", "the app token is refused"),
        ("conversations.history", "ok_false:missing_scope", "cannot be read (missing_scope)"),
        ("conversations.info", "timeout", "could not be checked"),
        ("users.info", "ratelimited", "could not be checked (ratelimited)"),
    ],
)
def test_a_slack_that_fails_is_told_without_a_traceback(
    slack: FakeSlackThread, tmp_path: Path, method: str, kind: str, said: str
) -> None:
    """What could not be looked at is not called fine."""
    fault = slack.faults.add(method, kind)
    ran = check(slack, tmp_path)
    assert fault.fired == 1
    assert ran.status == 1
    assert any(said in one for one in problems(ran)), ran.out
    assert "Traceback" not in ran.out + ran.err
    assert "xoxb-fake" not in ran.out + ran.err


def test_a_script_reads_the_same_as_a_person(slack: FakeSlackThread, tmp_path: Path) -> None:
    """One object on one line."""
    ran = check(slack, tmp_path, "--json", channel="C0OLD")
    found = json.loads(ran.out)
    assert (ran.status, found["ok"]) == (1, False)
    assert {one["level"] for one in found["findings"]} == {"fine", "note", "problem"}
    assert all(one["advice"] for one in found["findings"] if one["level"] == "problem")


def test_a_test_page_says_test_and_goes_where_it_was_sent(slack: FakeSlackThread, tmp_path: Path) -> None:
    """To the channel of the cards, to a person alone, to a group by its name in that channel."""
    ran = check(slack, tmp_path, "--send-test", "--to", "bram", "--to", "team", "--to", "chloe", "--to", "zoe")
    assert ran.status == 1
    assert problems(ran) == [
        "no test page: chloe has no Slack address",
        "no test page: zoe is no responder of the flowchart",
    ]
    posted = slack.messages()
    assert [one.channel for one in posted] == ["C1", "D0BRAM", "C1"]
    assert all("TEST" in one.text and "TEST" in str(one.blocks[0]) for one in posted)
    assert [active_parts(one) for one in posted] == [[], [], ["<!subteam^S0TEAM>", "<!subteam^S0TEAM>"]]


def test_a_press_on_the_test_page_comes_back(slack: FakeSlackThread, tmp_path: Path) -> None:
    """Pressed by a person within the time; without one, that is a problem."""

    async def run() -> Ran:
        call = asyncio.create_task(asyncio.to_thread(check, slack, tmp_path, "--send-test", "--wait", "5"))
        page = await asyncio.to_thread(slack.wait_for, lambda: slack.messages("C1"))
        await asyncio.to_thread(slack.click, page[0], "tocsin.test", "U1")
        return await call

    ran = asyncio.run(run())
    assert ran.status == 0, ran.out
    assert "✓ the button was pressed by ana" in ran.out
    assert problems(check(slack, tmp_path, "--send-test", "--wait", "1")) == [
        "nobody pressed the button within 1 s, or the press did not arrive"
    ]


def test_a_mistaken_call_is_status_two(slack: FakeSlackThread, tmp_path: Path) -> None:
    """No settings, no Slack in them, a flag without the one it belongs to: one plain line."""
    assert tocsin("slack", "check", "--config", tmp_path / "no.yaml").status == 2
    assert check(slack, tmp_path, "--wait", "5").status == 2
    (tmp_path / "tocsin.yaml").write_text("brands: [{name: Acme, query: acme}]\n", encoding="utf-8")
    ran = tocsin("slack", "check", "--config", tmp_path / "tocsin.yaml", env=ENVIRONMENT)
    assert ran.status == 2
    assert "no section `slack`" in ran.err


# ---- the manifest

_CALL = re.compile(r"\.((?:chat|conversations|files|users|usergroups|views|auth|apps|reactions|pins)_[A-Za-z_]+)\(")


def called() -> set[str]:
    """The methods that our code calls, by the names that slack_sdk gives them."""
    found = set()
    for path in [*(ROOT / "alerting").rglob("*.py"), *(ROOT / "tocsin").rglob("*.py")]:
        found |= {name.replace("_", ".") for name in _CALL.findall(path.read_text("utf-8"))}
    return found | {"apps.connections.open"}  # Socket Mode calls it itself


def test_every_method_that_is_called_is_in_the_table_and_no_other() -> None:
    """A new call brings its scope along."""
    assert called() == set(METHODS)


def test_the_manifest_asks_for_what_the_methods_need_and_for_nothing_else() -> None:
    """Least privilege, held against the table; `commands` belongs to the command itself."""
    asked = MANIFEST["oauth_config"]["scopes"]["bot"]
    needed = {scope for scopes in METHODS.values() for scope in scopes} | {"commands"}
    assert sorted(asked) == sorted(needed) == sorted(LOST)
    assert len(asked) == len(set(asked))


def test_the_table_agrees_with_what_slack_documents() -> None:
    """The fake refuses by a table of its own: what it needs, ours names."""
    for method, scopes in METHODS.items():
        for needed in NEEDED.get(method, ())[:1]:
            kinds = [needed.replace("{kind}", kind) for kind in ("channels", "groups")]
            assert set(kinds) <= set(scopes), method
        assert bool(scopes) == (method in NEEDED), method


def test_the_manifest_switches_on_what_the_app_answers() -> None:
    """Buttons, the command, the App Home, sockets; tokens that do not expire at night; every scope says why."""
    settings, features = MANIFEST["settings"], MANIFEST["features"]
    assert settings["interactivity"]["is_enabled"]
    assert settings["socket_mode_enabled"]
    assert not settings["token_rotation_enabled"]
    assert settings["event_subscriptions"]["bot_events"] == ["app_home_opened"]
    assert [one["command"] for one in features["slash_commands"]] == ["/tocsin"]
    assert features["app_home"]["home_tab_enabled"]
    lines = (ROOT / "deploy/slack/manifest.yaml").read_text("utf-8").splitlines()
    for scope in LOST:
        above = lines[lines.index(f"      - {scope}") - 1]
        assert above.strip().startswith("# "), scope
