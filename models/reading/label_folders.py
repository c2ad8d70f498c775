"""A folder per label, a text file per record."""

from collections.abc import Iterator

from models.reading.blocks import Block, records_block
from models.reading.data_files import DataFile
from models.reading.sources import BLOCK_BYTES, Piece, Source
from models.reading.transcoding import decode, open_raw

FILES_PER_PIECE = 200


def pieces(files: tuple[DataFile, ...]) -> Iterator[Piece]:
    """Some hundred files a piece."""
    for start in range(0, len(files), FILES_PER_PIECE):
        yield Piece(files[start : start + FILES_PER_PIECE], rows_before=None)


def read(piece: Piece, source: Source) -> Iterator[Block]:
    """Row i is file i of the piece."""
    rows: list[int] = []
    texts: list[str] = []
    size = 0
    for row, file in enumerate(piece.files, 1):
        content = _content(file)
        rows.append(row)
        texts.append(decode(content, source.encoding))
        size += len(content)
        if size > BLOCK_BYTES:
            yield _block(rows, texts, piece, source)
            rows, texts, size = [], [], 0
    if rows:
        yield _block(rows, texts, piece, source)


def _content(file: DataFile) -> bytes:
    with open_raw(file) as stream:
        return stream.read(BLOCK_BYTES + 1)


def _block(rows: list[int], texts: list[str], piece: Piece, source: Source) -> Block:
    text, label = source.roles.text, source.roles.label[:1]
    records = [
        {str(text): content, **{name: source.label_of(piece.files[row - 1]) for name in label}}
        for row, content in zip(rows, texts, strict=True)
    ]
    return records_block(rows, records, source.roles, [None] * len(rows), texts.__getitem__)
