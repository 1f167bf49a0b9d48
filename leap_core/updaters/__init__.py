"""The built-in updaters; registered through the same hooks as any plugin's."""
