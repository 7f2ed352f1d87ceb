"""Django's settings; the databases are added home by home by `federim.database`."""

from __future__ import annotations

import secrets

# Sessions and forms arrive with the portal's pages; until then nothing it signs outlives a process.
SECRET_KEY = secrets.token_urlsafe(48)
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "federim.audit",
    "federim.governance",
]
# No `default` database: an act that does not say whose home it belongs to must fail.
DATABASES: dict[str, dict[str, object]] = {}
LOGGING_CONFIG = None
