"""Django over WSGI."""

import django_site  # noqa: F401 (settings come first)
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
