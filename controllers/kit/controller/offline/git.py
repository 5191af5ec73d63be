"""Stands in for the module of this name in a controller image: the KLL compiler is no checkout there."""


class exc:
    class InvalidGitRepositoryError(Exception):
        pass


class Repo:
    def __init__(self, *_args, **_kwargs):
        raise exc.InvalidGitRepositoryError
