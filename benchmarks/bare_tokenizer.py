"""What the tokenizer alone can do: FastBertTokenizer over texts that already lie in memory as tensors, on two cores.

Usage: python bare_tokenizer.py REQUEST, a JSON object with `files` (Parquet with a column `text`), `vocabulary` (a
vocab.txt for folded text), `workers` and `processes` (whether workers are processes rather than threads); prints
rows and the seconds of each of three passes as JSON. Nothing is framed, cut, counted or written.
"""

import json
import multiprocessing
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BATCH_ROWS = 8192
PASSES = 3


def work(request: dict[str, Any], share: int, start: Any, spans: Any) -> None:
    """Tokenize every `workers`-th batch, `PASSES` times; all workers begin a pass together."""
    import pyarrow.parquet as pq
    import tensorflow as tf
    import tensorflow_text

    vocabulary = Path(request["vocabulary"]).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    tokenizer = tensorflow_text.FastBertTokenizer(
        vocab=vocabulary, token_out_type=tf.int32, unknown_token="[UNK]", lower_case_nfd_strip_accents=True
    )
    texts = pq.read_table(request["files"], columns=["text"])["text"].to_numpy()
    rows = min(BATCH_ROWS, -(-len(texts) // request["workers"]))  # each worker gets some, of few texts too
    batches = [
        tf.constant(texts[first : first + rows], tf.string)
        for first in range(rows * share, len(texts), rows * request["workers"])
    ]
    tokenizer.tokenize(batches[0])
    for number in range(PASSES):
        start.wait()
        begun = time.monotonic()
        for batch in batches:
            tokenizer.tokenize(batch)
        spans.put((number, begun, time.monotonic(), sum(map(len, batches))))


def main() -> None:
    """Start the workers and print how long each pass took, from the first to begin to the last to end."""
    request = json.loads(sys.argv[1])
    workers = request["workers"]
    start: Any
    spans: Any
    started: list[Any]
    if request["processes"]:
        context = multiprocessing.get_context("spawn")
        start, spans = context.Barrier(workers), context.SimpleQueue()
        started = [context.Process(target=work, args=(request, i, start, spans)) for i in range(workers)]
    else:
        start, spans = threading.Barrier(workers), queue.SimpleQueue()
        started = [threading.Thread(target=work, args=(request, i, start, spans)) for i in range(workers)]
    for worker in started:
        worker.start()
    found = [spans.get() for _ in range(workers * PASSES)]
    for worker in started:
        worker.join()
    passes = [[span for span in found if span[0] == number] for number in range(PASSES)]
    seconds = [max(span[2] for span in spans) - min(span[1] for span in spans) for spans in passes]
    print(json.dumps({"rows": sum(span[3] for span in passes[0]), "seconds": seconds}))


if __name__ == "__main__":
    main()
