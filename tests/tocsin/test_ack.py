"""`tocsin ack` tells what is wrong before it leaves anything for the service; what it does is in `tests/faults`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.acceptance.living import configure
from tocsin.cli import app
from tocsin.letterbox import BOX


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("anna", "`anna` is not known as a responder of the flowchart; did you mean `ana`?"),
        ("", "--who: nobody is named"),
        ("crisis_room", "`crisis_room` is not known as a responder of the flowchart; allowed: ana, bram, chloe"),
        ("ana", "'acme-1' is no open incident; none is open now"),
    ],
)
def test_a_slip_is_told_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str, said: str
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "")
    config = configure(tmp_path, None)
    chart = (tmp_path / "chart.yaml").read_text()
    (tmp_path / "chart.yaml").write_text(
        chart.replace("entry:", "  crisis_room: {name: Room, slack: C000ROOM}\nentry:", 1)
    )
    (tmp_path / "data").mkdir()
    ran = CliRunner().invoke(app, ["ack", "acme-1", "--who", who, "--config", str(config)], env={"COLUMNS": "200"})
    assert ran.exit_code != 0
    assert said in str(ran.exception) + ran.output
    assert not (tmp_path / "data" / BOX).exists()
