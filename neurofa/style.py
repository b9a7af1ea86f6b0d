"""How figures look. It lives in neurofa/figures/style.py."""

from .figures.style import *
