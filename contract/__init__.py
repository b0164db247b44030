"""What all three frameworks serve: schemas, problem details, the users table and its engines.

Nothing here imports a web framework, so what differs between the three is the framework alone.
"""
