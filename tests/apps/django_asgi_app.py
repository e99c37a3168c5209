"""Django over ASGI."""

import django_site  # noqa: F401 (settings come first)
from django.core.asgi import get_asgi_application

application = get_asgi_application()
