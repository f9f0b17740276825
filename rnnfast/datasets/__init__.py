"""The data sets that the examples train on, read from their official archives.

An archive is looked for in the folder that the environment variable RNNFAST_DATA names, then in the user's cache, and
is downloaded into the cache if it is in neither. Nothing is ever extracted to disk.
"""

from rnnfast.datasets import imdb, sms_spam

__all__ = ["imdb", "sms_spam"]
