"""Learning in large circuits as a few differential equations. It lives in
neurofa/theory/order_parameters.py."""

from .theory.order_parameters import *
