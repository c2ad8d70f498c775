"""Changed copies of rows, by rules that depend on seed and id alone."""
