"""What a customer's page loads to hear a live call, and where an organization rules who may."""

# Of the loader: semantic. A version once released never changes (releases/), a new one does.
VERSION = "1.0.0"
