"""The models: two vendors' SDKs behind one port, what their calls cost, and the writer that needs neither.

Read ``providers`` (the way in), ``choice`` (who writes which stage), ``anthropic`` and ``openai`` (the two wires),
``faults`` (everything they do wrong), then ``pricing``.
"""
