"""The GitHub Action. Runs one command for an event and its inputs, and publishes the result on GitHub."""
