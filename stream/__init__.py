"""From a post to a pulse: read, match, score and combine mentions. Pure, but for `stream.sources`."""
