"""The JSON Schema that editors check a flowchart with: it is as the code says, it takes good charts, and it cannot see
what only a whole chart can tell, which is what `tocsin flowchart check` is for.
"""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from alerting.flowchart.schema import json_schema, schema_text
from stream.strict_yaml import YamlProblem, parse

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WRITTEN = ROOT / "docs" / "reference" / "crisis_flowchart.schema.json"
SCHEMA = Draft202012Validator(json_schema())
GOOD = [ROOT / "crisis_flowchart.yaml", HERE / "good.yaml", HERE / "full.yaml"]


def _accepts(path: Path) -> bool:
    try:
        data = parse(path.read_text(encoding="utf-8"), path.name).data
    except YamlProblem:
        return False
    return SCHEMA.is_valid(data)


def test_the_schema_in_the_docs_is_the_one_the_code_gives() -> None:
    """If not: `make format`."""
    assert WRITTEN.read_text(encoding="utf-8") == schema_text()
    Draft202012Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_good_charts_are_valid(path: Path) -> None:
    data = parse(path.read_text(encoding="utf-8"), path.name).data
    assert [error.message for error in SCHEMA.iter_errors(data)] == []


def test_most_faults_of_the_gallery_are_beyond_a_schema() -> None:
    """A chart may be well formed and still wrong: at least 25 of the bad ones are."""
    charts = sorted((HERE / "bad").glob("*.yaml"))
    beyond = [path.stem for path in charts if _accepts(path)]
    assert len(charts) >= 40
    assert len(beyond) >= 25
    for fault in ("misspelt_key", "unknown_way", "repeat_too_often", "channel_with_capitals", "acknowledge_somebody"):
        assert fault not in beyond, f"an editor should see {fault}"


def test_what_the_schema_refuses_a_person_is_told_by_name() -> None:
    data = parse((HERE / "good.yaml").read_text(encoding="utf-8").replace("10m", "10 minutes"), "chart.yaml").data
    assert not SCHEMA.is_valid(data)
