"""Statistics and a schema in, judgement out: may this data train a model?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from components.base import Input, Metrics, OptionalLocation, Output, component
from schemas.artifacts import Anomalies, Schema, Statistics, Verdict
from schemas.errors import UserError, did_you_mean
from schemas.locations import resolve
from schemas.reports import AnomaliesReport, Distance, Rule, VerdictReport

if TYPE_CHECKING:
    from models.validation.lines import SchemaText
    from models.validation.view import SplitView

SCHEMA_FILE, REFERENCE = "validate_examples.schema_file", "validate_examples.reference"


def check(schema_file: str | None, reference: str | None, severities: dict[str, str]) -> None:
    """Refuse a schema or a reference that does not parse, and severities of anomalies that there are not."""
    if schema_file is not None:
        _read_schema(resolve(schema_file, wanted_by=SCHEMA_FILE), SCHEMA_FILE)
    if reference is not None:
        _read_reference(reference)
    if severities:
        from models.validation.validating import anomaly_names

        for name in severities:
            if name not in anomaly_names():
                raise UserError(
                    f"validate_examples.severities: '{name}' is no anomaly.{did_you_mean(name, anomaly_names())} "
                    "The names are those of tensorflow_metadata's AnomalyInfo.Type; docs/validation.md lists them."
                )


@component(check=check)
def validate_examples(
    statistics: Input[Statistics],
    schema: Input[Schema],
    anomalies: Output[Anomalies],
    verdict: Output[Verdict],
    *,
    schema_file: Annotated[
        OptionalLocation, Field(description="a curated schema.pbtxt instead of the inferred one")
    ] = None,
    reference: Annotated[
        OptionalLocation, Field(description="FeatureStats.pb, or a folder with one, to measure drift against")
    ] = None,
    max_errors: Annotated[int, Field(ge=0, description="errors that do not stop training; drift and skew apart")] = 0,
    max_warnings: Annotated[
        int | None, Field(ge=0, description="warnings that do not stop training; null: any")
    ] = None,
    severities: Annotated[
        dict[str, Literal["error", "warning", "off"]],
        Field(description="by name of anomaly, as {SCHEMA_NEW_COLUMN: error}"),
    ] = {},  # noqa: B006
) -> Metrics:
    """Hold every split against the schema, measure drift and skew, and say which line to edit for each anomaly."""
    from models.validation import anomalies_page, proto
    from models.validation.validating import validate
    from models.validation.view import read_statistics

    splits = read_statistics(statistics.proto_file, wanted_by="validate_examples.statistics")
    file = (
        _read_schema(schema.file, "validate_examples.schema")
        if schema_file is None
        else _read_schema(resolve(schema_file, wanted_by=SCHEMA_FILE), SCHEMA_FILE)
    )
    before = None if reference is None else _read_reference(reference)
    report = validate(splits, file, before, severities)
    rules = _rules(report, max_errors, max_warnings)

    anomalies.path.mkdir(parents=True, exist_ok=True)
    anomalies.write_report(report)
    anomalies.proto_file.write_text(proto.to_text(report, file.proto), encoding="utf-8")
    page = anomalies_page.render(report, rules, splits, file.name)
    anomalies.page.write_text(page, encoding="utf-8")
    verdict.path.mkdir(parents=True, exist_ok=True)
    verdict.write_report(VerdictReport(rules=rules))
    return {
        "errors": _count(report, "error"),
        "warnings": _count(report, "warning"),
        "compared": len(report.distances),
        "verdict": "passed" if VerdictReport(rules=rules).passed else "BROKEN",
    }


def _rules(report: AnomaliesReport, max_errors: int, max_warnings: int | None) -> list[Rule]:
    """Errors, warnings where they are bounded, and each distance beyond its bound."""
    from models.validation.comparators import NAMES

    beyond = [distance for distance in report.distances if _breaks(distance, report)]
    errors = sum(one.severity == "error" and one.name not in NAMES.values() for one in report.anomalies)
    rules = [_at_most("data: errors", errors, max_errors)]
    if max_warnings is not None:
        rules.append(_at_most("data: warnings", _count(report, "warning"), max_warnings))
    for one in beyond:
        name = f"data: {one.kind} of {one.feature} in {one.split} ({one.measure})"
        rules.append(_at_most(name, one.value, one.threshold + one.allowance))
    return rules


def _breaks(distance: Distance, report: AnomaliesReport) -> bool:
    """Whether the distance is too large and counts as an error."""
    from models.validation.comparators import NAMES, is_too_far

    errors = {anomaly.name for anomaly in report.anomalies if anomaly.severity == "error"}
    return is_too_far(distance) and NAMES[distance.measure] in errors


def _at_most(name: str, value: float, bound: float) -> Rule:
    return Rule(name=name, value=value, bound=bound, passed=value <= bound, expectation="at most")


def _count(report: AnomaliesReport, severity: str) -> int:
    return sum(anomaly.severity == severity for anomaly in report.anomalies)


def _read_schema(path: Path, wanted_by: str) -> "SchemaText":
    from models.validation.lines import SchemaText

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{wanted_by}: {path} cannot be read as text: {error}. "
            "Expected a schema.pbtxt in UTF-8, such as infer_schema writes."
        ) from None
    return SchemaText(path.name, text, wanted_by=wanted_by)


def _read_reference(reference: str) -> "dict[str, SplitView]":
    from models.validation.view import read_statistics

    path = resolve(reference, wanted_by=REFERENCE)
    file = Statistics(path).proto_file if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            f"{REFERENCE}: the folder {path} has no {file.name}. "
            "Expected a Statistics folder as compute_statistics writes it, or the file itself."
        )
    return read_statistics(file, wanted_by=REFERENCE)
