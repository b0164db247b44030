"""The users API in Django, with its admin. Run it alone with ``python manage.py runserver``."""
