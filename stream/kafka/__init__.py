"""EDGE. Kafka: what travels in which topic, who reads it, and how a worker knows where it stands."""
