"""Networks whose cost or capacity depends on the load."""
