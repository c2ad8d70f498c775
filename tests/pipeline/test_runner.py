"""The promises of the machine: computed once, whole or absent, the same after a kill, and explained."""

import json
import os
import shutil
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


@pytest.mark.parametrize(("victim", "words"), [("write_numbers", "number 3"), ("double_numbers", "doubling")])
def test_killed_run_leaves_nothing_half_done_and_the_next_one_finishes(toy, victim, words):
    toy("run", "toy.yaml", "--store", "undisturbed")
    process = toy.start_until(victim, words, pause=f"{victim}:60")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not list(toy.store.glob(f"{victim}/*"))
    # Same key, so this meets the dead run's scratch, and its lock unless the step's process has ended itself.
    toy("run", "toy.yaml")
    assert set(toy.states().values()) == {"cached"}
    assert len(toy.digests()) == 4
    assert toy.digests() == toy.digests("undisturbed")


def test_step_process_dies_with_its_runner(toy):
    process = toy.start_until("write_numbers", "number 1", pause="write_numbers:60")
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
    processes = [toy.start("run", "toy.yaml", pause="double_numbers:1") for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted(toy.computed()) == sorted(ALL)
    assert any("another run is computing this step" in output for output in outputs)


def test_failed_verdict_stops_what_follows(toy):
    output = toy("run", "toy.yaml", "--set", "judge_numbers.at_least=100", code=3)
    assert toy.computed() == ALL[:3]
    assert "publish_numbers refused" in output
    assert "largest 6, expected at least 100" in output
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


def test_gc_counts_whole_runs_only(toy):
    toy("run", "toy.yaml")
    for number in range(3):
        toy(
            "run",
            "toy.yaml",
            "--set",
            f"double_numbers.seconds=0.00{number}",
            "--set",
            "double_numbers.fail=user",
            code=1,
        )
    toy("run", "toy.yaml", "--until", "write_numbers")
    toy("gc", "--keep-runs", "1", "--yes")
    assert set(toy.states().values()) == {"cached"}


def test_gc_leaves_a_running_run_alone_and_trusts_no_process_number(toy):
    process = toy.start_until("double_numbers", "doubling", pause="double_numbers:60")
    assert "is at work on this store" in toy("gc", "--yes", code=2)
    process.kill()
    process.wait()
    process.stdout.close()
    record = next(toy.store.glob("runs/*.json"))
    record.write_text(record.read_text().replace(f'"process": {process.pid}', '"process": 1'))
    assert "interrupted" in toy("runs")
    toy("gc", "--yes")
    assert not list((toy.store / "scratch").iterdir())


def test_source_edited_while_a_step_reads_it_is_not_stored_under_the_old_content(toy):
    process = toy.start_until("write_numbers", "number 3", pause="write_numbers:1")
    (toy.folder / "work" / "numbers.txt").write_text("7\n7\n7\n7\n")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "changed while the step was reading it" in output
    assert not list(toy.store.glob("write_numbers/*"))


def test_source_of_same_size_and_time_but_other_content_is_seen(toy):
    source = toy.folder / "work" / "numbers.txt"
    os.utime(source, (1_000_000_000, 1_000_000_000))
    toy("run", "toy.yaml")
    replacement = source.with_name("new.txt")
    replacement.write_text("5\n6\n7\n8\n")
    os.utime(replacement, (1_000_000_000, 1_000_000_000))
    replacement.replace(source)
    assert toy.states()["write_numbers"] == "run"


def test_metric_that_is_no_number_does_not_break_the_store(toy):
    toy("run", "toy.yaml", "--set", "double_numbers.fail=nan")
    assert "largest nan" in toy("show", "double_numbers")
    toy("run", "toy.yaml")


def test_plan_says_what_became_of_a_removed_result(toy):
    toy("run", "toy.yaml")
    shutil.rmtree(next(toy.store.glob("double_numbers/*")))
    assert "its last result is no longer in the store" in toy("plan", "toy.yaml")


def test_why_speaks_of_the_run_that_made_the_current_result(toy):
    toy("run", "toy.yaml")
    change = ("--set", "double_numbers.seconds=0.01")
    toy("run", "toy.yaml", *change)
    assert "never ran in this scenario" in toy("why", "toy.yaml", "double_numbers")
    assert "parameter seconds: 0.0 → 0.01" in toy("why", "toy.yaml", "double_numbers", *change)


def test_broken_memory_is_only_slower(toy):
    toy("run", "toy.yaml")
    for name in ("code.json", "outside.json"):
        (toy.store / name).write_text("{")
    assert set(toy.states().values()) == {"cached"}


def test_broken_verdict_shows_in_the_exit_code_of_a_partial_run(toy):
    toy("run", "toy.yaml", "--until", "judge_numbers", "--set", "judge_numbers.at_least=100", code=3)


def test_store_that_does_not_exist_is_not_verified(toy):
    assert "There is no store at" in toy("verify", "--store", "typo", code=2)


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
