"""The lint rules, one module for each. A rule is registered when its module is in this folder."""
