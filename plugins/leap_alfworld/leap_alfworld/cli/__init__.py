"""Commands of the plugin: `leap alfworld …`."""
