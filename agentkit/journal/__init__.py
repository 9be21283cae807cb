"""Where the events of runs are kept: in memory, in an SQLite file, or in PostgreSQL."""

from agentkit.journal.durable import DurableJournal
from agentkit.journal.memory import MemoryJournal
from agentkit.journal.sqlite import sqlite_journal

__all__ = ["DurableJournal", "MemoryJournal", "sqlite_journal"]
