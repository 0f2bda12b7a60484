"""Code that apply and rollback share. Carries out a plan, and handles a failure."""
