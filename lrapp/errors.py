"""Errors that a user can act on."""


class UserError(Exception):
    """One plain sentence that states the rule, what was received, and what to do about it.

    The pages show its text; every other exception is a defect of the program.
    """


class BusyError(UserError):
    """Another process works on the same thing already."""


class Stopped(UserError):
    """The work was cancelled by a person."""

    def __init__(self, sentence: str = "This was stopped. Start it again to have it.") -> None:
        super().__init__(sentence)


class Refused(UserError):
    """A file that cannot be used however it is read; it is not kept, and not read again."""
