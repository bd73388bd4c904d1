"""The scaled deployment on the real thing: Apache Kafka and Valkey, started by the tests themselves."""
