"""The application under ``wsgiref.validate``, which complains of each slip of the server."""

from wsgiref.validate import validator

import wsgi_app

app = validator(wsgi_app.app)
