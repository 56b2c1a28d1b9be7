"""How does Alembic reach the database? Through the connection that `storage._schema` hands it, in its transaction."""

from alembic import context

from storage._tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most of a table; batch mode copies it.
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
