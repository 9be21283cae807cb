"""Replay of a run: its journal, executed again with no outside call."""
