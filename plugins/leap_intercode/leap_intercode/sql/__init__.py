"""InterCode-SQL: questions about a database, answered by queries."""
