"""What apply or rollback would do: the plan, its steps and its problems."""
