"""The running studio: what the page, the hotkeys and the network can change while the loop runs."""
