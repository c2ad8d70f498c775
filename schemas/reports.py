"""The JSON files inside artifacts, typed on both ends."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.columns import Columns


class Report(BaseModel):
    """Common ground of all reports: unknown fields are an error, so old and new files are not confused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Leak(Report):
    """Texts that two given splits share; what is dealt out of a given train split counts with it."""

    splits: tuple[str, str]
    duplicates: int = Field(description="texts of the second split that are in the first, after normalisation")
    near_duplicates: int = Field(description="further rows of the second split with a near duplicate in the first")


class ExamplesSummary(Report):
    """What ingest read, kept and rejected. `rows_read` is always the sum of kept and rejected rows.

    Rows that augmentation added are in `rows` and `labels`, and not in `rows_read`.
    """

    columns: Columns = Columns()
    rows_read: int
    rows: dict[str, int] = Field(description="kept rows per split")
    labels: dict[str, dict[str, int]] = Field(description="rows per label, per split; empty unless labels are classes")
    rejected: dict[str, int] = Field(description="rejected rows per reason, removed duplicates among them")
    cleaned: dict[str, int] = Field(default={}, description="texts that each cleaning rule changed")
    contradictions: int = Field(default=0, description="texts that carry different labels")
    near_duplicates: int = Field(default=0, description="kept rows that have a near duplicate among the kept rows")
    augmented: dict[str, int] = Field(default={}, description="train rows that each augmentation rule added")
    leaks: list[Leak] = Field(default=[], description="by pair of splits, where the source brings its own splits")

    def unseen_labels(self) -> dict[str, dict[str, int]]:
        """Labels (and their rows) of eval and test that the train split does not have.

        >>> labels = {"train": {"a": 3}, "eval": {"a": 1, "b": 2}, "test": {"a": 1}}
        >>> ExamplesSummary(rows_read=7, rows={}, labels=labels, rejected={}).unseen_labels()
        {'eval': {'b': 2}}
        """
        known = self.labels.get("train", {})
        unseen = {
            split: {label: rows for label, rows in labels.items() if label not in known}
            for split, labels in self.labels.items()
        }
        return {split: labels for split, labels in unseen.items() if labels}


Truncation = Literal["longest_first", "only_first", "only_second"]


class Tokenization(Report):
    """How a text becomes token ids: `[CLS]`, at most `max_length - 2` WordPieces, `[SEP]`.

    A pair is `[CLS]`, pieces of the first text, `[SEP]`, pieces of the second, `[SEP]`, cut as `truncation` says.
    """

    max_length: int = Field(description="longest sequence in tokens, with [CLS] and [SEP]")
    lowercase: bool = Field(description="fold case and strip accents before looking words up")
    pairs: bool = Field(default=False, description="two texts a row, told apart by segment ids")
    truncation: Truncation = Field(default="longest_first", description="which text of a pair is cut")


class TokensSummary(Report):
    """How the texts were cut and what the labels are."""

    tokenization: Tokenization
    columns: Columns = Field(default=Columns(), description="of the examples; says which features the tokens have")
    labels: list[str] = Field(description="label names of the train split, sorted; position is the class index")
    categories: dict[str, list[str]] = Field(
        default={}, description="values of each categorical column in the train split, sorted; position is the index"
    )
    rows: dict[str, int]
    truncated: dict[str, int] = Field(description="rows longer than max_length, per split")
    tokens: dict[str, int] = Field(description="tokens written, per split")
    unknown_tokens: dict[str, int] = Field(description="[UNK] among them, per split")
    lengths: dict[str, dict[str, int]] = Field(
        default={}, description="tokens of a row before it is cut, per split: median, p90, p99 and max"
    )
    unseen_labels: dict[str, dict[str, int]] = Field(description="see ExamplesSummary.unseen_labels")


class ModelCard(Report):
    """What a model is and how it wants its texts cut."""

    family: str = Field(description="bert, transformer or mlp")
    labels: list[str]
    tokenization: Tokenization
    parameters: int = Field(description="number of weights")
    best_epoch: int = Field(description="the epoch whose weights were kept, counted from 1")


class Interval(Report):
    """A measured value with its bootstrap 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


class ClassReport(Report):
    """One label's share in the evaluation."""

    label: str
    support: int = Field(description="test rows that carry the label")
    precision: float
    recall: float
    f1: float


class EvaluationReport(Report):
    """Metrics of one serving model on one split; names as scikit-learn's scorers."""

    split: str
    rows: int
    metrics: dict[str, Interval]
    classes: list[ClassReport]
    confusion: list[list[int]] = Field(description="rows: true label; columns: predicted label; order of `labels`")
    labels: list[str] = Field(description="the model's labels, then those seen only in this split")
    unseen_labels: dict[str, int] = Field(description="labels the model cannot know, with their rows")


class Rule(Report):
    """One condition of a verdict."""

    name: str
    value: float
    bound: float
    passed: bool
    expectation: str = Field(default="at least", description="how value must stand to bound")

    def __str__(self) -> str:
        outcome = "passed" if self.passed else "BROKEN"
        value = f"{self.value:g}" if self.value % 1 == self.bound % 1 == 0 else f"{self.value:.4f}"
        return f"{outcome}: {self.name} {value}, expected {self.expectation} {self.bound:g}"


class VerdictReport(Report):
    """Passed or not, and why."""

    rules: list[Rule]

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return all(rule.passed for rule in self.rules)


class Anomaly(Report):
    """One way in which data and schema disagree."""

    name: str = Field(description="AnomalyInfo.Type of tensorflow_metadata, such as SCHEMA_NEW_COLUMN")
    feature: str = Field(description="column or derived feature; empty where it is about the whole data set")
    split: str = Field(description="where it was seen")
    severity: Literal["error", "warning"]
    seen: str
    expected: str
    edit: str = Field(description="the line of schema.pbtxt that would allow it, and how to write it")

    def __str__(self) -> str:
        place = f"{self.feature} in {self.split}" if self.feature else self.split
        return f"{self.severity}: {place}: {self.name}: {self.seen}; expected {self.expected}. To allow it: {self.edit}"


class Distance(Report):
    """How far the distribution of a feature lies from what it is compared with."""

    feature: str
    kind: Literal["drift", "skew"] = Field(description="drift: against the reference; skew: against the train split")
    split: str
    measure: Literal["jensen_shannon", "l_infinity"]
    value: float
    allowance: float = Field(description="what two samples of one source of these sizes would show by chance")
    threshold: float


class AnomaliesReport(Report):
    """What validation found."""

    anomalies: list[Anomaly]
    distances: list[Distance]


class Push(Report):
    """Where a model was published."""

    destination: str
    version: int
    folder: str = Field(description="destination/version")
    digest: str = Field(description="of the served files")
    rows_asked: int = Field(description="rows that the published model answered in a clean process")
    largest_difference: float = Field(description="between those scores and the evaluation's")
