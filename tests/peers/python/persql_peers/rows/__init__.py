"""Files that the frameworks' own stores and ours share: what one of them writes, the other reads."""
