"""What flows between steps: an artifact is a folder, its kind says what lies inside.

Each kind's docstring shows its folder; its methods are the only place that knows the file names.
`content_digest` says when two folders hold the same thing. It keys the cache and is not always the digest of
the files: containers carry time stamps and random names, contents do not.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from schemas import digests
from schemas.reports import (
    AnomaliesReport,
    EvaluationReport,
    ExamplesSummary,
    ModelCard,
    Push,
    TokensSummary,
    VerdictReport,
)

SPLITS = ("train", "eval", "test")


@dataclass(frozen=True)
class Artifact:
    """A folder that one step wrote and later steps read."""

    path: Path
    kfp_type: ClassVar[str] = "system.Artifact"

    def files(self) -> list[Path]:
        """Every file below the folder, sorted by name."""
        return sorted(path for path in self.path.rglob("*") if path.is_file())

    def content_digest(self) -> str:
        """Hex sha256 of what the folder means; equal for equal contents."""
        return digests.of_files(self.path, self.files())

    def problem(self) -> str | None:
        """Why a finished artifact cannot be used any more, or None; costs a few file look-ups at most."""
        return None


class Examples(Artifact):
    """Records by split. Shards are filled by content, so source order and file names do not show.

    ```
    summary.json                                 ExamplesSummary: columns, rows and labels per split, rejects per reason
    train/part-00000-of-00004.parquet            the columns of schemas/columns.py (eval/ and test/ alike)
    rejects/part-00000-of-00001.parquet          file, row, reason, record, duplicate_of
    contradictions.parquet                       text, labels, rows: texts that carry different labels
    ```
    """

    kfp_type = "system.Dataset"

    def shards(self, split: str) -> list[Path]:
        """The split's Parquet files, in order."""
        return sorted((self.path / split).glob("part-*.parquet"))

    def shard(self, split: str, index: int, count: int) -> Path:
        """Where shard `index` of `count` belongs."""
        return self.path / split / f"part-{index:05d}-of-{count:05d}.parquet"

    def summary(self) -> ExamplesSummary:
        """What was read, kept and rejected."""
        return ExamplesSummary.model_validate_json((self.path / "summary.json").read_bytes())

    def write_summary(self, summary: ExamplesSummary) -> None:
        """Write what `summary` returns."""
        (self.path / "summary.json").write_text(summary.model_dump_json(indent=2), encoding="utf-8")

    @property
    def contradictions(self) -> Path:
        """Texts that carry different labels."""
        return self.path / "contradictions.parquet"

    def content_digest(self) -> str:
        """Digest of the rows in shard order; rejects and their places in the source files do not count."""
        return digests.of_json({split: list(map(digests.of_parquet, self.shards(split))) for split in SPLITS})


class Statistics(Artifact):
    """What the rows of each split look like, in the form TensorFlow Data Validation knows.

    ```
    FeatureStats.pb                              tensorflow_metadata DatasetFeatureStatisticsList, a dataset per split
    statistics.json                              the same to read and to diff
    statistics.html                              the same to look at, in one file
    ```

    Features are the columns of the Examples. A text column also has derived features: `text/characters`, `text/words`,
    `text/tokens` (INT), `text/unknown_share` (FLOAT), `text/token` (STRING, the distribution of its tokens) and
    `text/token|label=<label>`, that of each frequent label's texts.
    """

    kfp_type = "system.Artifact"

    @property
    def page(self) -> Path:
        """The plots."""
        return self.path / "statistics.html"

    @property
    def json_file(self) -> Path:
        """The numbers as JSON."""
        return self.path / "statistics.json"

    @property
    def proto_file(self) -> Path:
        """The serialized DatasetFeatureStatisticsList."""
        return self.path / "FeatureStats.pb"


class Schema(Artifact):
    """What the data should look like; people review it and check it in.

    ```
    schema.pbtxt                                 tensorflow_metadata Schema, as text
    ```
    """

    @property
    def file(self) -> Path:
        """The schema file."""
        return self.path / "schema.pbtxt"


class Anomalies(Artifact):
    """Where data and schema disagree.

    ```
    anomalies.json                               AnomaliesReport: what was seen, what was expected, what to edit
    anomalies.pbtxt                              tensorflow_metadata Anomalies
    anomalies.html                               the same to look at, in one file
    ```
    """

    @property
    def proto_file(self) -> Path:
        """The Anomalies proto as text."""
        return self.path / "anomalies.pbtxt"

    @property
    def page(self) -> Path:
        """The page to look at."""
        return self.path / "anomalies.html"

    def report(self) -> AnomaliesReport:
        """Every anomaly and every distance that was measured."""
        return AnomaliesReport.model_validate_json((self.path / "anomalies.json").read_bytes())

    def write_report(self, report: AnomaliesReport) -> None:
        """Write what `report` returns."""
        (self.path / "anomalies.json").write_text(report.model_dump_json(indent=2), encoding="utf-8")


class Tokens(Artifact):
    """Examples as token ids, with the vocabulary that made them.

    ```
    summary.json                                 TokensSummary: tokenization, columns, labels, categories, counts
    vocab.txt                                    one WordPiece per line; the line number is the id
    train/part-00000-of-00004.tfrecord           tf.train.Example, one for each row of the examples, in their order
    ```

    Features, those whose columns the examples have (`summary().columns`):

    ```
    id           bytes
    token_ids    int64 list
    segment_ids  int64 list     pairs only: 0 for [CLS], the first text and its [SEP], 1 for the rest
    label        int64          class: index in `summary().labels`, -1 for one that the train split does not have
                 int64 list     classes: those indices, ascending, without the unknown ones
                 float          value
    weight       float
    numeric      float list     in the order of `summary().columns.numeric`; NaN where missing
    categorical  int64 list     in the order of `summary().columns.categorical`: index in `summary().categories`,
                                -1 for a value that the train split does not have
    ```
    """

    kfp_type = "system.Dataset"

    def shards(self, split: str) -> list[Path]:
        """The split's TFRecord files, in order."""
        return sorted((self.path / split).glob("part-*.tfrecord"))

    def shard(self, split: str, index: int, count: int) -> Path:
        """Where shard `index` of `count` belongs."""
        return self.path / split / f"part-{index:05d}-of-{count:05d}.tfrecord"

    @property
    def vocabulary(self) -> Path:
        """The vocabulary file."""
        return self.path / "vocab.txt"

    def summary(self) -> TokensSummary:
        """How the texts were cut and what the labels are."""
        return TokensSummary.model_validate_json((self.path / "summary.json").read_bytes())

    def write_summary(self, summary: TokensSummary) -> None:
        """Write what `summary` returns."""
        (self.path / "summary.json").write_text(summary.model_dump_json(indent=2), encoding="utf-8")


class Model(Artifact):
    """A trained Keras model (float32) that knows its labels and its tokenization.

    ```
    model.keras                                  takes token_ids, segment_ids, padding_mask; gives logits
    card.json                                    ModelCard: family, labels, tokenization, best epoch
    vocab.txt                                    the vocabulary it was trained with
    history.json                                 one record per epoch
    ```
    """

    kfp_type = "system.Model"

    @property
    def keras_file(self) -> Path:
        """The `.keras` file."""
        return self.path / "model.keras"

    @property
    def vocabulary(self) -> Path:
        """The vocabulary file."""
        return self.path / "vocab.txt"

    def card(self) -> ModelCard:
        """What the model is and how it wants its texts cut."""
        return ModelCard.model_validate_json((self.path / "card.json").read_bytes())

    def write_card(self, card: ModelCard) -> None:
        """Write what `card` returns."""
        (self.path / "card.json").write_text(card.model_dump_json(indent=2), encoding="utf-8")

    def write_history(self, epochs: list[dict[str, float]]) -> None:
        """Write one record per epoch: losses, metrics, learning rate."""
        (self.path / "history.json").write_text(json.dumps(epochs, indent=2), encoding="utf-8")

    def history(self) -> list[dict[str, float]]:
        """What `write_history` wrote."""
        epochs: list[dict[str, float]] = json.loads((self.path / "history.json").read_bytes())
        return epochs

    def content_digest(self) -> str:
        """Digest of configuration, weights, card and vocabulary; a `.keras` file itself is a zip with time stamps."""
        return digests.of_json(
            {
                "keras": digests.of_json(list(_keras_contents(self.keras_file))),
                "card": digests.of_file(self.path / "card.json"),
                "vocabulary": digests.of_file(self.vocabulary),
            }
        )


def _keras_contents(path: Path) -> Iterator[tuple[str, str]]:
    """Name and digest of the configuration and of every array of a `.keras` file, in a fixed order."""
    import io
    import zipfile

    import h5py

    with zipfile.ZipFile(path) as archive:
        # Keras numbers objects that layers share by their address in memory.
        config = json.loads(archive.read("config.json"), object_hook=_without_addresses)
        yield "config", digests.of_json(config)
        arrays: dict[str, Any] = {}
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            weights.visititems(lambda name, item: arrays.update({name: item}) if hasattr(item, "dtype") else None)
            for name, item in sorted(arrays.items()):
                yield f"{name} {item.dtype} {item.shape}", digests.of_bytes(item[()].tobytes())


def _without_addresses(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "shared_object_id"}


class ServingModel(Artifact):
    """What is served: raw strings in, labels and scores out, with nothing of ours needed to run it.

    ```
    saved_model/                                 TensorFlow SavedModel (needs tensorflow and tensorflow_text)
    saved_model/assets/labels.txt, vocab.txt     for people; the graph holds its own copies
    ```
    """

    kfp_type = "system.Model"

    @property
    def saved_model(self) -> Path:
        """The SavedModel folder."""
        return self.path / "saved_model"

    def content_digest(self) -> str:
        """Digest of all files but `fingerprint.pb`, which TensorFlow fills with a random number."""
        return digests.of_files(self.path, [file for file in self.files() if file.name != "fingerprint.pb"])


class Evaluation(Artifact):
    """A serving model's answers on held-out raw text, and what they are worth.

    ```
    report.json                                  EvaluationReport: metrics with intervals, per class, confusion
    report.html                                  the same to look at, in one file
    predictions.parquet                          id, text, label, predicted, score, scores
    ```
    """

    kfp_type = "system.ClassificationMetrics"

    @property
    def predictions(self) -> Path:
        """The answers, one row per record, in the order of the examples."""
        return self.path / "predictions.parquet"

    @property
    def page(self) -> Path:
        """The report to look at."""
        return self.path / "report.html"

    def report(self) -> EvaluationReport:
        """The measured numbers."""
        return EvaluationReport.model_validate_json((self.path / "report.json").read_bytes())

    def write_report(self, report: EvaluationReport) -> None:
        """Write what `report` returns."""
        (self.path / "report.json").write_text(report.model_dump_json(indent=2), encoding="utf-8")


class Verdict(Artifact):
    """Passed or not, and every rule with its measured value and its bound.

    ```
    verdict.json                                 VerdictReport
    ```
    """

    def report(self) -> VerdictReport:
        """The rules and how they came out."""
        return VerdictReport.model_validate_json((self.path / "verdict.json").read_bytes())

    def write_report(self, report: VerdictReport) -> None:
        """Write what `report` returns."""
        (self.path / "verdict.json").write_text(report.model_dump_json(indent=2), encoding="utf-8")


class PushedModel(Artifact):
    """The receipt for a published model, which itself lives outside the store.

    ```
    push.json                                    Push: destination, version, digest of the files
    ```
    """

    def push(self) -> Push:
        """Where the model went."""
        return Push.model_validate_json((self.path / "push.json").read_bytes())

    def write_push(self, push: Push) -> None:
        """Write what `push` returns."""
        (self.path / "push.json").write_text(push.model_dump_json(indent=2), encoding="utf-8")

    def content_digest(self) -> str:
        """Digest of version and served files; where the destination lies on this machine does not count."""
        push = self.push()
        return digests.of_json({"version": push.version, "digest": push.digest})

    def problem(self) -> str | None:
        """The published folder may have been removed, or another model published after it."""
        push = self.push()
        if not (Path(push.folder) / "saved_model.pb").is_file():
            return f"the published folder {push.folder} is gone"
        newest = max(int(path.name) for path in Path(push.destination).iterdir() if path.name.isdecimal())
        if newest != push.version:
            return f"version {newest} was published after version {push.version} and answers instead of it"
        return None
