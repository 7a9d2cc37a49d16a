"""Sources of a performance: a webcam, a video, a take, a phone or another program."""
