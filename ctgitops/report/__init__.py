"""Reports: renders results as text, Markdown, JSON and SARIF. Pure."""
