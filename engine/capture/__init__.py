"""Where performances come from: a webcam, a video, a take, a phone or another program."""
