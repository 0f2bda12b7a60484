"""Tests, as a package, so that test files in different folders can have the same name."""
