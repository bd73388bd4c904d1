"""What Slack would make active is found, and the page a human looks at shows it all and runs none of it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from typing import Any

import pytest
from playwright.async_api import async_playwright
from slack_sdk import WebClient

from tests.fakes.slack import FakeSlack, active_parts
from tests.fakes.slack.sample import SAMPLE_BLOCKS, put_sample
from tests.fakes.slack_helpers import (
    Verifying,
    app_at,
    client,
    fetch,
    one_button,
    post_card,
    succeeds,
)


@pytest.mark.parametrize(
    ("message", "active"),
    [
        ({"text": "<!channel> <!here> <!everyone>"}, ["<!channel>", "<!here>", "<!everyone>"]),
        ({"text": "<@U1> <#C1|crisis> <!subteam^S1>"}, ["<@U1>", "<#C1|crisis>", "<!subteam^S1>"]),
        ({"text": "see https://x.example/a?b"}, ["https://x.example/a?b"]),
        ({"text": "see https://x.example", "parse": "none"}, []),
        ({"text": "@channel #crisis"}, []),
        ({"text": "@channel #crisis", "parse": "full"}, ["@channel", "#crisis"]),
        ({"text": "&lt;!channel&gt; &amp;lt;"}, []),
        ({"text": "<script>"}, ["<script>"]),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "<!here> http://x.example"}}]}, []),
        (
            {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "http://x.example <!here>"}}]},
            ["http://x.example", "<!here>"],
        ),
        (
            {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "http://x.example", "verbatim": True}}]},
            [],
        ),
        ({"blocks": one_button(url="https://x.example", value="<!here>")}, ["<https://x.example>"]),
        (
            {"blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "<http://x.example|y>"}]}]},
            ["<http://x.example|y>"],
        ),
        (
            {"blocks": [{"type": "rich_text", "elements": [{"type": "broadcast", "range": "channel"}]}]},
            ["<!channel>"],
        ),
        ({"attachments": [{"text": "<!here>", "title_link": "http://x.example"}]}, ["<!here>", "<http://x.example>"]),
    ],
)
def test_what_slack_would_make_active_is_found_and_nothing_else(message: dict[str, Any], active: list[str]) -> None:
    assert active_parts(message) == active


async def test_the_page_shows_the_card_and_hostile_words_stay_words(slack: FakeSlack) -> None:
    put_sample(slack)
    slack.say("C1", "<img src=x onerror=alert(1)> </script> \x00\x1b[31m \u202e &lt;b&gt;")
    slack.say("C1", '<javascript:alert(1)|free> <https://x.example/"onmouseover="a|gift>')
    status, html = await fetch(slack.page_url)
    assert status == 200
    assert html.count('data-action="acknowledge"') == 1
    assert "3 replies" in html
    assert "(edited)" in html
    assert "<img src=x" not in html
    assert "javascript:alert" not in html
    assert '"onmouseover="' not in html
    assert "&lt;b&gt;" in html
    assert "\x1b" not in html
    assert "\u202e" not in html


async def test_a_click_on_the_page_really_clicks_and_only_the_page_may(slack: FakeSlack) -> None:
    app = Verifying()
    async with app_at(app.take) as url:
        slack.interactivity_url = url
        ts = await post_card(slack, "acknowledge")
        asked = {"ts": ts, "action_id": "acknowledge", "user": "U3"}
        address = slack.page_url + "ui/click"
        assert (await fetch(address, method="POST", json=asked))[0] == 403
        assert app.bodies == []
        status, said = await fetch(address, method="POST", json=asked, headers={"X-Fake-Slack": "1"})
    assert (status, json.loads(said)["ok"]) == (200, True)
    assert app.payload()["user"]["id"] == "U3"
    assert (await fetch(slack.page_url, headers={"Host": "evil.example"}))[0] == 403


async def test_the_page_arms_and_clears_faults_and_redraws_only_when_something_changed(slack: FakeSlack) -> None:
    ours = {"method": "POST", "headers": {"X-Fake-Slack": "1"}}
    view = json.loads((await fetch(slack.page_url + "ui/view?channel=C2"))[1])
    assert (await fetch(slack.page_url + f"ui/view?channel=C2&rev={view['rev']}"))[0] == 204
    await fetch(slack.page_url + "ui/fault", json={"method": "chat.postMessage", "kind": "http_500"}, **ours)
    assert not await succeeds(client(slack).chat_postMessage(channel="C2", text="x"))
    view = json.loads((await fetch(slack.page_url + f"ui/view?channel=C2&rev={view['rev']}"))[1])
    assert "1/1 fired" in view["panel"]
    await fetch(slack.page_url + "ui/fault", json={"clear": True}, **ours)
    assert slack.faults.all == []
    await fetch(slack.page_url + "ui/say", json={"channel": "C2", "text": "<!channel>", "user": "U1"}, **ours)
    assert active_parts(slack.messages("C2")[0]) == []


async def test_the_sample_card_is_one_that_slack_would_accept(slack: FakeSlack) -> None:
    posted = await client(slack).chat_postMessage(channel="C1", text="sample", blocks=SAMPLE_BLOCKS)
    assert posted["ok"] is True


@pytest.mark.browser
async def test_in_a_browser_a_press_acknowledges_and_the_card_changes_before_ones_eyes(slack: FakeSlack) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Debian's chromium")
    app = Verifying()
    async with app_at(app.take) as url, async_playwright() as playwright:
        slack.interactivity_url = url
        put_sample(slack)
        ts = await post_card(slack, "acknowledge")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 390, "height": 800})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(slack.page_url)
        await page.select_option("#user", "U2")
        await page.click(f"[id='m-{ts}'] [data-action=acknowledge]")
        await slack.wait_for(lambda: app.bodies)
        await client(slack).chat_update(channel="C1", ts=ts, text="Acknowledged by Bram &lt;b&gt;", blocks=None)
        await page.wait_for_selector("text=Acknowledged by Bram <b>", timeout=5000)
        width = await page.evaluate("document.documentElement.scrollWidth")
        await browser.close()
    assert app.payload()["user"]["id"] == "U2"
    assert complaints == []
    assert width <= 390


def test_by_hand_it_says_how_to_point_tocsin_at_it_and_stops_when_told() -> None:
    command = [sys.executable, "-m", "tests.fakes.slack", "--port", "0", "--sample"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told: dict[str, str] = {}
        while "base_url" not in told:
            key, _, value = process.stdout.readline().strip().removeprefix("export ").partition("=")
            base_url = re.search(r"base_url: (\S+)}", key)
            told |= {"base_url": base_url.group(1)} if base_url else {key: value}
        api = WebClient(told["SLACK_BOT_TOKEN"], base_url=told["base_url"], retry_handlers=[])
        assert api.conversations_history(channel="C1")["messages"][0]["reply_count"] == 3
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
