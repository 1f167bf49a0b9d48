"""MySQL's meaning on SQLite: grammar, names, types, translation, functions.

`grammar` reads a statement, `names` resolves its tables and columns, `select` and `expressions`
write it for SQLite with a type for every value, `functions` are what SQLite then calls, and `show`
answers SHOW and DESCRIBE.
"""
