"""The demo network. deploy/demo runs this package. It uses only Python's standard library."""
