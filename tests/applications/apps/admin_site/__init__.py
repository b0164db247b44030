"""A Django project as ``startproject`` makes it, with the admin and an application ``users``."""
