"""The users API in Django, with its admin. Alone: ``python manage.py runserver``."""
