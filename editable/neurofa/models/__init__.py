"""Hands over to models/ of the clone."""

from .._clone import hand_over

hand_over(__name__)
