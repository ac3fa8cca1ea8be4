"""The pure part of triage: facts, rules, matching, and the two functions over events."""
