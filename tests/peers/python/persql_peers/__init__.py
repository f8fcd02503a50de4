"""Our crates under the frameworks' own base types. Nothing is stored here: every class hands over to `persql_native`."""
