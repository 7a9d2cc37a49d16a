"""The live loop: a source, a renderer and outputs, run in few threads with a mailbox of one between them."""
