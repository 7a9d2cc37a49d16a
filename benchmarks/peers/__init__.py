"""What Omote is measured beside: each module builds one peer, and `rivals.py` runs it in a process of its own."""
