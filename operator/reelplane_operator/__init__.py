"""The operator: keeps the children of our four kinds as the plan wants them, and regions as the hub declares."""
