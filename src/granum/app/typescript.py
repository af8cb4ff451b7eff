"""TypeScript types of all messages, made from the models, so that the page cannot disagree with the server.

``python -m granum.app.typescript > web/src/api/types.ts``; a test compares the file with what this makes.
"""

from __future__ import annotations

from typing import Any

__all__ = ["write_types"]

_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def write_types() -> str:
    """Return the text of `web/src/api/types.ts`."""
    from pydantic import BaseModel
    from pydantic.json_schema import models_json_schema

    from granum.app import (
        assay_messages,
        learn_messages,
        messages,
        paint_messages,
        plan_messages,
        recipe_messages,
        run_messages,
    )

    models = [
        model
        for module in (
            messages,
            recipe_messages,
            paint_messages,
            run_messages,
            plan_messages,
            learn_messages,
            assay_messages,
        )
        for name in module.__all__
        if name != "Message" and isinstance(model := getattr(module, name), type) and issubclass(model, BaseModel)
    ]
    # every key is there in what the server sends; a request may leave out those with a default
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template="{model}")
    requests = {"RecipeRequest", "PreviewRequest", "RunRequest", "EditRequest", "Stroke", "ProjectChange"} | {
        "LearnLook",
        "SearchRequest",
        "ModelRequest",
        "PlanRequest",
    }
    parts = ["// Made by `python -m granum.app.typescript` from src/granum/app/messages.py; do not edit.\n"]
    for name, about in sorted(schema["$defs"].items()):
        parts.append(_interface(name, about, is_request=name in requests))
    return "\n".join(parts)


def _interface(name: str, about: dict[str, Any], *, is_request: bool) -> str:
    lines = [f"/** {' '.join(about.get('description', '').split())} */", f"export interface {name} {{"]
    required = set(about.get("required", []))
    for key, field in about.get("properties", {}).items():
        optional = "?" if is_request and key not in required else ""
        lines.append(f"  {key}{optional}: {_type(field)};")
    return "\n".join([*lines, "}", ""])


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"])
    if "const" in field:
        return _literal(field["const"])
    if "enum" in field:
        return " | ".join(_literal(value) for value in field["enum"])
    if "anyOf" in field:
        return " | ".join(dict.fromkeys(_type(option) for option in field["anyOf"]))
    kind = field.get("type")
    if kind == "array":
        item = field.get("items", {})
        if item.get("type") == "number" and field.get("minItems") == field.get("maxItems") == 2:
            return "[number, number]"
        inside = _type(item)
        return f"({inside})[]" if "|" in inside else f"{inside}[]"
    if kind == "object":
        return f"Record<string, {_type(_inside(field))}>"
    return _PLAIN.get(str(kind), "unknown")


def _inside(field: dict[str, Any]) -> dict[str, Any]:
    inside = field.get("additionalProperties")
    return inside if isinstance(inside, dict) else {}


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    print(write_types(), end="")
