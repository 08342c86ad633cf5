"""The only door to LiveKit: tokens, server API, webhooks, and rooms that our processes join."""
