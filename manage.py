#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""

import os
import sys

from django.core.management import execute_from_command_line

from contract.key_file import set_aside
from contract.settings import SECRET_KEY_FILE


def main() -> None:
    """Run administrative tasks."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")
    if sys.argv[1:2] == ["prepare"] and "--new-key" in sys.argv:
        # Django reads the settings before it runs a command, and an unusable file stops that.
        try:
            set_aside(SECRET_KEY_FILE)
        except OSError as error:
            sys.exit(f"{SECRET_KEY_FILE} cannot be replaced ({error.strerror})")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
