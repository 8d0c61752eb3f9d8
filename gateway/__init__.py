"""The gateway: an ASGI process that serves the customers of tenants' agents."""
