"""The image, run as GitHub's runner runs it, against a GitHub that nobody here wrote and real servers."""
