"""Commands of the plugin: `leap intercode …`."""
