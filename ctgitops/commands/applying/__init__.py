"""Code that apply and rollback share: carries out a plan, and handles a failure."""
