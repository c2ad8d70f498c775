import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def encoder(tiny_preset):
    from models.augmentation.text_similarity import TextEncoder

    return TextEncoder(str(tiny_preset), wanted_by="augment_examples.preset")


def test_a_vector_does_not_depend_on_the_other_texts(encoder, sentiment_rows):
    texts = [text for text, _ in sentiment_rows(90)] + ["good " * 50, "", "!"]
    whole = encoder.encode(texts)
    order = np.random.default_rng(0).permutation(len(texts))
    # To the last bit: else copies at min_similarity would come and go with the sharding.
    assert np.array_equal(encoder.encode([texts[i] for i in order]), whole[order])
    assert np.array_equal(np.concatenate([encoder.encode(texts[i : i + 4]) for i in range(0, len(texts), 4)]), whole)
    assert np.linalg.norm(whole, axis=1) == pytest.approx(1, abs=1e-5)
    assert encoder.encode([]).shape == (0, 4)


def test_vectors_are_means_over_the_tokens_alone(encoder, tiny_preset, tiny_vocabulary):
    import keras_hub

    backbone = keras_hub.models.BertBackbone.from_preset(str(tiny_preset))
    ids = [[2, *(tiny_vocabulary.index(word) for word in ("the", "film", "was", "bad")), 3]]
    ones = np.ones((1, 6), np.int32)
    inputs = {"token_ids": np.array(ids), "segment_ids": 0 * ones, "padding_mask": ones}
    mean = np.mean(backbone.predict(inputs, verbose=0)["sequence_output"][0], axis=0)
    assert encoder.encode(["the film was bad"])[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_similarity_is_the_cosine_of_each_pair(encoder):
    first, second = encoder.encode(["a good film", "awful plot"])
    found = encoder.similarity(["a good film", "awful plot", "awful plot"], ["awful plot", "awful plot", "a good film"])
    assert found == pytest.approx([first @ second, 1.0, first @ second], abs=1e-6)
