"""The shared part of the users API: schemas, problem details, tables, engines and settings.

Nothing here imports a web framework, so the applications differ only in the framework.
"""
