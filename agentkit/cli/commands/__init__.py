"""One module for each command, of the same name; each has its click command as `command`."""
