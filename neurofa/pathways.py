"""What can be done to a pathway. It lives in neurofa/rules/pathways."""

from .rules.pathways import *
