"""What apply and rollback share: carrying a plan out, and what follows where that fails."""
