"""The part that apply and rollback share: carrying out a plan, and handling its failure."""
