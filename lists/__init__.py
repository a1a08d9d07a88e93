"""What a parts list adds up to: read, resolved, totalled, converted, compared, priced."""
