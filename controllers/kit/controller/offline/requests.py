"""Stands in for the module of this name in a controller image, where there is no network."""


def get(*_args, **_kwargs):
    raise OSError("a controller image fetches nothing")
