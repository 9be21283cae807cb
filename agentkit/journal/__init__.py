"""Where the events of runs are kept: in memory, or in an SQLite file."""

from agentkit.journal.memory import MemoryJournal
from agentkit.journal.sqlite import SqliteJournal

__all__ = ["MemoryJournal", "SqliteJournal"]
