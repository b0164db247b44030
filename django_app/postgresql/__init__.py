"""Django's backend for PostgreSQL with connections on which every wait has an end."""
