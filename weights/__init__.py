"""Weights that agentkit trained itself and carries with it: data, one folder a model.

`agentkit.models.catalog` knows them by name and hash; `training/` made them.
"""
