"""Reasons why a valid plan must wait, and the request whose facts decide whether the plan waits."""
