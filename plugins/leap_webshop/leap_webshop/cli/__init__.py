"""Commands of the plugin: `leap webshop …`."""
