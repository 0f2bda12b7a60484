"""References to tables and columns in the code of applications. Pure: it reads text, and runs nothing."""
