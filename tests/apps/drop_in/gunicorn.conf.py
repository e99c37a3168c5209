"""As Django projects have it: found because it lies where the server is started."""

wsgi_app = "project.wsgi"
workers = 2
threads = 2
timeout = 30
accesslog = "-"
max_requests = 1000
forwarded_allow_ips = "127.0.0.1"
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
