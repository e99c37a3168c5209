"""uWSGI is a program beside its Python: becomes it."""

import os
import sys

program = sys.prefix + "/bin/uwsgi"
os.execv(program, [program, *sys.argv[1:]])
