"""A schema inferred from statistics, and statistics held against a schema and a reference."""
