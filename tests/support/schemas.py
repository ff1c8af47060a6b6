"""The JSON that the programs print, against its schema in docs/schemas."""
import json
from pathlib import Path

import jsonschema

SCHEMAS = Path(__file__).resolve().parent.parent.parent / "docs" / "schemas"


def schema_of(name):
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def fitting(name, text):
    """What one line of JSON holds. Raises jsonschema.ValidationError if it does not fit the schema `name`."""
    if text.count("\n") != 1 or not text.endswith("\n"):
        raise jsonschema.ValidationError(f"not one line: {text!r}")
    value = json.loads(text)
    jsonschema.Draft202012Validator(schema_of(name)).validate(value)
    return value
