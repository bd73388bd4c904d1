"""The pages of the console: each file exports `doors(desk)`."""
