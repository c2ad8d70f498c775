"""Ask a SavedModel as its future user will: a process that knows TensorFlow and nothing of ours.

Run as a script, `python -I models/clean_client.py`. Reads `{"folder": ..., "texts": [...]}` from standard input and
writes `{"together": {...}, "alone": {...}, "modules": [...]}`: the answers to all texts as one batch and text by
text, each as `{"label": [n], "scores": [n][C]}`, and the top-level modules that were loaded to give them.
"""

import json
import sys
from typing import Any


def answer(folder: str, texts: list[str]) -> dict[str, Any]:
    """What the SavedModel in `folder` says about the texts, together and alone."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  # registers the tokenizer's operations

    serve = tf.saved_model.load(folder).signatures["serving_default"]

    def ask(batch: list[str]) -> dict[str, list]:
        got = serve(text=tf.constant(batch))
        labels = [label.decode() for label in got["label"].numpy()]
        return {"label": labels, "scores": got["scores"].numpy().tolist()}

    alone = [ask([text]) for text in texts]
    return {
        "together": ask(texts),
        "alone": {key: [value for one in alone for value in one[key]] for key in ("label", "scores")},
        "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    }


if __name__ == "__main__":
    json.dump(answer(**json.load(sys.stdin)), sys.stdout)
