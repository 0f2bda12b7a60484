"""References to tables and columns in the code of applications. Pure: reads only text."""
