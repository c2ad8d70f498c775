"""Fine-tune a pretrained BERT encoder to tell the labels apart."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from components.base import Input, Metrics, Output, Preset, Runtime, component
from models.presets import check_is_bert, locate
from schemas.artifacts import Model, Tokens
from schemas.columns import Columns
from schemas.errors import UserError
from schemas.reports import ModelCard, TokensSummary

if TYPE_CHECKING:
    from models.tokens.batches import Survey

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


def check(preset: str) -> None:
    """Refuse a local preset that is missing or no BERT."""
    place = locate(preset, wanted_by="train_bert.preset")
    if Path(place).exists():
        check_is_bert(Path(place), wanted_by="train_bert.preset")


@component(check=check)
def train_bert(
    tokens: Input[Tokens],
    model: Output[Model],
    runtime: Runtime,
    *,
    preset: Annotated[
        Preset,
        Field(description="pretrained BERT: a KerasHub or Hugging Face folder, package://, or a hub handle"),
    ],
    epochs: Annotated[int, Field(ge=1, le=1000, description="times to go through the train split")] = 3,
    batch_size: Annotated[int, Field(ge=1, le=4096, description="rows per step")] = 32,
    learning_rate: Annotated[float, Field(gt=0, le=1, description="the highest one, after warmup")] = 5e-5,
    warmup_share: Annotated[
        float, Field(ge=0, le=1, description="share of the steps in which the learning rate rises")
    ] = 0.1,
    weight_decay: Annotated[float, Field(ge=0, lt=1, description="AdamW's; biases and LayerNorm are left out")] = 0.01,
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of units dropped in the encoder and before the logits")
    ] = 0.1,
    clip_norm: Annotated[
        float, Field(ge=0, description="largest norm of all gradients together; 0 turns clipping off")
    ] = 1.0,
    precision: Annotated[Precision, Field(description="what to compute with; saved as float32")] = "float32",
    seed: Annotated[int, Field(ge=0, lt=2**32, description="of new weights, dropout and row order")] = 0,
) -> Metrics:
    """Fine-tune a BERT classifier and keep the epoch that is best on the eval split."""
    runtime.report(0.0, "loading the encoder")
    from models.bert import bert_classifier, in_float32, known_vocabulary, load_backbone
    from models.optimizers import adamw
    from models.tokens.batches import batches, survey
    from models.training import fit, make_deterministic

    summary = tokens.summary()
    _check_columns(summary.columns)
    max_length = summary.tokenization.max_length
    train, evaluation = (survey(tokens.shards(split), max_length) for split in ("train", "eval"))
    _check_rows(summary, train)

    make_deterministic(seed)
    place = locate(preset, wanted_by="train_bert.preset")
    backbone = load_backbone(place, dropout=dropout, precision=precision, wanted_by="train_bert.preset")
    _check_length(max_length, backbone.max_sequence_length)
    _check_vocabulary(tokens, known_vocabulary(place), backbone.vocabulary_size)

    classifier = bert_classifier(backbone, num_classes=len(summary.labels), dropout=dropout)
    shape: dict[str, Any] = {"max_length": max_length, "batch_size": batch_size}
    weighted = Columns(weight=summary.columns.weight)
    fitted = fit(
        classifier,
        adamw(
            classifier,
            learning_rate=learning_rate,
            warmup_share=warmup_share,
            total_steps=epochs * train.steps(batch_size),
            weight_decay=weight_decay,
            clip_norm=clip_norm,
            scale_loss=precision == "mixed_float16",
        ),
        batches(tokens.shards("train"), train, shuffle_seed=seed, columns=weighted, **shape),
        batches(tokens.shards("eval"), evaluation, **shape) if evaluation.rows else None,
        epochs=epochs,
        train_rows=train.rows,
        report=runtime.report,
    )

    runtime.report(None, "saving")
    model.path.mkdir(parents=True, exist_ok=True)
    in_float32(classifier).save(model.keras_file)
    model.vocabulary.write_bytes(tokens.vocabulary.read_bytes())
    model.write_history(fitted.history)
    model.write_card(
        ModelCard(
            family="bert",
            labels=summary.labels,
            tokenization=summary.tokenization,
            parameters=classifier.count_params(),
            best_epoch=fitted.best_epoch,
        )
    )
    best = fitted.history[fitted.best_epoch - 1]
    return {
        **{name: round(best[name], 4) for name in ("val_accuracy", "val_loss") if name in best},
        "train_accuracy": round(best["accuracy"], 4),
        "train_loss": round(best["loss"], 4),
        "best_epoch": fitted.best_epoch,
        "train_rows": train.rows,
        "eval_rows": evaluation.rows,
        **({"eval_rows_unseen_label": evaluation.unseen} if evaluation.unseen else {}),
        "examples_per_second": round(epochs * train.rows / fitted.seconds_training, 1),
    }


def _check_columns(columns: Columns) -> None:
    """Refuse what this trainer cannot learn from, and features that it would leave out."""
    trouble = [
        *([f"label_kind {columns.label}"] if columns.label != "class" else []),
        *(["a text_pair"] if columns.text_pair else []),
        *(["numeric features"] if columns.numeric else []),
        *(["categorical features"] if columns.categorical else []),
    ]
    if trouble:
        raise UserError(
            f"train_bert: the examples have {' and '.join(trouble)}. Expected one text and one class a record, "
            "which is all that this trainer can learn from so far; leave the other columns out of ingest_examples."
        )


def _check_rows(summary: TokensSummary, train: "Survey") -> None:
    if len(summary.labels) < 2:
        raise UserError(
            f"train_bert: the train split has {len(summary.labels)} label(s): "
            f"{', '.join(summary.labels) or 'none'}. A classifier needs at least 2; "
            "look at the label column and at how the data was split."
        )
    if not train.rows:
        raise UserError(
            f"train_bert: no train row has a known label (rows per split: {summary.rows}). "
            "Expected at least one; give more data or a larger train share."
        )


def _check_length(max_length: int, positions: int) -> None:
    if max_length > positions:
        raise UserError(
            f"train_bert: the tokens are up to {max_length} long, but the preset knows only {positions} "
            f"positions. Set tokenize_examples.max_length to at most {positions} or choose another preset."
        )


def _check_vocabulary(tokens: Tokens, known: list[str] | None, size: int) -> None:
    """Ids must mean to the encoder what they meant to the tokenizer."""
    own = tokens.vocabulary.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    advice = "Tokenize with the preset's own vocabulary."
    if len(own) > size:
        raise UserError(
            f"train_bert: the tokens use a vocabulary of {len(own)} entries, the preset has {size}. {advice}"
        )
    if known is not None and own != known:
        pairs = enumerate(zip(own, known, strict=False))
        where = next((f"id {i} is {a!r}, there {b!r}" for i, (a, b) in pairs if a != b), "one ends early")
        raise UserError(
            f"train_bert: the tokens use another vocabulary ({len(own)} entries) than the preset "
            f"({len(known)}): {where}. {advice}"
        )
