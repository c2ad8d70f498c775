import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.base import Runtime
from components.train_bert import check, train_bert
from schemas.artifacts import Model, Tokens
from schemas.columns import Columns
from schemas.errors import UserError
from schemas.reports import Tokenization, TokensSummary

pytestmark = pytest.mark.slow


@pytest.fixture
def write_tokens(
    tmp_path: Path, tiny_vocabulary: list[str], sentiment_rows: Callable[[int], list[tuple[str, str]]]
) -> Callable[..., Tokens]:
    """`write_tokens(labels=…, train=…)`: 24 eval rows behind the train rows, the last with an unseen label."""

    def write(
        labels: Sequence[str] = ("negative", "positive"),
        max_length: int = 16,
        train: int = 40,
        vocabulary: Sequence[str] = tiny_vocabulary,
    ) -> Tokens:
        import tensorflow as tf

        tokens = Tokens(tmp_path / f"tokens-{len(labels)}-{max_length}-{train}-{len(vocabulary)}")
        rows = sentiment_rows(train + 24)
        splits = {"train": rows[:train], "eval": rows[train:]}
        for split, part in splits.items():
            file = tokens.shard(split, 0, 1)
            file.parent.mkdir(parents=True, exist_ok=True)
            with tf.io.TFRecordWriter(str(file)) as writer:
                for text, label in part:
                    unseen = (text, label) == rows[-1]
                    ids = [2, *(tiny_vocabulary.index(word) for word in text.split()), 3]
                    features = {"token_ids": ids, "label": [-1 if unseen else int(label == "positive")]}
                    feature = {
                        name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
                        for name, values in features.items()
                    }
                    example = tf.train.Example(features=tf.train.Features(feature=feature))
                    writer.write(example.SerializeToString())
        tokens.vocabulary.write_text("".join(f"{word}\n" for word in vocabulary))
        counts = {split: len(part) for split, part in splits.items()}
        tokens.write_summary(
            TokensSummary(
                tokenization=Tokenization(max_length=max_length, lowercase=True),
                labels=list(labels),
                rows=counts,
                truncated={},
                tokens={},
                unknown_tokens={},
                unseen_labels={"eval": {"mixed": 1}},
            )
        )
        return tokens

    return write


FAST = {"epochs": 3, "batch_size": 8, "learning_rate": 0.03, "dropout": 0.1, "seed": 3}


def run(tokens: Tokens, folder: Path, runtime: Runtime, preset: Path, **parameters: Any) -> tuple[Model, dict]:
    model = Model(folder)
    values = train_bert.spec.validate({"preset": str(preset), **FAST, **parameters})
    return model, train_bert(tokens, model, runtime, **values)


@pytest.fixture
def able_preset(tmp_path: Path, tiny_vocabulary: list[str], make_tiny_preset: Callable[..., Path]) -> Path:
    """The tiny preset is too narrow to learn with every seed; this one is 32 wide."""
    return make_tiny_preset(tmp_path / "able_bert", tiny_vocabulary, width=32)


def test_train_bert_learns_and_writes_a_whole_model(
    tmp_path: Path, runtime: Runtime, write_tokens: Callable[..., Tokens], able_preset: Path
) -> None:
    import keras
    import keras_hub  # noqa: F401  (registers the backbone)
    import numpy as np

    tokens = write_tokens(train=200)
    model, metrics = run(tokens, tmp_path / "model", runtime, able_preset, epochs=4, learning_rate=0.01, dropout=0.0)
    assert metrics["val_accuracy"] >= 0.9
    counts = {name: metrics[name] for name in ("train_rows", "eval_rows", "eval_rows_unseen_label")}
    assert counts == {"train_rows": 200, "eval_rows": 23, "eval_rows_unseen_label": 1}
    assert metrics["examples_per_second"] > 0

    card, history = model.card(), model.history()
    assert (card.family, card.labels, card.tokenization.max_length) == ("bert", ["negative", "positive"], 16)
    assert card.best_epoch == metrics["best_epoch"]
    assert len(history) == 4
    assert max(epoch["val_accuracy"] for epoch in history) == history[card.best_epoch - 1]["val_accuracy"]
    assert model.vocabulary.read_bytes() == tokens.vocabulary.read_bytes()

    loaded = keras.saving.load_model(model.keras_file)
    assert card.parameters == loaded.count_params()
    ids = np.array([[2, 5, 3], [2, 8, 3]], "int32")  # "good", "bad"
    logits = loaded.predict_on_batch({"token_ids": ids, "segment_ids": ids * 0, "padding_mask": ids * 0 + 1})
    assert logits.argmax(axis=1).tolist() == [1, 0]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_equal_runs_give_equal_models_in_float32(
    tmp_path: Path, runtime: Runtime, write_tokens: Callable[..., Tokens], tiny_preset: Path, precision: str
) -> None:
    import keras

    tokens = write_tokens()
    one, two = (run(tokens, tmp_path / name, runtime, tiny_preset, precision=precision, epochs=2)[0] for name in "ab")
    assert one.content_digest() == two.content_digest()
    assert one.history() == two.history()
    loaded = keras.saving.load_model(one.keras_file)
    assert {layer.dtype_policy.name for layer in loaded._flatten_layers()} == {"float32"}
    assert {variable.dtype for variable in loaded.weights} == {"float32"}


def test_seed_changes_the_model_and_float16_trains_too(
    tmp_path: Path, runtime: Runtime, write_tokens: Callable[..., Tokens], tiny_preset: Path
) -> None:
    tokens = write_tokens(train=8)
    one, two = (
        run(tokens, tmp_path / name, runtime, tiny_preset, precision="mixed_float16", epochs=1, seed=seed)[0]
        for name, seed in (("a", 1), ("b", 2))
    )
    assert one.content_digest() != two.content_digest()


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_only_float16_has_its_loss_scaled(
    tmp_path: Path,
    runtime: Runtime,
    write_tokens: Callable[..., Tokens],
    tiny_preset: Path,
    precision: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import keras
    import numpy as np

    from models import training

    used = []

    def fit(model, optimizer, *data, **settings):
        fitted = training_fit(model, optimizer, *data, **settings)
        used.append(model.optimizer)
        return fitted

    training_fit = training.fit
    monkeypatch.setattr(training, "fit", fit)
    model, _ = run(write_tokens(), tmp_path / "model", runtime, tiny_preset, precision=precision, epochs=1)
    assert isinstance(used[0], keras.optimizers.LossScaleOptimizer) == (precision == "mixed_float16")
    assert int(used[0].iterations) == 5  # no step overflowed
    (epoch,) = model.history()
    assert np.isfinite([epoch["loss"], epoch["val_loss"]]).all()
    assert epoch["learning_rate"] == pytest.approx(0.03 / 5)


def test_a_batch_may_be_larger_than_the_data(
    tmp_path: Path, runtime: Runtime, write_tokens: Callable[..., Tokens], tiny_preset: Path
) -> None:
    _, metrics = run(write_tokens(train=5), tmp_path / "model", runtime, tiny_preset, batch_size=64)
    assert metrics["train_rows"] == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["negative"]}, r"has 1 label\(s\): negative. A classifier needs at least 2"),
        ({"labels": []}, r"has 0 label\(s\): none"),
        ({"train": 0}, r"no train row has a known label \(rows per split: \{'train': 0, 'eval': 24\}\)"),
        ({"max_length": 33}, r"up to 33 long.*knows only 32 positions. Set tokenize_examples.max_length"),
    ],
)
def test_hopeless_tokens_are_refused(
    tmp_path: Path,
    runtime: Runtime,
    write_tokens: Callable[..., Tokens],
    tiny_preset: Path,
    changes: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(UserError, match=message):
        run(write_tokens(**changes), tmp_path / "model", runtime, tiny_preset)


def test_another_vocabulary_is_refused(
    tmp_path: Path,
    runtime: Runtime,
    write_tokens: Callable[..., Tokens],
    tiny_preset: Path,
    tiny_vocabulary: list[str],
) -> None:
    size = len(tiny_vocabulary)
    with pytest.raises(UserError, match=rf"vocabulary of {size + 1} entries, the preset has {size}"):
        run(write_tokens(vocabulary=[*tiny_vocabulary, "x1"]), tmp_path / "m", runtime, tiny_preset)
    swapped = [*tiny_vocabulary[:5], "fine", "good", *tiny_vocabulary[7:]]
    with pytest.raises(UserError, match=r"id 5 is 'fine', there 'good'. Tokenize with the preset's own"):
        run(write_tokens(vocabulary=swapped), tmp_path / "m", runtime, tiny_preset)
    (tiny_preset / "tokenizer.json").unlink()
    model, _ = run(write_tokens(vocabulary=swapped), tmp_path / "m", runtime, tiny_preset, epochs=1)
    assert model.keras_file.exists()  # a preset that does not tell its vocabulary is taken at its size


def test_bad_presets_are_refused_before_anything_runs(tmp_path: Path) -> None:
    check("hf://some/model")
    with pytest.raises(UserError, match=r"train_bert\.preset: 'no/such' does not exist"):
        check("no/such")
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError, match=r"train_bert\.preset: .* describes 'gpt2'"):
        check(str(tmp_path))


def test_parameters_are_bounded(tiny_preset: Path) -> None:
    with pytest.raises(UserError, match="train_bert needs 'preset'"):
        train_bert.spec.validate({})
    for name, value in {"epochs": 0, "dropout": 1.0, "precision": "float64", "learning_rate": 0}.items():
        with pytest.raises(UserError, match=f"train_bert.{name}"):
            train_bert.spec.validate({"preset": str(tiny_preset), name: value})


PROGRAM = """
import sys
from pathlib import Path
from components.base import Runtime
from components.train_bert import train_bert
from schemas.artifacts import Model, Tokens

tokens, preset, folder = map(Path, sys.argv[1:])
model = Model(folder)
values = train_bert.spec.validate({"preset": str(preset), "precision": "mixed_bfloat16", "epochs": 2})
train_bert(Tokens(tokens), model, Runtime(scratch=folder.parent), **values)
print(model.content_digest())
"""


@pytest.mark.large
def test_two_processes_give_equal_models(
    tmp_path: Path, write_tokens: Callable[..., Tokens], tiny_preset: Path
) -> None:
    tokens = write_tokens()
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, tokens.path, tiny_preset, tmp_path / name],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name in ("one", "two")
    }
    assert len(digests) == 1


def test_what_it_cannot_learn_from_is_refused(write_tokens, tiny_preset, tmp_path, runtime):
    tokens = write_tokens()
    summary = tokens.summary()
    columns = Columns(label="value", text_pair=True, numeric=("age",))
    tokens.write_summary(summary.model_copy(update={"columns": columns}))
    words = r"label_kind value and a text_pair and numeric features\..*one text and one class"
    with pytest.raises(UserError, match=words):
        train_bert(tokens, Model(tmp_path / "model"), runtime, preset=str(tiny_preset))
