"""The command line. Only click is loaded up front, so that `--help` and completion answer at once."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.graph import Pipeline
    from pipeline.store import Store

# Exit codes: 0 done, 1 a step failed, 2 the command or scenario is wrong, 3 a verdict refused the model.
FAILED, WRONG, REFUSED, INTERRUPTED = 1, 2, 3, 130

store_option = click.option(
    "--store",
    "root",
    default=".modelmill",
    envvar="MODELMILL_STORE",
    show_default=True,
    help="Folder of finished steps.",
)
set_option = click.option("--set", "overrides", multiple=True, metavar="STEP.PARAM=VALUE", help="Change one parameter.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
scenario_argument = click.argument("scenario", type=click.Path(path_type=Path))


class Commands(click.Group):
    """Shows commands in the order they are needed, and mendable errors without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In order of definition."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from schemas.errors import UserError

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that cannot show ✓ must not end a run
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.secho(str(error), fg="red", err=True)
            sys.exit(WRONG)
        except KeyboardInterrupt:
            click.echo("\nInterrupted. Finished steps are kept; run the same command to go on.", err=True)
            sys.exit(INTERRUPTED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="modelmill")
def main() -> None:
    """From labelled text to the smallest classifier you can trust.

    A scenario is a YAML file that says what to run. Finished steps are kept in a store and reused until something
    that could change their answer changes.
    """


@main.command()
@scenario_argument
@store_option
@set_option
@click.option("--from", "start", metavar="STEP", help="Start here; everything before must be in the store.")
@click.option("--until", metavar="STEP", help="Stop after this step.")
@json_option
def run(
    scenario: Path, root: str, overrides: tuple[str, ...], start: str | None, until: str | None, as_json: bool
) -> None:
    """Run a scenario; finished steps are reused."""
    from rich.console import Console

    from pipeline import runner, summary
    from pipeline.display import display_for

    pipeline, store = _pipeline(scenario, overrides, root)
    runner.check_world(pipeline, store)
    record = runner.run(pipeline, store, display_for(sys.stdout, as_json=as_json), start=start, until=until)
    if not as_json:
        summary.print_summary(pipeline, record, store, Console())
    sys.exit({"succeeded": 0, "refused": REFUSED}.get(record.status, FAILED))


@main.command()
@scenario_argument
@store_option
@set_option
@json_option
def plan(scenario: Path, root: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Say for every step whether it would run, and why."""
    from pipeline import planner

    pipeline, store = _checked(scenario, overrides, root)
    plans = planner.plan(pipeline, store)
    if as_json:
        click.echo(_pretty([{"step": p.step.name, "state": p.state, "reasons": p.reasons} for p in plans]))
        return
    colours = {"cached": "green", "run": "cyan", "follows": "cyan", "refused": "yellow"}
    width = max(len(p.step.name) for p in plans)
    for p in plans:
        state = click.style(f"{p.state:<8}", fg=colours[p.state])
        click.echo(f"{p.step.name:<{width}}  {state}{' ' if p.reasons else ''}{'; '.join(p.reasons)}")


@main.command()
@scenario_argument
@click.argument("step", required=False)
@store_option
@set_option
def why(scenario: Path, step: str | None, root: str, overrides: tuple[str, ...]) -> None:
    """Name what changed since a step last ran."""
    from pipeline import planner
    from pipeline.runs import records

    pipeline, store = _checked(scenario, overrides, root)
    if step is not None:
        pipeline.part(start=step, until=None)
    history = [record for record in records(store) if record.scenario == pipeline.scenario.name]
    for planned in planner.plan(pipeline, store):
        name = planned.step.name
        if step not in (None, name):
            continue
        if planned.state != "cached":
            click.echo(f"{name} is refused:" if planned.state == "refused" else f"{name} would run:")
            click.echo("\n".join(f"  {reason}" for reason in planned.reasons))
            continue
        result = planned.manifest.name if planned.manifest else None
        ran = (record for record in history if (step_record := record.steps.get(name)) and step_record.state == "ran")
        made = next((record for record in ran if record.steps[name].finished == result), None)
        click.echo(f"{name} is up to date." + ("" if made else " Another scenario computed it."))
        if made:
            click.echo(f"  it ran in {made.id}: {'; '.join(made.steps[name].reasons)}")


@main.command()
@store_option
@json_option
def runs(root: str, as_json: bool) -> None:
    """List the runs, newest first."""
    from pipeline.display import duration
    from pipeline.runs import records

    found = records(_store(root))
    if as_json:
        click.echo(_pretty([record.model_dump(mode="json") for record in found]))
        return
    if not found:
        click.echo(f"No runs in {_store(root).root} yet.")
    for record in found:
        states = [step.state for step in record.steps.values()]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        click.echo(f"{record.id}  {record.status:<11} {duration(record.seconds):>12}  {counts}")


@main.command()
@click.argument("target")
@store_option
@json_option
def show(target: str, root: str, as_json: bool) -> None:
    """Show a run or a finished step.

    TARGET is a run's id, a component (its newest result), a key or component/key.
    """
    from pipeline import lineage
    from pipeline.display import duration, in_words
    from pipeline.runs import records

    store = _store(root).require()
    record = next((record for record in records(store) if record.id == target), None)
    if record is not None:
        if as_json:
            click.echo(_pretty(record.model_dump(mode="json")))
            return
        click.echo(f"{record.id}  {record.status} in {duration(record.seconds)}")
        for name, outcome in record.steps.items():
            result = outcome.finished or outcome.error or ""
            click.echo(f"  {name:<20} {outcome.state:<8} {duration(outcome.seconds):>10}  {result}")
            for reason in outcome.reasons:
                click.echo(f"      because {reason}")
        return
    manifest = lineage.find(store, target)
    if as_json:
        click.echo(manifest.model_dump_json(indent=2))
        return
    click.echo(
        f"{manifest.name}  {manifest.started}  {duration(manifest.seconds)}, {manifest.peak_memory_mb:,.0f} MB at most"
    )
    click.echo(f"  {in_words(manifest.metrics)}")
    for name, value in manifest.parts.parameters.items():
        click.echo(f"  {name}: {value}")
    for name, source in manifest.inputs.items():
        click.echo(f"  reads {name}: {source.producer}")
    folder = store.folder(manifest.component, manifest.key)
    for name, output in manifest.outputs.items():
        size = sum(file.size for file in output.files)
        click.echo(f"  wrote {name}: {output.kind}, {len(output.files)} files, {size / 1e6:,.1f} MB, {folder / name}")
    click.echo(f"  log: {folder / 'log.txt'}")


@main.command()
@click.argument("target")
@store_option
def lineage(target: str, root: str) -> None:
    """Show what a result was made from, back to the source files."""
    from pipeline import lineage as lines

    store = _store(root).require()
    for ancestor in lines.ancestors(store, lines.find(store, target)):
        indent = "   " * ancestor.depth + ("└─ " if ancestor.depth else "")
        role = f"{ancestor.role} ← " if ancestor.role else ""
        if ancestor.manifest is None:
            click.echo(f"{indent}{role}{ancestor.name}  (no longer in the store)")
            continue
        if ancestor.repeated:
            click.echo(f"{indent}{role}{ancestor.name}  (as above)")
            continue
        click.echo(f"{indent}{role}{ancestor.name}  {ancestor.manifest.started}")
        for name, digest in ancestor.manifest.parts.outside.items():
            value = ancestor.manifest.parts.parameters[name]
            shown = digest if digest.startswith("name:") else f"sha256 {digest[:16]}"
            click.echo(f"{' ' * len(indent)}   {name}: {value}  ({shown})")


@main.command()
@click.argument("target", required=False)
@store_option
def verify(target: str | None, root: str) -> None:
    """Hash finished steps again and compare."""
    from pipeline import lineage as lines

    store = _store(root).require()
    manifests = [lines.find(store, target)] if target else list(store.manifests())
    broken = 0
    for manifest in manifests:
        changes = lines.changed_files(store, manifest)
        broken += bool(changes)
        click.secho(f"{manifest.name}  {'; '.join(changes) or 'as written'}", fg="red" if changes else None)
    click.echo(f"{len(manifests)} steps verified, {broken} changed.")
    if broken:
        click.echo(f"Remove a changed step's folder below {store.root} and run its scenario again.")
        sys.exit(FAILED)


@main.command()
@store_option
@click.option(
    "--keep-runs",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="Runs per scenario to keep whole.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def gc(root: str, keep_runs: int, yes: bool) -> None:
    """Remove what no recent run needs."""
    from pipeline import housekeeping

    store = _store(root).require()
    store.prepare()
    removals = housekeeping.removable(store, keep_runs)
    for removal in removals:
        click.echo(f"{removal.name}  {removal.size / 1e6:,.1f} MB")
    if removals and not yes:
        click.confirm(f"Remove these {len(removals)} steps?", abort=True)
    removed = housekeeping.collect(store, removals)
    click.echo(f"Removed {len(removed)} steps, {sum(removal.size for removal in removed) / 1e6:,.1f} MB.")


@main.command()
@click.argument("name", required=False)
def components(name: str | None) -> None:
    """List the components, or show one with its parameters."""
    from components.base import find, names
    from pipeline.reference import describe

    if name is not None:
        click.echo(describe(find(name)))
        return
    for known in names():
        click.echo(f"{known:<20} {find(known).spec.summary}")


@main.command()
@click.option("--recipe", default="text_classification", show_default=True)
def schema(recipe: str) -> None:
    """Print the JSON Schema of scenario files."""
    from pipeline.reference import scenario_schema

    click.echo(_pretty(scenario_schema(recipe)))


@main.command()
@store_option
def doctor(root: str) -> None:
    """Check Python, libraries, encoder, memory, disk and store."""
    from pipeline.doctor import examine

    findings = list(examine(_store(root)))
    for finding in findings:
        mark = click.style("✓", fg="green") if finding.good else click.style("✗", fg="red")
        click.echo(f"{mark} {finding.name:<13} {finding.words}")
    sys.exit(0 if all(finding.good for finding in findings) else FAILED)


@main.command()
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("texts", nargs=-1)
@json_option
def predict(model: Path, texts: tuple[str, ...], as_json: bool) -> None:
    """Ask a published model.

    MODEL is the folder that push_model wrote; TEXTS come from the command line, or one per line from stdin.
    """
    from pipeline.prediction import newest_version, predictions

    lines = list(texts) if texts else sys.stdin.buffer.read().decode("utf-8", errors="replace").splitlines()
    for answer in predictions(newest_version(model), lines):
        click.echo(answer.as_json() if as_json else f"{answer.label}  {answer.score:.4f}  {answer.text}")


def _pretty(value: Any) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False)


def _store(root: str) -> "Store":
    from pipeline.store import Store

    return Store(Path(root))


def _pipeline(scenario: Path, overrides: tuple[str, ...], root: str) -> tuple["Pipeline", "Store"]:
    from pipeline import scenario as scenarios
    from pipeline.recipes import build

    return build(scenarios.load(scenario, overrides)), _store(root)


def _checked(scenario: Path, overrides: tuple[str, ...], root: str) -> tuple["Pipeline", "Store"]:
    from pipeline.runner import check_world

    pipeline, store = _pipeline(scenario, overrides, root)
    check_world(pipeline, store)
    return pipeline, store


if __name__ == "__main__":
    main()
