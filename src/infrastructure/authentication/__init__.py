"""Ways to find out who asks: today API tokens."""
