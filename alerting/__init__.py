"""From signals to people: assessment, incident, flowchart, message. Pure, but for `alerting.delivery`."""
