"""The language of rules and neurons: strings to syntax trees."""
