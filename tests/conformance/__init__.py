"""Do the local platforms of these tests speak as the platforms' own schemas say? See `python -m tests.conformance`."""
