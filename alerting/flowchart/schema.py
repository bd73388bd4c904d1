"""The JSON Schema of a flowchart file, from its models: with it an editor completes and checks while one writes."""

import json
from typing import Any

from alerting.flowchart.model import Written


def schema_text() -> str:
    """The schema as a file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). What only a whole chart can tell (names, circles, people) is beyond it."""
    schema = Written.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Crisis flowchart"
    return schema
