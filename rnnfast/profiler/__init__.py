"""Where the time goes: of a whole training run, or of one problem by phase and thread."""

from rnnfast.profiler.profile import Profile, profile

__all__ = ["Profile", "profile"]
