"""The promises of the machine: computed once, whole or absent, the same after a kill, and explained."""

import json
import signal
import time
from pathlib import Path

import pytest

ALL = ["write_numbers", "double_numbers", "judge_numbers", "publish_numbers"]


def test_second_run_computes_nothing(toy):
    first = toy("run", "toy.yaml")
    assert toy.computed() == ALL
    assert "double_numbers ran in" in first and "largest 6" in first
    second = toy("run", "toy.yaml")
    assert toy.computed() == []
    assert second.count("cached") == len(ALL)


def test_comment_and_docstring_edits_rerun_nothing(toy):
    toy("run", "toy.yaml")
    toy.edit("models/doubling.py", "    return 2 * number", "    # twice\n\n    return 2 * number")
    toy.edit("models/doubling.py", "Twice the number.", "The number, twice.")
    assert set(toy.states().values()) == {"cached"}
    toy.computed()
    toy("run", "toy.yaml")
    assert toy.computed() == []


def test_parameter_change_reruns_its_step_and_what_follows(toy):
    toy("run", "toy.yaml")
    toy.computed()
    change = ("--set", "double_numbers.seconds=0.01")
    assert toy.states(*change) == {
        "write_numbers": "cached",
        "double_numbers": "run",
        "judge_numbers": "follows",
        "publish_numbers": "follows",
    }
    assert "parameter seconds: 0.0 → 0.01" in toy("why", "toy.yaml", "double_numbers", *change)
    toy("run", "toy.yaml", *change)
    # The numbers came out the same, so what follows is reused.
    assert toy.computed() == ["double_numbers"]


def test_edited_function_reruns_who_reaches_it_and_what_follows(toy):
    toy("run", "toy.yaml")
    toy.computed()
    toy.edit("models/doubling.py", "2 * number", "number + number + 1")
    assert toy.states()["write_numbers"] == "cached"
    assert "code of models.doubling: changed" in toy("why", "toy.yaml", "double_numbers")
    toy("run", "toy.yaml")
    assert toy.computed() == ["double_numbers", "judge_numbers", "publish_numbers"]
    # After the run, `why` still knows the reason.
    after = toy("why", "toy.yaml", "double_numbers")
    assert "up to date" in after and "code of models.doubling: changed" in after


def test_changed_source_file_reruns(toy):
    toy("run", "toy.yaml")
    toy.computed()
    (toy.folder / "work" / "numbers.txt").write_text("5\n6\n7\n8\n")
    assert "contents of source: changed" in toy("why", "toy.yaml", "write_numbers")
    toy("run", "toy.yaml")
    assert toy.computed() == ALL


@pytest.mark.parametrize("victim", ["write_numbers", "double_numbers"])
def test_killed_run_leaves_nothing_half_done_and_the_next_one_finishes(toy, victim):
    toy("run", "toy.yaml", "--store", "undisturbed")
    arguments = ["toy.yaml", "--set", f"{victim}.seconds=30"]
    process = toy.start("run", "--json", *arguments)
    for line in process.stdout:
        event = json.loads(line)
        if event.get("name") == victim and event.get("state") == "running" and event["text"] != "starting":
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not list(toy.store.glob(f"{victim}/*"))
    # The step's own process notices, so its lock is free at once.
    toy("run", "toy.yaml")
    assert set(toy.states().values()) == {"cached"}
    disturbed = toy.digests()
    assert len(disturbed) == 4
    undisturbed = {
        f"{m['component']}.{name}": output["digest"]
        for path in (toy.folder / "work" / "undisturbed").glob("*/*/manifest.json")
        for m in [json.loads(path.read_text())]
        for name, output in m["outputs"].items()
    }
    assert disturbed == undisturbed


def test_step_process_dies_with_its_runner(toy):
    process = toy.start("run", "--json", "toy.yaml", "--set", "write_numbers.seconds=60")
    for line in process.stdout:
        if "number 1" in line:
            break
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert children
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in children)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_two_runs_at_once_compute_each_step_once(toy):
    processes = [toy.start("run", "toy.yaml", "--set", "double_numbers.seconds=1") for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted(toy.computed()) == sorted(ALL)
    assert any("another run is computing this step" in output for output in outputs)


def test_failed_verdict_stops_what_follows(toy):
    output = toy("run", "toy.yaml", "--set", "judge_numbers.at_least=100", code=3)
    assert toy.computed() == ALL[:3]
    assert "publish_numbers refused" in output
    assert "largest 6.0000, expected at least 100" in output
    assert toy.states("--set", "judge_numbers.at_least=100")["publish_numbers"] == "refused"


def test_user_error_is_shown_without_traceback_and_the_rest_is_skipped(toy):
    output = toy("run", "toy.yaml", "--set", "double_numbers.fail=user", code=1)
    assert "7 came, 8 was expected. Add one." in output
    assert "Traceback" not in output and "log" not in output
    assert "judge_numbers skipped" in output


def test_bug_names_its_log(toy):
    output = toy("run", "toy.yaml", "--set", "double_numbers.fail=bug", code=1)
    assert "double_numbers broke: KeyError: 'oops'" in output
    log = output.partition("Its log: ")[2].split()[0]
    assert "Traceback" in Path(log).read_text()


def test_silent_death_is_reported(toy):
    assert "exit code 9" in toy("run", "toy.yaml", "--set", "double_numbers.fail=exit", code=1)


def test_until_and_from(toy):
    toy("run", "toy.yaml", "--until", "double_numbers")
    assert toy.computed() == ALL[:2]
    toy("run", "toy.yaml", "--from", "judge_numbers")
    assert toy.computed() == ALL[2:]
    change = ("--set", "write_numbers.count=2")
    assert "write_numbers would have to run" in toy("run", "toy.yaml", "--from", "judge_numbers", *change, code=2)


def test_manifest_says_what_was_done(toy):
    toy("run", "toy.yaml")
    manifest = json.loads(toy("show", "double_numbers", "--json"))
    assert manifest["metrics"] == {"largest": 6}
    assert manifest["inputs"]["numbers"]["producer"].startswith("write_numbers/")
    assert manifest["parts"]["code"].keys() >= {"components.double_numbers", "models.doubling", "components.base"}
    assert [file["path"] for file in manifest["outputs"]["doubled"]["files"]] == ["numbers.txt"]
    assert manifest["peak_memory_mb"] > 1


def test_lineage_reaches_the_source(toy):
    toy("run", "toy.yaml")
    lines = toy("lineage", "publish_numbers").splitlines()
    assert lines[0].startswith("publish_numbers/")
    assert "doubled ← double_numbers/" in lines[1]
    assert "numbers ← write_numbers/" in lines[2]
    assert "source: numbers.txt  (sha256 " in lines[3]


def test_verify_finds_changed_missing_and_added_files(toy):
    toy("run", "toy.yaml")
    assert "4 steps verified, 0 changed" in toy("verify")
    doubled = next(toy.store.glob("double_numbers/*/doubled"))
    (doubled / "numbers.txt").write_text("9")
    (doubled / "more.txt").write_text("9")
    next(toy.store.glob("publish_numbers/*/published/numbers.txt")).unlink()
    output = toy("verify", code=1)
    assert "doubled/numbers.txt was changed" in output and "doubled/more.txt was added" in output
    assert "published/numbers.txt is missing" in output


def test_gc_keeps_what_recent_runs_need(toy):
    toy("run", "toy.yaml", "--set", "write_numbers.count=1")
    toy("run", "toy.yaml")
    assert len(list(toy.store.glob("*/*/manifest.json"))) == 8
    output = toy("gc", "--keep-runs", "1", "--yes")
    assert "Removed 4 steps" in output
    toy.computed()
    toy("run", "toy.yaml")
    assert toy.computed() == []


def test_runs_and_show_tell_what_happened(toy):
    toy("run", "toy.yaml")
    toy("run", "toy.yaml", "--set", "double_numbers.fail=user", code=1)
    newest, oldest = toy("runs").splitlines()
    assert "failed" in newest and "succeeded" in oldest
    shown = toy("show", newest.split()[0])
    assert "parameter fail:  → user" in shown and "7 came" in shown


def test_folder_named_models_in_the_current_folder_is_not_ours(toy):
    (toy.folder / "work" / "models").mkdir()
    (toy.folder / "work" / "models" / "__init__.py").write_text("raise RuntimeError('not this one')")
    toy("run", "toy.yaml")
    assert toy.computed() == ALL
