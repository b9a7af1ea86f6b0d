"""What every room needs.

Errors, validation of what users give, complete files, descriptions as plain data. Imports nothing
of ours.
"""

__all__ = ["arguments", "description", "errors", "files", "fixed", "growing", "names", "netcdf", "reals", "stored"]
