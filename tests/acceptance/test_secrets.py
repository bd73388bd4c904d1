"""A canary in every secret there is, and a crisis in which every way to people fails: it is seen nowhere."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from stream.sources.signing import sign
from tests.acceptance import living as lively
from tests.acceptance.living import CHART, SOURCE, body_of, burst, until
from tests.fakes.hooks import FakeHooks
from tests.fakes.smtp import FakeSmtp
from tocsin.setting_sections import Secrets
from tocsin.settings import load_settings

pytestmark = pytest.mark.slow
CANARY = "Xk7canary"
SECRETS = {
    name: f"{prefix}{CANARY}{number}"
    for number, (name, prefix) in enumerate(
        {
            "SOCIAL_SECRET": "door-",
            "SLACK_BOT_TOKEN": "xoxb-1-",
            "SLACK_APP_TOKEN": "xapp-1-",
            "SLACK_SIGNING_SECRET": "sign-",
            "MAIL_PASSWORD": "mail-",
            "PAGERDUTY_KEY": "0123456789abcdef",
            "HOOK_SECRET": "hook-",
            "CONSOLE_CLIENT": "oidc-",
        }.items()
    )
} | {"CONSOLE_PASSWORD": f"scrypt:ln=14,r=8,p=1:{CANARY}AAAAAAAAAAAAA==:{'A' * 43}="}
OF_WORKERS = ["names_key", "kafka_password", "redis_password"]
"""One process has none of these; `tests/cluster/test_worker.py` looks after them."""
WAYS = """\
email: {{host: 127.0.0.1, port: {mail}, sender: tocsin@corp.example, security: none, username: tocsin, \
password_env: MAIL_PASSWORD}}
pagerduty: {{services: {{night: {{routing_key_env: PAGERDUTY_KEY}}}}, base_url: "{hooks}"}}
webhooks: {{duty: {{url: "{hooks}duty", secret_env: HOOK_SECRET, inside: true}}}}
apprise: {{ring: {{url_env: APPRISE_URL}}}}
phone: {{by: apprise, name: ring}}
heartbeat: {{url_env: HEARTBEAT_URL, every: 10s}}
console: {{listen: "127.0.0.1:0", public_url: "http://127.0.0.1:1", \
people: {{ana: {{password_env: CONSOLE_PASSWORD}}}}, \
oidc: {{issuer: "{hooks}oidc", client_id: tocsin, client_secret_env: CONSOLE_CLIENT, inside: true}}}}
slack: {{channel: C1, mode: {mode}, base_url: "{hooks}api/"}}
"""
ANA = """ana: {{name: Ana Diaz, slack: U0ANA, email: ana@corp.example, phone: "+31 20 555 0101", pagerduty: night, \
webhook: "HOOKS", reach: [{{by: slack}}, {{by: email, after: 1s}}, {{by: phone, after: 1s}}, \
{{by: pagerduty, after: 1s}}, {{by: webhook, after: 1s}}]}}"""


@pytest.mark.parametrize("mode", ["http", pytest.param("socket", marks=pytest.mark.proof)])
async def test_no_secret_shows_while_every_way_fails(tmp_path: Path, mode: str) -> None:
    """Not in what it prints, answers, measures or keeps; and each of them was in use."""
    await asyncio.to_thread(lively.warmed, tmp_path, 20_271)
    async with FakeHooks() as hooks, FakeSmtp(login=("tocsin", "another password")) as mail:
        hooks.faults += ["http_500", "http_403"] * 500
        env = SECRETS | {
            "APPRISE_URL": f"json://user:{CANARY}8@127.0.0.1:{hooks.port}/ring",
            "HEARTBEAT_URL": f"{hooks.base_url}ping/{CANARY}9",
        }
        config = lively.configure(
            tmp_path, None, within="1m", extra=WAYS.format(mail=mail.port, hooks=hooks.base_url, mode=mode)
        )
        chart = CHART.format(within="1m").replace(
            "ana: {name: Ana Diaz, slack: U0ANA}", ANA.format().replace("HOOKS", f"{hooks.base_url}duty")
        )
        (tmp_path / "chart.yaml").write_text(chart)
        opened = load_settings(config, env).require_secrets()
        other = "slack_app" if mode == "http" else "slack_signing"
        unused = [name for name in Secrets.model_fields if not getattr(opened, name)]
        assert unused == [other, *OF_WORKERS], "every kind of secret is set"
        told = await asyncio.to_thread(_crisis, config, env, hooks, mail)
        asked = {one.path.split("/")[1] for one in hooks.asked}
        assert {"api", "duty", "ring", "ping", "v2", "oidc"} <= asked, asked
        assert mail.connections >= 1
    held = b"\0".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    assert CANARY.encode() not in held
    assert all(CANARY not in one for one in told)
    assert b"Tulpatel" in held
    assert "Traceback" not in told[0]


def _crisis(config: Path, env: dict[str, str], hooks: FakeHooks, mail: FakeSmtp) -> list[str]:
    """Run it as a process through a crisis; whatever it said."""
    call = [sys.executable, "-c", "from tocsin.cli import main; main()", "run", "--config", str(config)]
    log = config.parent / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(call, env=os.environ | env, stdout=out, stderr=out, cwd=config.parent)
    try:
        until(lambda: "listens on" in log.read_text(), 20, "it listens")
        base_url = log.read_text().partition("listens on ")[2].partition(";")[0]
        body = body_of(burst(6))
        at_s = int(time.time())
        headers = {"X-Timestamp": str(at_s), "X-Signature": sign(env["SOCIAL_SECRET"], at_s, body)}
        answer = httpx.post(f"{base_url}/ingest/{SOURCE}", content=body, headers=headers, trust_env=False)
        assert answer.status_code == 202
        ways = {"duty", "ring", "ping", "v2"}
        until(lambda: ways <= {one.path.split("/")[1] for one in list(hooks.asked)}, 40, "every way was tried")
        until(lambda: mail.connections, 40, "a letter was tried")
        time.sleep(1)
        told = [
            httpx.get(f"{base_url}{path}", trust_env=False).text for path in ("/metrics", "/healthz", "/", "/debug")
        ]
        told += _signed_in_nowhere((config.parent / "data" / "console.address").read_text())
    finally:
        process.terminate()
        status = process.wait(15)
    assert status == 0, log.read_text()
    return [log.read_text(), answer.text, *told]


def _signed_in_nowhere(console: str) -> list[str]:
    """What the console says to somebody with a wrong password, and to somebody whose provider fails."""
    with httpx.Client(base_url=console, headers={"origin": console}, trust_env=False, timeout=60) as browser:
        wrong = browser.post("/sign-in", data={"name": "ana", "password": "a wrong password"})
        elsewhere = browser.get("/sign-in/elsewhere")
    assert (wrong.status_code, elsewhere.status_code) == (403, 502)
    return [wrong.text, elsewhere.text]
