"""Hands over to experiments/ of the clone."""

from .._clone import hand_over

hand_over(__name__)
