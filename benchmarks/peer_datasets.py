"""The jobs of `data.py` as people do them with Hugging Face `datasets`; runs in that peer's environment.

Usage: python peer_datasets.py REQUEST, a JSON object with `job`, the parameters of that function, and `work`, an
empty folder for the caches. Nothing is taken from an earlier run.
"""

import html
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import ftfy

REPAIR = ftfy.TextFixerConfig(uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
SPACE = re.compile(r"\s+")


def tokenize(
    *, files: list[str], tokenizer: str, max_length: int, num_proc: int | None, batch_size: int
) -> dict[str, Any]:
    """Parquet files to Arrow files with `input_ids`, written by `map`; ids and labels are kept.

    The masks and segment ids, which can be computed from the ids, are left out, and so is the text: our side does not
    write them either.
    """
    from datasets import Dataset
    from transformers import AutoTokenizer

    fast = AutoTokenizer.from_pretrained(tokenizer)
    assert fast.is_fast

    def ids(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        found = fast(
            batch["text"],
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        return {"input_ids": found["input_ids"]}

    rows = Dataset.from_parquet(files, columns=["id", "text", "label"])
    made = rows.map(ids, batched=True, batch_size=batch_size, num_proc=num_proc, remove_columns=["text"])
    return {"rows": len(made), "files": [file["filename"] for file in made.cache_files]}


def clean(text: str) -> str:
    """Repaired Unicode, no HTML entities, no control characters, single blanks; quotes and ligatures stay."""
    text = html.unescape(ftfy.fix_text(text, REPAIR))
    return SPACE.sub(" ", CONTROL.sub("", text)).strip()


def clean_plain_text_fast(text: str) -> str:
    """The same; most texts need nothing but single blanks, and this is what a person does who has profiled."""
    if text.isascii() and text.isprintable() and "&" not in text:
        return SPACE.sub(" ", text).strip()
    return clean(text)


def ingest(*, files: list[str], out: str, num_proc: int, batch_size: int, shortcut: bool, dedup: str) -> dict[str, Any]:
    """CSV files to cleaned, deduplicated, split Parquet files."""
    from datasets import load_dataset

    repair = clean_plain_text_fast if shortcut else clean

    def cleaned(batch: dict[str, list[str]]) -> dict[str, list[str]]:
        return {"text": [repair(text) for text in batch["text"]]}

    rows = load_dataset("csv", data_files=files, split="train")
    rows = rows.map(cleaned, batched=True, batch_size=batch_size, num_proc=num_proc)
    rows = {"filter": without_duplicates_by_filter, "pandas": without_duplicates_by_pandas}[dedup](rows)
    train = rows.train_test_split(test_size=0.2, seed=0)
    held_out = train["test"].train_test_split(test_size=0.5, seed=0)
    splits = {"train": train["train"], "eval": held_out["train"], "test": held_out["test"]}
    for name, part in splits.items():
        part.to_parquet(f"{out}/{name}.parquet")
    return {"rows": {name: len(part) for name, part in splits.items()}}


def without_duplicates_by_filter(rows: Any) -> Any:
    """The first row of each text, with a set that `filter` fills; that is possible in one process only."""
    seen: set[str] = set()

    def first(batch: dict[str, list[str]]) -> list[bool]:
        new = []
        for text in batch["text"]:
            new.append(text not in seen)
            seen.add(text)
        return new

    return rows.filter(first, batched=True, batch_size=10_000, new_fingerprint="deduplicated")


def without_duplicates_by_pandas(rows: Any) -> Any:
    """The first row of each text, found in memory."""
    import numpy as np

    repeated = rows.data.column("text").to_pandas().duplicated()
    return rows.select(np.flatnonzero(~repeated))


def main() -> None:
    """Do the job that the request names; prints what the function returns as JSON."""
    request = json.loads(sys.argv[1])
    work = Path(request.pop("work"))
    os.environ.update(HF_HOME=str(work / "hub"), HF_DATASETS_CACHE=str(work / "cache"), HF_HUB_OFFLINE="1")
    import datasets

    datasets.disable_progress_bars()
    job: Any = {"tokenize": tokenize, "ingest": ingest}[request.pop("job")]
    print(json.dumps(job(**request)))


if __name__ == "__main__":
    main()
