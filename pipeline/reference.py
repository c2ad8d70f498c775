"""What components and scenarios take, for people and for editors."""

from typing import Any

from components.base import Component
from pipeline.recipes import OPTIONAL, RECIPES
from pipeline.scenario import DEFAULT_RECIPE, Scenario
from schemas.errors import UserError, did_you_mean


def describe(function: Component) -> str:
    """A component's contract as text: what it does, reads, writes and takes."""
    import inspect

    spec = function.spec
    lines = [spec.name, "", inspect.getdoc(function) or "", ""]
    lines += [f"  reads  {name}: {kind.__name__}" for name, kind in spec.inputs.items()]
    lines += [f"  writes {name}: {kind.__name__}" for name, kind in spec.outputs.items()]
    lines += ["", "  parameters"]
    properties = spec.parameters.model_json_schema(mode="validation").get("properties", {})
    for name, field in spec.parameters.model_fields.items():
        default = "required" if field.is_required() else f"= {field.default!r}"
        lines.append(f"    {name} {default}  {_bounds(properties[name])}  {field.description or ''}".rstrip())
    return "\n".join(lines)


def _bounds(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]}" for key, sign in words.items() if key in schema]
    return " ".join([str(schema.get("type", "")), *bounds])


def scenario_schema(recipe: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a recipe's scenario files.

    Raises:
        UserError: there is no such recipe.
    """
    if recipe not in RECIPES:
        raise UserError(
            f"There is no recipe '{recipe}'.{did_you_mean(recipe, list(RECIPES))} There are: {', '.join(RECIPES)}."
        )
    steps = RECIPES[recipe](Scenario("schema", recipe, {name: {} for name in OPTIONAL})).steps
    properties: dict[str, Any] = {
        "name": {"type": "string", "description": "names the runs and the published folder"},
        "recipe": {"enum": list(RECIPES), "default": DEFAULT_RECIPE},
        "beam": {
            "type": "object",
            "description": "options for Apache Beam, for example runner: DataflowRunner",
        },
    }
    for name, step in steps.items():
        schema = step.function.spec.parameters.model_json_schema()
        # What a recipe can fill in need not stand in the file, so nothing inside a step is required here.
        schema.pop("required", None)
        properties[name] = {**schema, "title": name, "description": step.function.spec.summary}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"modelmill scenario, recipe {recipe}",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
