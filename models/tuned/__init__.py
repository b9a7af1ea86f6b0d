"""Settings with which rules of the shelf learn a task: one module per task."""
