"""How a block reads as a form in the Prefect UI."""

import re
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from openbell.values.time import duration_text

_DURATIONS = TypeAdapter(timedelta)


class ReadableForm:
    """To stand before ``Block`` among a class's bases: the form shows one field where a plain one shows a toggle.

    For ``int | None`` the UI offers a switch between "int" and "None" and says 'Property is type "None"'; a field
    that may stay empty says the same. For a decimal it offers "float" and "str"; text keeps every digit.
    """

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema of the form."""
        return readable(super().model_json_schema(*args, **kwargs))  # type: ignore[misc]  # of the class beside this one


def readable(schema: Any) -> Any:
    """A JSON schema without choices between types, where one of them holds every value."""
    if isinstance(schema, list):
        return [readable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _BOXES.get(key, readable)(value) for key, value in schema.items()}
    if isinstance(choices := plain.get("anyOf"), list) and (one := _one(choices)):
        del plain["anyOf"]
        if plain.get("default", ...) is None:
            del plain["default"]
        plain = {**one, **plain}
    return _settled(plain)


def _settled(schema: dict[str, Any]) -> dict[str, Any]:
    """The same in each process: a set has another order in each, and its form would count as a new one."""
    if "$ref" in schema:
        return {key: value for key, value in schema.items() if key != "default"}  # its fields have theirs
    if schema.get("format") == "duration":
        return _spoken({key: value for key, value in schema.items() if key != "format"})
    if schema.get("uniqueItems") and isinstance(schema.get("default"), list):
        return {**schema, "default": sorted(schema["default"])}
    return schema


def _spoken(schema: dict[str, Any]) -> dict[str, Any]:
    """A duration as plans write it, 15m and not PT15M."""
    if "default" not in schema:
        return schema
    return {**schema, "default": duration_text(_DURATIONS.validate_python(schema["default"]))}


def _titled(properties: dict[str, Any]) -> dict[str, Any]:
    """Each with a title: that of a table would be the name of its class."""
    named = {name: {"title": name.replace("_", " ").capitalize()} for name in properties}
    return {name: {**named[name], **readable(schema)} for name, schema in properties.items()}


def _tables(definitions: dict[str, Any]) -> dict[str, Any]:
    """Each titled by what it is of: the older UI shows the name of the class above its box."""
    named = {name: {"title": _WORD.sub(" ", name.removesuffix("Use")).capitalize()} for name in definitions}
    return {name: {**readable(schema), **named[name]} for name, schema in definitions.items()}


def _one(choices: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What stands for all of them, None where nothing does."""
    kinds = [choice for choice in choices if choice.get("type") != "null"]
    if len(kinds) == 1:
        # A table that may be left out: as a box of fields it would be sent with its defaults, and be there.
        return {"type": "object"} if "$ref" in kinds[0] else kinds[0]
    if kinds and all("enum" in kind for kind in kinds):
        return {"type": "string", "enum": list(dict.fromkeys(word for kind in kinds for word in kind["enum"]))}
    if {kind.get("type") for kind in kinds} == {"number", "string"}:
        return {"type": "string"}
    return None


#: Begins a word inside the name of a class.
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BOXES = {"properties": _titled, "$defs": _tables, "definitions": _tables}
