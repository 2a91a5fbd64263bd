"""Where approved pages go: adapters of the port in ``domain.publishing``."""
