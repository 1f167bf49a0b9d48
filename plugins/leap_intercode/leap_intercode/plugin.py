"""The InterCode plugin of LEAP: what it registers."""

from __future__ import annotations

LEAP_API_VERSION = 1
