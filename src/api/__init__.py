"""The JSON API: today the wording of errors; routes follow."""
