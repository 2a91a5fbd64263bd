"""Models: two vendors, the ledger, prices and the offline writer.

Read ``providers`` (the way in), ``choice`` (who writes which stage), ``anthropic`` and ``openai`` (the two wires),
``faults`` (everything they do wrong), then ``pricing``.
"""
