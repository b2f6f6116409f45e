"""What can be proven about a recorded plan without an account; each module is one kind of proof."""
