"""Texts to token ids: vocabularies, tokenizer, files, batches."""
