"""The API: what the pages show, for programs, by tokens; described by what it is made of, and held to that."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import jsonschema
import msgspec

from alerting.decision import Decision
from alerting.modals import REASONS
from tests.console.deployed import AT_MS, Deployed, acted, deployed, drilled, heard
from tests.console.entering import KEPT
from tocsin.console import api
from tocsin.console.act_forms import FEEDBACK
from tocsin.console.api import Call
from tocsin.console.doors import Door
from tocsin.console.furnishing import Furnished
from tocsin.console.looking_back import LookingBack
from tocsin.console.opening import ConsoleServer, Entrance
from tocsin.console.seen import Health
from tocsin.console.tokens import Token
from tocsin.console_sections import ConsoleSettings
from tocsin.entry import Answer
from tocsin.secret import Secret
from tocsin.setting_sections import Secrets

LATEST = f"tulpatel-{AT_MS - 60_000}"
OTHER = f"zeta-air-{AT_MS - 90_000}"
EXAMPLES = {"incident": LATEST, "brand": "Tulpatel", "silence": "console-0"}
"""What stands in the places of an address."""
PEOPLE = {
    "ana": {"role": "responder", "responder": "ana"},
    "vera": {"role": "viewer"},
    "zoe": {"role": "responder", "responder": "bram", "brands": ["Zeta Air"]},
}


class Open:
    """A console over real works, its tokens, and programs that come with them."""

    def __init__(self, home: Deployed, server: ConsoleServer, base_url: str, calls: list[Call]) -> None:
        self.home, self.base_url, self.calls = home, base_url, calls
        assert server.entrance is not None
        self.entrance = server.entrance

    def program(self, **token: Any) -> httpx.AsyncClient:
        """A program with a token."""
        name = f"t{len(self.entrance.tokens.all())}"
        secret = self.entrance.tokens.make(msgspec.convert({"name": name, **token}, Token), days=1)
        headers = {"authorization": f"Bearer {secret}"}
        return httpx.AsyncClient(base_url=self.base_url, headers=headers, trust_env=False)

    @property
    def written(self) -> list[Answer]:
        """What people did, as it lies in the log."""
        records = self.home.works.home.intake_log.read(0, 10_000)
        found = [json.loads(one.body) for one in records if one.kind == "control"]
        return [msgspec.convert(one, Answer) for one in found if one["type"] == "answer"]


def opened(works: Any, brand: str, incident: str, at_ms: int, severity: str = "high") -> None:
    """An incident opens, and somebody is paged."""
    known: dict[str, Any] = {"at_ms": at_ms, "brand": brand, "incident": incident, "scenario": "service_outage"}
    known |= {"severity": severity, "key": f"{incident}/1/OpenIncident", "kind": "OpenIncident", "reason": "signals"}
    works._deliver([msgspec.convert(known, Decision)])
    known |= {"key": f"{incident}/2/Page", "kind": "Page", "reason": "flowchart", "targets": ["ana"], "by": ["slack"]}
    works._deliver([msgspec.convert(known, Decision)])


@asynccontextmanager
async def opening(home: Path) -> AsyncIterator[Open]:
    """A deployment with a past, two open incidents, and a console that listens."""
    with deployed(home) as found:
        works = found.works
        heard(works)
        drilled(home / "data")
        acted(found.audit)
        for number in range(5):
            opened(works, "Tulpatel", f"tulpatel-{AT_MS - 60_000 * (number + 1)}", AT_MS - 60_000 * (number + 1))
        opened(works, "Zeta Air", OTHER, AT_MS - 90_000, "medium")
        settings = ConsoleSettings.model_validate({"listen": "127.0.0.1:0", "people": PEOPLE, "token": True})
        server = ConsoleServer(settings)
        kept: list[Any] = []

        def make(base_url: str) -> tuple[Entrance, list[Door]]:
            entrance = Entrance(
                settings,
                Secrets(console_passwords={name: Secret(KEPT) for name in PEOPLE}),
                home / "data",
                clock=works.clock,
                brands=[one.name for one in works.brands],
                brand_of=works.people.brand_of,
                base_url=base_url,
            )
            furnished = Furnished(
                works,
                entrance,
                found.rooms,
                health=Health,
                moved=lambda: works.engine.seq,
                brand=works.engine.brand,
                journal=home / "data" / "journal.db",
            )
            kept.extend((furnished, base_url))
            return entrance, furnished.doors

        server.open(make)
        assert not server.problem, server.problem
        furnished, base_url = kept
        task = asyncio.create_task(server.serve())
        await server.opened()
        try:
            yield Open(found, server, base_url, api.calls(furnished.desk))
        finally:
            furnished.end()
            server.end()
            await task
            furnished.close()
            server.close()


def filled(path: str, **places: str) -> str:
    """An address with its places filled."""
    return path.format(**(EXAMPLES | places))


async def test_every_way_in_is_described_and_answers_as_its_description_says(tmp_path: Path) -> None:
    """Each look is answered, and what it answers is by the schema; each act is there with its fields."""
    async with opening(tmp_path) as found, found.program(role="admin", responder="ana") as program:
        document = (await program.get("/api/v1/openapi.json")).json()
        assert document["openapi"] == "3.1.0"
        described = {(path, method.upper()) for path, ways in document["paths"].items() for method in ways}
        assert described == {(call.path, call.method) for call in found.calls}
        names = [way["operationId"] for ways in document["paths"].values() for way in ways.values()]
        assert len(set(names)) == len(names)
        for call in found.calls:
            way = document["paths"][call.path][call.method.lower()]
            assert [one["name"] for one in way["parameters"] if one["in"] == "path"] == _places(call.path)
            if call.method == "GET":
                answer = await program.get(filled(call.path))
                assert answer.status_code == 200, (call.path, answer.text)
                _holds(document, way["responses"]["200"], answer.json())
            elif call.fields is not None:
                schema = way["requestBody"]["content"]["application/json"]["schema"]
                assert set(schema["properties"]) == {*call.fields, "once"}


def _places(path: str) -> list[str]:
    return [word.strip("{}") for word in path.split("/") if word.startswith("{")]


def _holds(document: dict[str, Any], response: dict[str, Any], answer: Any) -> None:
    """The answer is what the description says."""
    (content,) = response["content"].values()
    schema = {**content["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)


async def test_what_is_refused_says_which_field_and_what_it_may_be(tmp_path: Path) -> None:
    """As `problem+json`, by the description too, and never with more than one may know."""
    async with opening(tmp_path) as found, found.program(role="responder", responder="ana") as program:
        document = (await program.get("/api/v1/openapi.json")).json()
        problem = document["paths"]["/api/v1/now"]["get"]["responses"]["422"]
        tries = [
            ("GET", "/api/v1/incidents?status=opne", None, 422, "status", ["open", "over", "all"]),
            ("GET", "/api/v1/incidents?limit=0", None, 422, "limit", None),
            ("GET", "/api/v1/incidents?cursor=%00", None, 422, "cursor", None),
            ("GET", "/api/v1/brands/Tulpatel?span=1y", None, 422, "span", ["90min", "24h", "35d", "400d"]),
            ("GET", "/api/v1/brands/Nobody", None, 404, None, None),
            ("GET", "/api/v1/incidents/tulpatel-1", None, 404, None, None),
            ("POST", f"/api/v1/incidents/{LATEST}/severity", {"severity": "awful"}, 422, "severity", None),
            ("POST", f"/api/v1/incidents/{LATEST}/note", {"wrods": "x"}, 400, None, None),
            ("POST", f"/api/v1/incidents/{LATEST}/note", ["x"], 400, None, None),
            ("POST", "/api/v1/silences", {"brand": "Nobody", "last": "2h", "reason": "x"}, 422, "brand", None),
            ("DELETE", "/api/v1/silences/s-1", None, 404, None, None),
            ("GET", "/api/v1/settings", None, 403, None, None),
        ]
        for method, path, body, status, field, allowed in tries:
            answer = await program.request(method, path, json=body)
            assert answer.status_code == status, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            _holds(document, problem, answer.json())
            assert answer.json().get("field") == field
            assert allowed is None or answer.json()["allowed"] == allowed
        assert found.written == []


async def test_an_act_by_a_program_is_one_in_its_responders_name(tmp_path: Path) -> None:
    """Durable when it is answered, once for each id that the program gives it, and in the audit trail by its token."""
    async with opening(tmp_path) as found, found.program(role="responder", responder="bram") as program:
        path = f"/api/v1/incidents/{LATEST}"
        told = [(await program.post(f"{path}/own", json={"once": "f1"})).json() for _ in range(2)]
        assert told[0] == told[1] == {"id": told[0]["id"], "said": "Owned by bram.", "counted": True}
        assert [(one.incident, one.answer, one.who) for one in found.written] == [(LATEST, "own", "bram")]
        late = (await program.post(f"{path}/acknowledge", json={})).json()
        assert (late["said"], late["counted"]) == ("Already owned by bram.", False)
        quiet = {"brand": "Tulpatel", "last": "2h", "reason": "known", "once": "s"}
        silence = (await program.post("/api/v1/silences", json=quiet)).json()
        held = (await program.get("/api/v1/silences")).json()["silences"]
        assert [(one["id"], one["who"], one["reason"]) for one in held] == [(silence["id"], "bram", "known")]
        assert (await program.delete(f"/api/v1/silences/{silence['id']}")).status_code == 200
        assert (await program.get("/api/v1/silences")).json()["silences"] == []
        trail = [(one.act.what, one.act.outcome, one.act.why) for one in reversed(found.entrance.audit.recent(5))]
        assert trail == [
            ("own", "done", ""),
            ("own", "done", ""),
            ("acknowledge", "done", "too_late"),
            ("silence", "done", ""),
            ("unsilence", "done", ""),
        ]
        assert {one.act.who for one in found.entrance.audit.recent(5)} == {"token t0"}


async def test_a_token_does_what_it_was_made_for_and_no_more(tmp_path: Path) -> None:
    """A brand that is not its own is not there; one that only looks does nothing; one that is revoked is nobody's."""
    async with opening(tmp_path) as found:
        async with found.program(role="viewer", brands=["Zeta Air"]) as program:
            now = (await program.get("/api/v1/now")).json()
            assert [one["brand"] for one in now["brands"]] == ["Zeta Air"]
            listed = (await program.get("/api/v1/incidents")).json()["incidents"]
            assert [one["incident"] for one in listed] == [OTHER]
            for path in (
                f"/api/v1/incidents/{LATEST}",
                f"/api/v1/incidents/{LATEST}/timeline",
                "/api/v1/brands/Tulpatel",
            ):
                assert (await program.get(path)).status_code == 404
            refused = await program.get("/api/v1/incidents?brand=Tulpatel")
            assert (refused.status_code, refused.json()["allowed"]) == (422, ["Zeta Air"])
            assert (await program.post(f"/api/v1/incidents/{OTHER}/own", json={})).status_code == 403
        async with found.program(role="responder", responder="ana", verbs=["see"]) as program:
            assert (await program.get("/api/v1/now")).status_code == 200
            assert (await program.post(f"/api/v1/incidents/{LATEST}/own", json={})).status_code == 403
            assert (await program.get("/now")).status_code in (303, 401), "a token opens the API alone"
            found.entrance.tokens.revoke("t1")
            assert (await program.get("/api/v1/now")).status_code == 401
        assert found.written == []


async def test_lists_are_read_page_by_page_and_what_did_not_change_is_not_sent_again(tmp_path: Path) -> None:
    """Nothing twice, nothing left out, though an incident opens in between."""
    async with opening(tmp_path) as found, found.program() as program:
        seen: list[str] = []
        cursor = ""
        while True:
            answer = (await program.get("/api/v1/incidents", params={"limit": 2, "cursor": cursor})).json()
            seen += [one["incident"] for one in answer["incidents"]]
            if not cursor:
                opened(found.home.works, "Tulpatel", f"tulpatel-{AT_MS}", AT_MS)
            cursor = answer["next"]
            if not cursor:
                break
        times = [int(one.rpartition("-")[2]) for one in seen]
        assert times == sorted(times, reverse=True)
        assert len(seen) == len(set(seen)) == 6
        some = (await program.get("/api/v1/incidents?status=open&severity=high&brand=Tulpatel")).json()["incidents"]
        assert len(some) == 6
        first = await program.get(f"/api/v1/incidents/{LATEST}")
        again = await program.get(f"/api/v1/incidents/{LATEST}", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        async with found.program(role="responder", responder="ana") as other:
            await other.post(f"/api/v1/incidents/{LATEST}/own", json={})
        found.home.works._deliver([])
        await found.home.works.delivery.step()
        newer = await program.get(f"/api/v1/incidents/{LATEST}", headers={"if-none-match": first.headers["etag"]})
        assert newer.status_code == 200
        assert newer.json()["view"]["owner"] == "Ana Jansen"


async def test_what_is_said_afterwards_stands_beside_the_incident_and_counts(tmp_path: Path) -> None:
    """The last word holds, through a new start too; and what was typed besides is in no trail."""
    async with opening(tmp_path) as found, found.program(role="responder", responder="ana") as program:
        path = f"/api/v1/incidents/{LATEST}"
        for name, fields in (
            ("resolve", {}),
            ("feedback", {"verdict": "was_right"}),
            ("feedback", {"verdict": "was_false_alarm", "words": "the mast was only moved"}),
        ):
            assert (await program.post(f"{path}/{name}", json=fields)).json()["counted"]
        await found.home.works.delivery.step()
        listed = (await program.get("/api/v1/incidents?limit=1")).json()["incidents"]
        assert [(one["incident"], one["looked_back"]) for one in listed] == [(LATEST, "was_false_alarm")]
        brand = (await program.get("/api/v1/brands/Tulpatel")).json()
        assert (brand["outcomes"]["false_alarms"], brand["outcomes"]["resolved"]) == (1, 0)
        assert LookingBack(found.entrance.audit).verdicts() == {LATEST: "was_false_alarm"}
        assert "mast" not in str(found.entrance.audit.recent(5))
        assert [(one.answer, one.choice) for one in found.written][1:] == [
            ("note", "was_right"),
            ("note", "was_false_alarm"),
        ]


# ---- what the documentation says


async def test_the_examples_of_the_documentation_do_what_they_say(tmp_path: Path) -> None:
    """Each call of `docs/api.md`, by curl, as it stands there."""
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    lines = [line for block in text.split("```sh\n")[1:] for line in block.partition("```")[0].splitlines()]
    lines = [line for line in lines if line.startswith("curl ")]
    assert len(lines) == text.count("curl -sS") == 9
    async with opening(tmp_path) as found:
        tokens = found.entrance.tokens
        secret = tokens.make(Token(name="docs", role="responder", responder="ana"), days=1)
        places = {"TOCSIN": found.base_url, "TOKEN": secret, "INCIDENT": LATEST, "BRAND": "Tulpatel"}
        for line in lines:
            call = line.replace('"Acme"', '"Tulpatel"').replace("curl -sS", "curl -sS --fail-with-body")
            shell = await asyncio.create_subprocess_shell(
                call, env=places | {"PATH": os.environ["PATH"]}, stdout=asyncio.subprocess.PIPE
            )
            out, _ = await shell.communicate()
            assert shell.returncode == 0, (line, out)
            assert "/api/v1/incidents/$INCIDENT/" not in line or json.loads(out)["counted"], (line, out)
        assert [one.answer for one in found.written] == ["acknowledge", "note", "severity", "false_alarm"]


def test_the_documentation_names_every_way_in() -> None:
    """What is added must be written down."""
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for call in api.calls(SimpleNamespace(acts=None)):  # type: ignore[arg-type]
        word = call.path.removeprefix("/api/v1").replace("{brand}", "BRAND").replace("{incident}", "ID")
        last = word.rpartition("/")[2]
        assert f"`{word}`" in text or f"`{last}`" in text or word == "/silences/{silence}", call.path
    for allowed in (*REASONS, *FEEDBACK, *api.SPANS):
        assert allowed in text
