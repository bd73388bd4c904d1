"""A worker that sees the core from outside shows the same console: without figures, and with every act."""

import asyncio
from pathlib import Path

import httpx

from tests.console.deployed import AT_MS, deployed
from tests.console.test_api import LATEST, opened
from tocsin.console.tokens import Token
from tocsin.console_sections import ConsoleSettings
from tocsin.scaled.delivery_console import DeliveryConsole

PAGES = (
    "/now",
    "/brands",
    "/brands/Tulpatel",
    f"/incidents/{LATEST}",
    "/flowchart",
    "/sources",
    "/drills",
    "/settings",
)


async def test_a_worker_opens_the_console_when_it_is_ready_and_shuts_it_in_order(tmp_path: Path) -> None:
    """Nobody is shown an outbox that is still being read; what the detectors know is elsewhere, and is not made up."""
    with deployed(tmp_path) as found:
        works = found.works
        opened(works, "Tulpatel", LATEST, AT_MS - 60_000)
        settings = ConsoleSettings.model_validate({"listen": "127.0.0.1:0"})
        works.settings.__dict__["console"] = settings
        is_ready: list[bool] = []
        console = DeliveryConsole(works, ready=lambda: bool(is_ready), moved=lambda: 0, wrong=lambda: ["it is late"])
        task = asyncio.create_task(console.run())
        await asyncio.sleep(0.3)
        assert console.server.address == ""
        is_ready.append(True)
        async with asyncio.timeout(20):
            while not console.server.address:
                await asyncio.sleep(0.05)
            await console.server.opened()
        entrance = console.server.entrance
        assert entrance is not None
        assert entrance.token is not None
        secret = entrance.tokens.make(Token(name="t", role="admin", responder="ana"), days=1)
        base_url = console.server.address
        same = {"sec-fetch-site": "same-origin", "accept": "text/html"}
        async with httpx.AsyncClient(base_url=base_url, headers=same, trust_env=False, timeout=30) as browser:
            await browser.get(f"/sign-in?token={entrance.token.reveal()}")
            for page in PAGES:
                answer = await browser.get(page)
                assert answer.status_code == 200, (page, answer.text[:300])
        bearer = {"authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(base_url=base_url, headers=bearer, trust_env=False, timeout=30) as program:
            now = (await program.get("/api/v1/now")).json()
            assert now["health"]["wrong"] == ["it is late"]
            assert {one["brand"]: one["figures"] for one in now["brands"]} == {"Tulpatel": None, "Zeta Air": None}
            told = (await program.post(f"/api/v1/incidents/{LATEST}/own", json={})).json()
            assert (told["said"], told["counted"]) == ("Owned by ana.", True)
        task.cancel()
        async with asyncio.timeout(6):
            await asyncio.gather(task, return_exceptions=True)
        assert console.server.address == ""
