"""Our extension of Brian2, for scripts of your own. It lives in neurofa/engine/brian."""
