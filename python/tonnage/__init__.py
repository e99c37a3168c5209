"""Tonnage: how much load a Python web service can carry, and a server that carries more.

Everything that works lives in the extension ``tonnage._tonnage``; the modules here
are the side of ``tonnage serve`` that has to be Python. This one is imported before
every ``tonnage --help`` and imports nothing else.
"""

from ._tonnage import __version__

__all__ = ["__version__"]
