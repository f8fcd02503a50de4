"""The Python side of `cargo xtask bench --peers`."""
