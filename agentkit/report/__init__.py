"""A run as people look at it: one HTML file that opens offline, with no script, fetching nothing.

`Chronicle` folds events into a `View`, `Pages` makes HTML of it or of any part.
"""

from agentkit.report.chronicle import Chronicle
from agentkit.report.html import Pages, report

__all__ = ["Chronicle", "Pages", "report"]
