"""Code that apply and rollback share: it carries out a plan and handles failures."""
