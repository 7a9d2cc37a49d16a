"""The command `omote`: one module a command, imported when it is typed."""
