"""A flowchart whose one page goes by a rota; `PEOPLE` stands for those who take turns."""

WRITTEN = """\
version: 1
owner: Head of communications
last_resort: [grace]
responders:
  chloe: {name: Chloe Martin, slack: U0CHLOE}
  david: {name: David Jansen, slack: U0DAVID}
  grace: {name: Grace Hall, slack: U0GRACE}
roles:
  pr_on_call: {roster: nights}
rosters:
  nights:
    timezone: Europe/Amsterdam
    rotation: {people: [PEOPLE], every: 1d, hand_over: "09:00", from: 2026-01-01}
entry:
  {viral_complaint: go, backlash: go, campaign_blunder: go, data_security: go, service_outage: go, blind: go}
nodes:
  go: {page: pr_on_call, then: done}
  done: {end: Nothing more to do.}
"""
