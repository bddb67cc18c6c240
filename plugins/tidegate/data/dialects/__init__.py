"""Dialects of SQLAlchemy for databases whose own one does not go with the versions in use. They load when a connection asks for them."""
