"""Schedules, their slots and outcomes, forecasts and backfills."""
