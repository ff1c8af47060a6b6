"""The demo network: deploy/demo runs this package. Python's standard library only."""
