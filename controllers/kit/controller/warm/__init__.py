"""Builds of a keymap on a tree that was built before: only what the keymap reaches is compiled again.

prepare.py runs once, when an image is made; build.py runs in each build. Whatever is in doubt is left
to the keyboard's own script.
"""
