"""The Docker image, run as GitHub's runner runs it, against a third-party emulator of GitHub and real servers."""
