"""Models: two vendors, the ledger, prices and the offline writer.

Read ``providers`` (the entry point), ``model_choice`` (the model of each stage), ``anthropic`` and ``openai`` (the two
protocols), ``errors`` (provider failures as our errors), then ``pricing``.
"""
