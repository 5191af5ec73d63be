"""Stands in for the module of this name in a controller image, where there is no network."""


class GithubException(Exception):
    RateLimitExceededException = OSError


class Github:
    def __init__(self, *_args, **_kwargs):
        raise OSError("a controller image fetches nothing")
