"""Who is paged for a brand that has people of its own."""

import io
from pathlib import Path

from alerting.decision import Decision
from tocsin.embedded import Service
from tocsin.settings import load_settings

CONFIG = """\
data: data
brands:
  - {name: Near, query: near}
  - {name: Far, query: far, responders: {pr_on_call: grace}}
ingest: {listen: "127.0.0.1:0"}
"""


def page(brand: str) -> Decision:
    """A page for whoever has the role."""
    return Decision(
        key=f"{brand}-1/1/Page",
        at_ms=1_772_445_600_000,
        brand=brand,
        kind="Page",
        incident=f"{brand}-1",
        scenario="backlash",
        severity="high",
        reason="flowchart",
        targets=("pr_on_call",),
        by=("slack",),
    )


async def test_a_brand_wakes_its_own_people(tmp_path: Path) -> None:
    """The same page of the same flowchart: for one brand whoever has the role, for the other the person it names."""
    config = tmp_path / "tocsin.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    service = Service(load_settings(config, {}), terminal=io.StringIO())
    woken = {}
    for brand in ("Near", "Far"):
        service._deliver([page(brand)])
        woken[brand] = [name for row in service.home.outbox.pages(f"{brand}-1") for name in row.responders]
    service.home.close()
    assert "grace" not in woken["Near"]
    assert woken["Near"]
    assert woken["Far"] == ["grace"]
