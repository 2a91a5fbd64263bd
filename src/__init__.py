"""Longtail writes SEO articles in scheduled batches and never loses one.

Read along the imports, ``domain <- agents <- infrastructure <- cli``: what an article is, the four
agents that make one, the machinery that makes them durable, and the commands people type.
"""
