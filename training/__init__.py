"""How the shipped weights are made. Not installed; see training/README.md."""
