#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

# `migrate` alone logs in as the owner of the tables; everything else is the app.
OWNERS = {"migrate"}
# These start and stop the embedded servers themselves, or need none.
WITHOUT_SERVICES = {"services", "demo", "check_contact"}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command in OWNERS:
        os.environ.setdefault("FORBEAR_DATABASE_ROLE", "owner")
    if command in WITHOUT_SERVICES:
        os.environ["FORBEAR_SERVICES"] = "off"
    execute_from_command_line(sys.argv)
