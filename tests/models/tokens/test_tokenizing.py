import pytest

from models.tokens.vocabularies import check_vocabulary, load_vocabulary, read_vocabulary
from schemas.errors import UserError
from schemas.reports import Tokenization

pytestmark = pytest.mark.slow

ODD = [
    "",
    " \t\n",
    "The FILM was très  good!",
    "ﬁne ＡＢＣ ① ½ K ß İ ǅ",
    "日本 film 語",
    "a\x00b\u200bc\u00add\ufffde",
    "e\u0301 " * 20,
    "x" * 150 + " good",
    "[CLS] good [SEP] [MASK]",
    "😀 don't—stop… ٣٤",
]


@pytest.fixture
def make(tiny_vocabulary):
    from models.tokens.tokenizing import WordPieceTokenizer

    def make(max_length=128, lowercase=True):
        return WordPieceTokenizer(tiny_vocabulary, Tokenization(max_length=max_length, lowercase=lowercase))

    return make


def test_frames_texts_and_knows_its_special_ids(make, tiny_vocabulary):
    import tensorflow as tf

    tokenizer = make()
    ids = tokenizer(tf.constant(["the Film was films ?", ""]))
    words = [[tiny_vocabulary[i] for i in row] for row in ids.to_list()]
    assert words == [["[CLS]", "the", "film", "was", "film", "##s", "[UNK]", "[SEP]"], ["[CLS]", "[SEP]"]]
    assert ids.dtype == tf.int32
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id) == (0, 1, 2, 3)
    assert tokenizer(tf.constant([], tf.string)).to_list() == []


def test_cuts_from_the_right_so_that_sep_survives(make, tiny_vocabulary):
    import tensorflow as tf

    good, bad = tiny_vocabulary.index("good"), tiny_vocabulary.index("bad")
    texts = tf.constant(["good " * 6, "good " * 6 + "bad"])
    assert make(max_length=8)(texts).to_list() == [[2, *[good] * 6, 3]] * 2
    assert make(max_length=9)(texts).to_list() == [[2, *[good] * 6, 3], [2, *[good] * 6, bad, 3]]


@pytest.mark.parametrize("lowercase", [True, False])
def test_equals_bert_tokenizer(make, tiny_vocabulary, lowercase):
    import tensorflow as tf
    import tensorflow_text

    ids = tf.range(len(tiny_vocabulary), dtype=tf.int64)
    table = tf.lookup.KeyValueTensorInitializer(tf.constant(tiny_vocabulary), ids)
    reference = tensorflow_text.BertTokenizer(
        tf.lookup.StaticVocabularyTable(table, 1), lower_case=lowercase, token_out_type=tf.int32
    )
    expected = reference.tokenize(tf.constant(ODD)).merge_dims(1, 2)
    assert make(lowercase=lowercase).pieces(tf.constant(ODD)).to_list() == expected.to_list()


def test_equals_kerashub_on_plain_text(make, tiny_vocabulary, sentiment_rows):
    import keras_hub
    import tensorflow as tf

    texts = tf.constant([text for text, _ in sentiment_rows(20)] + ["Good FILM, very good!"])
    reference = keras_hub.models.BertTokenizer(tiny_vocabulary, lowercase=True)
    assert make().pieces(texts).to_list() == [list(row) for row in reference(texts)]


def test_lives_in_a_saved_model_without_files_and_once(make, tmp_path):
    import tensorflow as tf

    class Served(tf.Module):
        def __init__(self, tokenizer):
            super().__init__()
            self.tokenizer = tokenizer

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, texts):
            return {"ids": self.tokenizer(texts).to_tensor(self.tokenizer.pad_id)}

    tokenizer = make()
    served = Served(tokenizer)
    tf.saved_model.save(served, str(tmp_path), signatures={"serving_default": served.serve})
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    expected = tokenizer(tf.constant(ODD)).to_tensor(0).numpy().tolist()
    assert loaded(texts=tf.constant(ODD))["ids"].numpy().tolist() == expected
    assert not list((tmp_path / "assets").glob("*"))
    served_bytes = (tmp_path / "saved_model.pb").read_bytes()
    tables = [constant.numpy().tobytes() for constant in served.serve.get_concrete_function().captured_inputs]
    assert [served_bytes.count(table) for table in tables] == [1, 1]


def test_bytes_that_are_no_text_become_unknown(make):
    import tensorflow as tf

    assert make()(tf.constant([b"\xff good", b"\xc3"])).to_list() == [[2, 1, 5, 3], [2, 1, 3]]


def test_refuses_unusable_vocabularies(tiny_vocabulary):
    with pytest.raises(UserError, match=r"\(68 entries\) lacks \[PAD\], \[SEP\]"):
        check_vocabulary([word for word in tiny_vocabulary if word not in ("[PAD]", "[SEP]")])
    with pytest.raises(UserError, match="more than once: 'good', 'the'"):
        check_vocabulary([*tiny_vocabulary, "good", "the"])


def test_reads_a_vocabulary_line_by_line(tmp_path):
    (tmp_path / "vocab.txt").write_bytes("[PAD]\r\n##é\n\u2028\n good\n".encode())
    assert read_vocabulary(tmp_path / "vocab.txt") == ["[PAD]", "##é", "\u2028", " good"]


def test_a_vocabulary_file_without_capitals_means_folded_case(tmp_path, tiny_vocabulary):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(tiny_vocabulary) + "\n")
    assert load_vocabulary(str(path), wanted_by="x") == (tiny_vocabulary, True)
    path.write_text("\n".join([*tiny_vocabulary, "Film"]) + "\n")
    assert load_vocabulary(str(path), wanted_by="x")[1] is False


def test_a_preset_without_tokenizer_is_the_users_to_mend(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match=r"x\.y: .* gives no BERT tokenizer\. Expected a vocab\.txt"):
        load_vocabulary(str(tmp_path), wanted_by="x.y")
