"""What the demo tells everybody, because it is no secret."""

# Of every login that `seed_demo` makes.
DEMO_PASSWORD = "gentle-demo-2026"
