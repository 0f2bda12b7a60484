"""The plan: what apply or rollback would do, with its steps and problems."""
