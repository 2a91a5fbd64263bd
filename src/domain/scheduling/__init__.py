"""When batches run: schedules, their slots, what became of each slot, forecasts and backfills."""
