"""Rule cards drawn from saved arrays."""
