"""EDGE. The same core on Kafka, Faust and Redis: workers, each of one role, that share no disk."""
