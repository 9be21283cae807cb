"""The plan language: graph, text, checks and drawings. Pure: values in, values out."""
