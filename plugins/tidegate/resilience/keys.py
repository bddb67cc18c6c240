"""XCom keys that a plan names and operators write."""

HELD_KEY = "held"
"""The manifests of branches that earlier runs staged for this interval."""
