"""`agentkit run --every`, `--cron`, `--watch`: a task that is started again and again.

A start is known by the id of its run, so the journal is all that is kept of a schedule.
"""
