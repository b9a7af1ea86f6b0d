"""What goes in and comes out: tasks, recordings and their files, and curves made from files."""

__all__ = ["classes", "curves", "labels", "nwb", "recording", "stream", "tasks"]
