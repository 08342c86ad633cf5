"""The only door to LiveKit: tokens, its server API, its webhooks, and rooms joined by our processes."""
