"""What Python finds of an editable install: it hands over to neurofa/ of the clone. See
setup.py."""

from ._clone import hand_over

hand_over(__name__)
