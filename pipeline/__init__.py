"""Wiring and running. Knows contracts, never contents."""
