"""The contract between a step and the machine that runs it: a typed function.

```python
@component
def tokenize_examples(
    examples: Input[Examples],
    tokens: Output[Tokens],
    runtime: Runtime,
    *,
    max_length: Annotated[int, Field(ge=8, le=512)] = 128,
) -> Metrics:
    \"""Write every split as token ids.\"""
```

`Input` and `Output` mark artifacts, keyword-only arguments are the parameters a scenario may set, `runtime` says
where to compute and never what. `@component` reads the signature once into `function.spec` and changes nothing else:
a test calls the function with folders. Heavy imports belong inside the body, so planning never loads TensorFlow.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_args, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, create_model

from schemas.artifacts import Artifact
from schemas.errors import UserError, did_you_mean


class Role(Enum):
    """What an artifact argument is to its component."""

    INPUT = "input"
    OUTPUT = "output"


T = TypeVar("T", bound=Artifact)
Input = Annotated[T, Role.INPUT]
Output = Annotated[T, Role.OUTPUT]

Metrics = dict[str, float | int | str]
"""What a component returns: the few numbers a person wants to see of this step. Kept in its manifest."""


@dataclass(frozen=True)
class Outside:
    """Marks a parameter that names something outside the store; its content enters the cache key.

    With `hub`, names that only a hub knows are allowed too; those enter by name.
    """

    hub: bool = False


def _absolute(folder: str) -> str:
    return folder if "://" in folder else str(Path(folder).expanduser().absolute())


Location = Annotated[str, Outside()]
OptionalLocation = Annotated[str | None, Outside()]
Preset = Annotated[str, Outside(hub=True)]
OptionalPreset = Annotated[str | None, Outside(hub=True)]
Destination = Annotated[str, AfterValidator(_absolute)]
"""A folder that a step writes to outside the store. Made absolute, since from elsewhere it is another folder."""


@dataclass(frozen=True)
class Runtime:
    """Where a step computes and whom it tells. Never part of the cache key.

    Args:
        scratch: a folder of the step's own on the store's disk, for spilling; removed when the step is done.
        beam_options: command-line options for Beam pipelines.
        report: receives `(share done between 0 and 1 or None, a few words)` as often as there is news.
    """

    scratch: Path
    beam_options: tuple[str, ...] = ("--runner=FnApiRunner",)
    report: Callable[[float | None, str], None] = lambda done, text: None


@dataclass(frozen=True)
class ComponentSpec:
    """A component's signature, read once."""

    name: str
    module: str
    summary: str
    inputs: dict[str, type[Artifact]]
    outputs: dict[str, type[Artifact]]
    parameters: type[BaseModel]
    outside: dict[str, Outside]
    check: Callable[..., None] | None

    def validate(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Complete `values` with defaults and check types and bounds.

        Returns:
            Every parameter as plain JSON values, which is what enters the cache key.

        Raises:
            UserError: a parameter is unknown, missing, of the wrong type or out of bounds.
        """
        known = list(self.parameters.model_fields)
        for name in values:
            if name not in known:
                raise UserError(
                    f"{self.name} has no parameter '{name}'.{did_you_mean(str(name), known)} "
                    f"It takes: {', '.join(known)}."
                )
        try:
            parameters = self.parameters.model_validate(dict(values))
        except ValidationError as error:
            raise UserError("\n".join(self._explain(problem) for problem in error.errors())) from None
        return parameters.model_dump(mode="json")

    def check_world(self, parameters: Mapping[str, Any]) -> None:
        """Look at what the parameters name (files, columns) before anything runs; raises UserError."""
        if self.check is not None:
            wanted = inspect.signature(self.check).parameters
            self.check(**{name: parameters[name] for name in wanted})

    def _explain(self, problem: Any) -> str:
        path = ".".join(str(part) for part in problem["loc"])
        field = self.parameters.model_fields[str(problem["loc"][0])]
        meaning = f" ({field.description})" if field.description else ""
        if problem["type"] == "missing":
            return f"{self.name} needs '{path}'{meaning}. Add it to the scenario or give --set {self.name}.{path}=..."
        return f"{self.name}.{path}{meaning}: {problem['msg']}. Received {problem['input']!r}."


class Component:
    """A function with a `spec`; only a type for readers and checkers, `@component` returns the function itself."""

    spec: ComponentSpec
    __name__: str

    def __call__(self, *args: Any, **kwargs: Any) -> Metrics:
        """Run the component on folders."""
        raise TypeError("components are made with @component")


def component(function: Callable[..., Metrics] | None = None, *, check: Callable[..., None] | None = None) -> Any:
    """Read the signature once and hang the contract on the function as `.spec`.

    Args:
        function: the component.
        check: called with the parameters it names before any step runs, to refuse a hopeless scenario in the
            first second. Must be cheap and import nothing heavy.

    Raises:
        TypeError: an argument says neither what artifact nor what type it is.
    """
    if function is None:
        return lambda function: component(function, check=check)
    hints = get_type_hints(function, include_extras=True)
    artifacts: dict[Role, dict[str, type[Artifact]]] = {Role.INPUT: {}, Role.OUTPUT: {}}
    fields: dict[str, Any] = {}
    outside: dict[str, Outside] = {}
    for name, argument in inspect.signature(function).parameters.items():
        if name not in hints:
            raise TypeError(f"{function.__name__}: argument '{name}' needs a type, for example {name}: int = 1.")
        hint = hints[name]
        marks = getattr(hint, "__metadata__", ())
        role = next((mark for mark in marks if isinstance(mark, Role)), None)
        if role is not None:
            artifacts[role][name] = get_args(hint)[0]
        elif argument.kind is inspect.Parameter.KEYWORD_ONLY:
            fields[name] = (hint, ... if argument.default is inspect.Parameter.empty else argument.default)
            mark = next((mark for mark in marks if isinstance(mark, Outside)), None)
            if mark is not None:
                outside[name] = mark
        elif hint is not Runtime:
            raise TypeError(
                f"{function.__name__}: argument '{name}' is neither Input[...], Output[...] nor Runtime. "
                "Put parameters behind a '*'."
            )
    settings = ConfigDict(extra="forbid", strict=False, validate_default=True)
    spec = ComponentSpec(
        name=function.__name__,
        module=function.__module__,
        summary=(inspect.getdoc(function) or "").partition("\n")[0],
        inputs=artifacts[Role.INPUT],
        outputs=artifacts[Role.OUTPUT],
        parameters=create_model(function.__name__, __config__=settings, **fields),
        outside=outside,
        check=check,
    )
    cast(Any, function).spec = spec
    return function


def names() -> list[str]:
    """The components there are: each module of this folder that holds a function of its own name."""
    folder = importlib.import_module("components").__path__
    modules = sorted(module.name for module in pkgutil.iter_modules(folder) if module.name != "base")
    return [name for name in modules if not name.startswith("_")]


def find(name: str) -> Component:
    """The component of that name.

    Raises:
        UserError: there is none.
    """
    if name not in names():
        raise UserError(
            f"There is no component '{name}'.{did_you_mean(name, names())} There are: {', '.join(names())}."
        )
    return cast(Component, getattr(importlib.import_module(f"components.{name}"), name))
